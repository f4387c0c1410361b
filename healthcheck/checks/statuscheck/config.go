// Package statuscheck checks another process by the status document that it serves at /status: an exporter, or any
// program that uses the healthcheck package or the agent SDK.
package statuscheck

import (
	"slices"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "status"

// Config says where the document is and what in it counts. Only URL is required.
//
// Credentials come from one place: the user information of the URL, the header Authorization, BasicAuth or
// Authorization. Files of credentials are read in each run.
type Config struct {
	// URL of the document, such as http://localhost:8989/status. Redirects are not followed, and no proxy is used.
	URL string `yaml:"url" example:"http://localhost:8990/status"`
	// Headers are sent with the request. Host replaces the host of the URL.
	Headers map[string]string `yaml:"headers" example:"{X-Team: payments}"`
	// AcceptEncoding lists the content codings to ask for, of gzip, deflate, br and identity. The first three are decoded
	// whether they were asked for or not.
	AcceptEncoding []string `yaml:"accept_encoding" example:"[gzip]"`

	// BasicAuth is a user and a password to send.
	BasicAuth *config.BasicAuth `yaml:"basic_auth"`
	// Authorization is a token to send, of type Bearer by default.
	Authorization *config.Authorization `yaml:"authorization"`
	// TLSConfig is for https.
	TLSConfig config.TLSConfig `yaml:"tls_config"`
	// Components selects entries of the document.
	Components Components `yaml:"components"`
}

// Components selects entries of statusChecks, by their endpoint. At most one of both lists is given. What is not
// selected is not measured either.
type Components struct {
	// Include lists the components that decide alone: the check fails when one of them is FAIL, or is not in the
	// document, and the status of the whole is not looked at.
	Include []string `yaml:"include" example:"[database]"`
	// Ignore lists components that may be FAIL: when nothing else is, a status of the whole that is FAIL is taken
	// for theirs.
	Ignore []string `yaml:"ignore" example:"[optional-part]"`
}

// Target returns the URL without user information, the values of its query, and its fragment. It is empty for a URL
// that New refuses.
func (c Config) Target() string { return target.URLLabel(c.URL) }

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	c.BasicAuth.SetDirectory(dir)
	c.Authorization.SetDirectory(dir)
	c.TLSConfig.SetDirectory(dir)
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	client := httpclient.New(httpclient.Settings{
		URL: c.URL, Headers: c.Headers, Accept: "application/json", AcceptEncoding: c.AcceptEncoding,
		Public: slices.Concat(c.Components.Include, c.Components.Ignore), MaxBodyBytes: MaxDocumentBytes, WholeBody: true,
		BasicAuth: c.BasicAuth, Authorization: c.Authorization, TLSConfig: c.TLSConfig,
	}, &m)
	c.Components.check(&m)
	if err := m.Err(); err != nil {
		return nil, err
	}
	return &checker{Client: client, target: c.Target(), include: c.Components.Include, ignore: c.Components.Ignore}, nil
}

func (c *Components) check(m *field.Mistakes) {
	if len(c.Include) > 0 && len(c.Ignore) > 0 {
		m.Add("components", "has both include and ignore: leave one of them")
	}
	checkEndpoints(m, "components.include", c.Include)
	checkEndpoints(m, "components.ignore", c.Ignore)
}

func checkEndpoints(m *field.Mistakes, name string, list []string) {
	for i, s := range list {
		switch {
		case s == "":
			m.Add(field.Item(name, i), "is empty")
		case slices.Contains(list[:i], s):
			m.Add(field.Item(name, i), "%q is there twice", s)
		}
	}
}
