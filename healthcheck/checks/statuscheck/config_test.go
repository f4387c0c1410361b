package statuscheck_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

func TestNewReportsEveryMistake(t *testing.T) {
	const good = "http://localhost:8989/status"
	headers := func(name, value string) statuscheck.Config {
		return statuscheck.Config{URL: good, Headers: map[string]string{name: value}}
	}
	for _, tc := range []struct {
		what   string
		config statuscheck.Config
		fields string
	}{
		{"nothing", statuscheck.Config{}, "url"},
		{"no scheme", statuscheck.Config{URL: "joe:hunter2@localhost:8989/status"}, "url"},
		{"other scheme", statuscheck.Config{URL: "ftp://joe:hunter2@localhost/status"}, "url"},
		{"no host", statuscheck.Config{URL: "http:///status"}, "url"},
		{"not a URL", statuscheck.Config{URL: "http://joe:hunter2 @localhost/%zz"}, "url"},
		{"port", statuscheck.Config{URL: "http://joe:hunter2@localhost:65536/"}, "url"},
		{"port", statuscheck.Config{URL: "http://localhost:0/"}, "url"},
		{"header name", headers("a b", "hunter2"), "headers"},
		{"header value", headers("X-Key", "hunter2\r\nX: y"), "headers.X-Key"},
		{"framing", headers("content-length", "7"), "headers.content-length"},
		{"host", headers("Host", "a b"), "headers.Host"},
		{"twice", statuscheck.Config{URL: good, Headers: map[string]string{"X-Key": "hunter2", "x-key": "b"}}, "headers.x-key"},
		{"CA file", statuscheck.Config{URL: good, TLSConfig: config.TLSConfig{CAFile: "nosuch.pem"}}, "tls_config"},
		{"password twice", statuscheck.Config{URL: good, BasicAuth: &config.BasicAuth{Password: "hunter2", PasswordFile: "f"}}, "basic_auth"},
		{"reference", statuscheck.Config{URL: good, BasicAuth: &config.BasicAuth{Password: "hunter2", UsernameRef: "r"}}, "basic_auth.username_ref"},
		{"basic", statuscheck.Config{URL: good, Authorization: &config.Authorization{Type: "basic", Credentials: "hunter2"}}, "authorization"},
		{"empty", statuscheck.Config{URL: good, Authorization: &config.Authorization{}}, "authorization"},
		{"two credentials", statuscheck.Config{URL: "http://joe:hunter2@localhost", BasicAuth: &config.BasicAuth{Password: "hunter2"}}, ""},
		{"two lists", statuscheck.Config{URL: good, Components: statuscheck.Components{Include: []string{"a"}, Ignore: []string{"b"}}}, "components"},
		{"empty endpoint", statuscheck.Config{URL: good, Components: statuscheck.Components{Include: []string{"a", ""}}}, "components.include[1]"},
		{"endpoint twice", statuscheck.Config{URL: good, Components: statuscheck.Components{Ignore: []string{"a", "a"}}}, "components.ignore[1]"},
		{
			"all at once", statuscheck.Config{
				Headers:    map[string]string{"Host": " ", "Authorization": "hunter2"},
				BasicAuth:  &config.BasicAuth{Password: "hunter2", PasswordRef: "r"},
				TLSConfig:  config.TLSConfig{CA: "hunter2"},
				Components: statuscheck.Components{Ignore: []string{""}},
			},
			"url headers.Host tls_config  basic_auth basic_auth.password_ref components.ignore[0]",
		},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := statuscheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, err, "hunter2"), " "), "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	for url, want := range map[string]string{
		"http://localhost:8989/status":                     "http://localhost:8989/status",
		"https://joe:hunter2@[::1]/a%2Fb?token=hunter2#me": "https://[::1]/a%2Fb?token=…",
		"joe:hunter2@localhost":                            "",
		"":                                                 "",
	} {
		assert.Equal(t, want, statuscheck.Config{URL: url}.Target())
	}
}

func TestSetDirectory(t *testing.T) {
	c := statuscheck.Config{
		BasicAuth:     &config.BasicAuth{PasswordFile: "password"},
		Authorization: &config.Authorization{CredentialsFile: "token"},
		TLSConfig:     config.TLSConfig{CAFile: "/ca.pem"},
	}
	c.SetDirectory("/etc/checks")
	assert.Equal(t, filepath.Join("/etc/checks", "password"), c.BasicAuth.PasswordFile)
	assert.Equal(t, filepath.Join("/etc/checks", "token"), c.Authorization.CredentialsFile)
	assert.Equal(t, "/ca.pem", c.TLSConfig.CAFile)
	(&statuscheck.Config{}).SetDirectory("/etc/checks")
}
