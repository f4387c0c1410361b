package httpclient

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// secrets returns what of the settings nobody must see, and room for what is learned in a run; nil if there is neither.
func (b *builder) secrets(u *url.URL) *secret.Set {
	if !b.Sessions && b.user == nil && u.RawQuery == "" && len(b.Headers) == 0 && b.Body == "" && b.BasicAuth == nil && b.Authorization == nil &&
		b.OAuth2 == nil && b.ProxyURL == "" && !b.ProxyFromEnvironment && len(b.ProxyConnectHeader) == 0 {
		return nil
	}
	set := b.emptySet()
	addURL(set, b.user, u.RawQuery)
	b.addHeaders(set)
	set.AddText(b.Body)
	if a := b.BasicAuth; a != nil {
		set.AddBasic(a.Username, string(a.Password))
	}
	if a := b.Authorization; a != nil {
		set.Add(string(a.Credentials))
	}
	if o := b.OAuth2; o != nil {
		set.Add(string(o.ClientSecret), string(o.ClientCertificateKey))
		set.Add(slices.Collect(maps.Values(o.EndpointParams))...) // a password, with some services
		if u, err := url.Parse(o.TokenURL); err == nil {
			addURL(set, u.User, u.RawQuery)
		}
	}
	proxies := []string{b.ProxyURL}
	if b.ProxyFromEnvironment {
		for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
			proxies = append(proxies, os.Getenv(name), os.Getenv(strings.ToLower(name)))
		}
	}
	for _, proxy := range proxies {
		if proxy, err := url.Parse(proxy); err == nil {
			addURL(set, proxy.User, proxy.RawQuery)
		}
	}
	for _, values := range b.ProxyConnectHeader {
		for _, value := range values {
			set.Add(string(value))
		}
	}
	return set
}

// emptySet returns a set that knows what is public.
func (b *builder) emptySet() *secret.Set {
	return secret.New(append(b.Public, target.URLLabel(b.URL))...)
}

func addURL(set *secret.Set, user *url.Userinfo, query string) {
	if user != nil {
		password, _ := user.Password()
		set.AddBasic(user.Username(), password)
	}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = name // perhaps a bare token
		}
		set.Add(value)
	}
}

// addHeaders adds the values of all headers but those that are known to hold no secret.
func (b *builder) addHeaders(set *secret.Set) {
	for name, value := range b.Headers {
		addHeader(set, http.CanonicalHeaderKey(name), value)
	}
}

func addHeader(set *secret.Set, canonical, value string) {
	switch canonical {
	case "Host", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Content-Type":
	case "Cookie":
		set.AddText(value)
	default:
		set.Add(value)
	}
}
