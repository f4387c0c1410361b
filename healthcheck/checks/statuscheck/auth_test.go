package statuscheck_test

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

// credentials are configurations whose credentials are joe and hunter2, or the token hunter2, with the header to which
// they lead.
func credentials(t *testing.T, url string) map[string]statuscheck.Config {
	t.Helper()
	return map[string]statuscheck.Config{
		"url":           {URL: strings.Replace(url, "://", "://joe:hunter2@", 1)},
		"basic auth":    {URL: url, BasicAuth: &config.BasicAuth{Username: "joe", Password: "hunter2"}},
		"files":         {URL: url, BasicAuth: &config.BasicAuth{UsernameFile: checktest.WriteFile(t, "joe\n"), PasswordFile: checktest.WriteFile(t, "hunter2\n")}},
		"authorization": {URL: url, Authorization: &config.Authorization{Credentials: "hunter2"}},
		"token file":    {URL: url, Authorization: &config.Authorization{CredentialsFile: checktest.WriteFile(t, "hunter2\n")}},
		"token type":    {URL: url, Authorization: &config.Authorization{Type: "Token", Credentials: "hunter2"}},
		"header":        {URL: url, Headers: map[string]string{"Authorization": "Bearer hunter2"}},
	}
}

func TestCredentials(t *testing.T) {
	got := make(chan string, 1)
	url := handle(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Header.Get("Authorization")
		_, _ = w.Write([]byte(document(t, "one.json")))
	})
	want := map[string]string{"authorization": "Bearer hunter2", "token file": "Bearer hunter2", "token type": "Token hunter2", "header": "Bearer hunter2"}
	for name, c := range credentials(t, url) {
		t.Run(name, func(t *testing.T) {
			checktest.RequireOK(t, run(t, c))
			if w, ok := want[name]; ok {
				assert.Equal(t, w, <-got)
			} else {
				assert.Equal(t, "Basic am9lOmh1bnRlcjI=", <-got)
			}
		})
	}
}

func TestCredentialFilesAreReadInEachRun(t *testing.T) {
	got := make(chan string, 1)
	url := handle(t, func(w http.ResponseWriter, req *http.Request) {
		got <- req.Header.Get("Authorization")
		_, _ = w.Write([]byte(document(t, "one.json")))
	})
	file := checktest.WriteFile(t, "one")
	c := statuscheck.Config{URL: url, Authorization: &config.Authorization{CredentialsFile: file}}
	chk, err := statuscheck.New(c)
	require.NoError(t, err)
	checktest.RequireOK(t, chk.Check(t.Context()))
	assert.Equal(t, "Bearer one", <-got)
	require.NoError(t, os.WriteFile(file, []byte("two"), 0o600))
	checktest.RequireOK(t, chk.Check(t.Context()))
	assert.Equal(t, "Bearer two", <-got)
	require.NoError(t, os.Remove(file))
	assertFails(t, chk.Check(t.Context()), healthcheck.ReasonAuth, "no such file")
}

// TestSecretsStayOutOfDetails: the server sends everything back that it got.
func TestSecretsStayOutOfDetails(t *testing.T) {
	quote := func(s string) string { return strings.NewReplacer(`"`, "", `\`, "", "\n", " ", "\r", " ").Replace(s) }
	echo := map[string]string{
		"in a component": handle(t, func(w http.ResponseWriter, req *http.Request) {
			text := quote(strings.Repeat("x", 185) + " " + req.RequestURI + " " + req.Header.Get("Authorization") + req.Header.Get("X-Api-Key"))
			user, password, _ := req.BasicAuth()
			_, _ = w.Write([]byte(`{"status":"FAIL","statusChecks":{"a":{"status":{"result":"FAIL","details":"` + text + `"}},` +
				`"` + user + password + `":{"status":{"result":"FAIL","details":"` + quote(req.Header.Get("Authorization")) + `"}}}}`))
		}),
		"in the status line": raw(t, func(conn net.Conn) { _, _ = conn.Write([]byte("HTTP/1.1 hunter2 am9lOmh1bnRlcjI=\r\n\r\n")) }),
		"in the status":      answer(t, 503, `{"status":"hunter2","statusChecks":{}}`),
	}
	for where, url := range echo {
		configs := credentials(t, url)
		configs["query"] = statuscheck.Config{URL: url + "?token=hunter2&hunter2"}
		configs["other header"] = statuscheck.Config{URL: url, Headers: map[string]string{"X-Api-Key": "hunter2"}}
		for name, c := range configs {
			t.Run(name+" "+where, func(t *testing.T) {
				assert.True(t, strings.HasPrefix(c.Target(), url))
				assert.NotContains(t, c.Target(), "hunt")
				r := run(t, c)
				assert.True(t, r.Failed())
				assert.NotContains(t, r.Details, "hunt")
				assert.NotContains(t, r.Details, "am9lOmh1")
			})
		}
	}
}

func TestTLS(t *testing.T) {
	for _, tc := range certstest.Cases(t) {
		t.Run(tc.Name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(document(t, "one.json")))
			}))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{tc.Cert}}
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			s.StartTLS()
			t.Cleanup(s.Close)
			r := run(t, statuscheck.Config{URL: s.URL + "/status", TLSConfig: tc.Settings})
			v := values(r)
			if tc.Details == "" {
				checktest.RequireOK(t, r)
				assert.InDelta(t, 1, v["central"], 0)
			} else {
				assertFails(t, r, healthcheck.ReasonTLS, "TLS handshake with ")
				assert.Contains(t, r.Details, tc.Details)
			}
			assert.InDelta(t, tc.Verified, v["tls_certificate_verified"], 0)
			assert.Positive(t, v["tls_certificate_not_after_timestamp_seconds"])
		})
	}
	t.Run("not TLS", func(t *testing.T) {
		url := strings.Replace(answer(t, 200, document(t, "one.json")), "http:", "https:", 1)
		assertFails(t, run(t, statuscheck.Config{URL: url}), healthcheck.ReasonTLS, "the peer does not speak TLS")
	})
	t.Run("the CA file has gone", func(t *testing.T) {
		file := checktest.WriteFile(t, certstest.NewCA(t).PEM)
		chk, err := statuscheck.New(statuscheck.Config{URL: strings.Replace(answer(t, 200, ""), "http:", "https:", 1), TLSConfig: config.TLSConfig{CAFile: file}})
		require.NoError(t, err)
		require.NoError(t, os.Remove(file))
		assertFails(t, chk.Check(t.Context()), healthcheck.ReasonTLS, "ca_file: stat "+file)
	})
}

// A name in the document that is a long token of ours is not shown, not even its beginning.
func TestTokenAsNameStaysOutOfDetails(t *testing.T) {
	token := "Sesame." + strings.Repeat("Of-The-Day.", 40)
	url := handle(t, func(w http.ResponseWriter, req *http.Request) {
		name := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
		_, _ = w.Write([]byte(`{"` + name + `":1,"` + name + `":1,"status":"OK","statusChecks":{}}`))
	})
	r := run(t, statuscheck.Config{URL: url, Authorization: &config.Authorization{Credentials: config.Secret(token)}})
	assert.Contains(t, r.Details, "is there twice")
	assert.NotContains(t, r.Details, "Sesame")
}
