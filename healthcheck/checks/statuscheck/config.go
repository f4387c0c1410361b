// Package statuscheck checks another process by the status document that it serves at /status: an exporter, or any
// program that uses the healthcheck package or the agent SDK.
package statuscheck

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/config"
	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "status"

// Config says where the document is and what in it counts. Only URL is required.
//
// Credentials come from one place: the user information of the URL, the header Authorization, BasicAuth or
// Authorization. Files of credentials are read in each run.
type Config struct {
	// URL of the document, such as http://localhost:8989/status. Redirects are not followed, and no proxy is used.
	URL string `yaml:"url"`
	// Headers are sent with the request. Host replaces the host of the URL.
	Headers       map[string]string     `yaml:"headers"`
	BasicAuth     *config.BasicAuth     `yaml:"basic_auth"`
	Authorization *config.Authorization `yaml:"authorization"` // of type Bearer by default
	TLSConfig     config.TLSConfig      `yaml:"tls_config"`
	Components    Components            `yaml:"components"`
}

// Components selects entries of statusChecks, by their endpoint. At most one of both lists is given. What is not
// selected is not measured either.
type Components struct {
	// Include lists the components that decide alone: the check fails when one of them is FAIL, or is not in the
	// document, and the status of the whole is not looked at.
	Include []string `yaml:"include"`
	// Ignore lists components that may be FAIL: when nothing else is, a status of the whole that is FAIL is taken
	// for theirs.
	Ignore []string `yaml:"ignore"`
}

// Target returns the URL without user information, query and fragment. It is empty for a URL that New refuses.
func (c Config) Target() string {
	u, err := parseURL(c.URL)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	c.BasicAuth.SetDirectory(dir)
	c.Authorization.SetDirectory(dir)
	c.TLSConfig.SetDirectory(dir)
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	v := validator{config: c}
	chk := &checker{target: c.Target(), include: c.Components.Include, ignore: c.Components.Ignore}
	v.url(chk)
	v.headers(chk)
	v.credentials(chk)
	v.tls(chk)
	v.components()
	if err := errors.Join(v.errs...); err != nil {
		return nil, err
	}
	return chk, nil
}

type validator struct {
	config Config
	errs   []error
}

func (v *validator) bad(field, format string, args ...any) {
	v.errs = append(v.errs, healthcheck.FieldErrorf(field, format, args...))
}

// url prepares the request, without user information, which goes into a header.
func (v *validator) url(chk *checker) {
	chk.request = &http.Request{
		Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		URL: new(url.URL), Close: true,
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"healthcheck_exporter"}},
	}
	u, err := parseURL(v.config.URL)
	if err != nil {
		v.bad("url", "%w", err)
		return
	}
	for name, values := range u.Query() {
		for _, s := range values {
			s = cmp.Or(s, name) // without a value, the name may be a token
			chk.secrets.add(s, url.QueryEscape(s))
		}
	}
	chk.user = u.User
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	chk.request.URL = u
}

// parseURL returns an absolute URL of http or https. Its errors do not repeat s, which may hold a password.
func parseURL(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("is missing: give the URL of a status document, such as http://localhost:8989/status")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("is not a URL such as http://localhost:8989/status")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("is not of the scheme http or https")
	case u.Port() != "":
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
			return nil, errors.New("has a port that is not a number from 1 to 65535")
		}
	}
	return u, nil
}

// ownHeaders are those that the framing of a request needs.
var ownHeaders = []string{"Connection", "Content-Length", "Trailer", "Transfer-Encoding"}

func (v *validator) headers(chk *checker) {
	seen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(v.config.Headers)) {
		value, canonical := v.config.Headers[name], http.CanonicalHeaderKey(name)
		field := "headers." + name
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			v.bad("headers", "%q is not the name of a header", name)
		case seen[canonical]:
			v.bad(field, "is there twice, in another spelling")
		case slices.Contains(ownHeaders, canonical):
			v.bad(field, "cannot be set")
		case !httpguts.ValidHeaderFieldValue(value):
			v.bad(field, "holds a character that is not allowed in a header")
		case canonical == "Host" && !httpguts.ValidHostHeader(value):
			v.bad(field, "is not a host")
		case canonical == "Host":
			chk.request.Host = value
		default:
			chk.request.Header.Set(name, value)
			chk.secrets.add(value)
			if _, token, ok := strings.Cut(value, " "); ok {
				chk.secrets.add(token)
			}
		}
		seen[canonical] = true
	}
}

func (v *validator) credentials(chk *checker) {
	var sources []string
	if chk.user != nil {
		sources = append(sources, "url")
		password, _ := chk.user.Password()
		chk.credentials = &credentials{user: config.NewInlineSecret(chk.user.Username()), secret: config.NewInlineSecret(password)}
	}
	if chk.request.Header.Get("Authorization") != "" {
		sources = append(sources, "headers")
	}
	if a := v.config.BasicAuth; a != nil {
		sources = append(sources, "basic_auth")
		v.validate("basic_auth", &config.HTTPClientConfig{BasicAuth: a}, a.UsernameRef+a.PasswordRef)
		chk.credentials = &credentials{user: secretReader(a.Username, a.UsernameFile), secret: secretReader(string(a.Password), a.PasswordFile)}
	}
	if a := v.config.Authorization; a != nil {
		sources = append(sources, "authorization")
		copied := *a // Validate fills in the type
		v.validate("authorization", &config.HTTPClientConfig{Authorization: &copied}, a.CredentialsRef)
		if a.Credentials == "" && a.CredentialsFile == "" {
			v.bad("authorization", "has neither credentials nor credentials_file")
		}
		chk.credentials = &credentials{scheme: copied.Type, secret: secretReader(string(a.Credentials), a.CredentialsFile)}
	}
	if len(sources) > 1 {
		v.bad("", "has credentials in %s: leave only one", strings.Join(sources, " and "))
	}
}

func (v *validator) validate(field string, c *config.HTTPClientConfig, ref string) {
	if err := c.Validate(); err != nil {
		v.bad(field, "%w", err)
	}
	if ref != "" {
		v.bad(field, "refers to a secret manager, and there is none: give a value or a file")
	}
}

func secretReader(text, file string) config.SecretReader {
	if file != "" {
		return config.NewFileSecret(file)
	}
	return config.NewInlineSecret(text)
}

func (v *validator) tls(chk *checker) {
	source, err := certs.NewSource(v.config.TLSConfig)
	if err != nil {
		v.bad("tls_config", "%w", err)
	}
	if chk.request.URL.Scheme == "https" {
		chk.tls = source
	}
}

func (v *validator) components() {
	c := v.config.Components
	if len(c.Include) > 0 && len(c.Ignore) > 0 {
		v.bad("components", "has both include and ignore: leave one of them")
	}
	v.endpoints("components.include", c.Include)
	v.endpoints("components.ignore", c.Ignore)
}

func (v *validator) endpoints(field string, list []string) {
	for i, s := range list {
		switch {
		case s == "":
			v.bad(fmt.Sprintf("%s[%d]", field, i), "is empty")
		case slices.Contains(list[:i], s):
			v.bad(fmt.Sprintf("%s[%d]", field, i), "%q is there twice", s)
		}
	}
}
