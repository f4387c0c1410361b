package exporter_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// secretChecks has a secret, §, in every place that takes one, and every check fails, so that all have something to say.
const secretChecks = `name: secrets
checks:
  - endpoint: http-url
    http: { url: 'http://user:§@HTTP/path?token=§&a=b' }
  - endpoint: http-refused
    http: { url: 'http://user:§@REFUSED/path?token=§' }
  - endpoint: http-redirect
    http: { url: 'http://HTTP/redirect?token=§', follow_redirects: true, headers: { X-Token: '§' } }
  - endpoint: http-basic
    http:
      url: http://HTTP/basic
      basic_auth: { username: user, password: '§' }
  - endpoint: http-bearer
    http:
      url: http://HTTP/bearer
      authorization: { credentials: '§' }
  - endpoint: http-body
    http: { url: 'http://HTTP/body', method: POST, body: 'password=§', headers: { Cookie: 'session=§' } }
  - endpoint: http-expect
    http: { url: 'http://HTTP/ok', expect: { body_matches: ['^§$'] } }
  - endpoint: http-expect-header
    http: { url: 'http://HTTP/ok', expect: { headers: { X-Answer: '^§$' } } }
  - endpoint: http-proxy
    http: { url: 'http://HTTP/ok', proxy_url: 'http://user:§@REFUSED' }
  - endpoint: http-proxy-denies
    http: { url: 'https://HTTP/ok', proxy_url: 'http://user:§@HTTP' }
  - endpoint: http-oauth
    http:
      url: http://HTTP/ok
      oauth2: { client_id: me, client_secret: '§', token_url: 'http://HTTP/token?key=§' }
  - endpoint: tcp-dialog
    tcp:
      address: TCP
      dialog: [ { expect: '^hello' }, { send: "PASS §\n" }, { expect: '^welcome §' } ]
  - endpoint: status-url
    status: { url: 'http://user:§@HTTP/status?token=§' }
  - endpoint: status-refused
    status: { url: 'http://user:§@REFUSED/status?token=§', headers: { X-Token: '§' } }
  - endpoint: status-bearer
    status:
      url: http://HTTP/bearer
      authorization: { credentials: '§' }
  - endpoint: exec-env
    exec: { command: [/bin/false], env: { PASSWORD: '§' }, stdin: '§' }
  - endpoint: exec-argument
    exec: { command: [/bin/false, --password, '§'] }
  - endpoint: exec-missing
    exec: { command: [/nonexistent/program, '§'] }
`

// TestNothingShowsASecret serves, logs, fails and reloads a configuration full of secrets from files and variables.
func TestNothingShowsASecret(t *testing.T) {
	const secret = "hunter2"
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/ok":
			_, _ = io.WriteString(w, "fine")
		case "/redirect":
			http.Redirect(w, req, "/denied?"+req.URL.RawQuery, http.StatusFound)
		default:
			http.Error(w, "denied", http.StatusForbidden)
		}
	}))
	defer web.Close()
	line, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer line.Close()
	go func() {
		for {
			conn, err := line.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "hello\nwrong password\n")
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	places := strings.NewReplacer("HTTP", strings.TrimPrefix(web.URL, "http://"), "REFUSED", freeAddress(t, "127.0.0.1"), "TCP", line.Addr().String())
	t.Setenv("TEST_SECRET", secret)
	for _, reference := range []string{"${TEST_SECRET}", "${file:secret}"} {
		t.Run(reference, func(t *testing.T) {
			yaml := strings.ReplaceAll(places.Replace(secretChecks), "§", reference)
			f := newConfigFile(t, yaml)
			secretFile := filepath.Join(filepath.Dir(f.path), "secret")
			require.NoError(t, os.WriteFile(secretFile, []byte(secret+"\n"), 0o600))
			jsonLogs := &logBuffer{}
			r := start(t, f.path, enableLifecycle, func(o *exporter.Options) {
				o.EnablePprof = true
				o.Logger = slog.New(both{o.Logger.Handler(), slog.NewJSONHandler(jsonLogs, &slog.HandlerOptions{Level: slog.LevelDebug})})
			})
			eventually(t, r.ready)
			snapshot := r.Registry().Snapshot()
			require.Len(t, snapshot.States, strings.Count(secretChecks, "endpoint:"))
			shown := map[string]string{}
			look := func(path string, header ...string) { shown[path+fmt.Sprint(header)] = r.get(t, path, header...).Body }
			for i := range snapshot.States {
				s := &snapshot.States[i]
				_, details := s.LastFailure()
				assert.True(t, s.Failing(), s.Check.Endpoint)
				assert.NotEmpty(t, details, s.Check.Endpoint)
				look("/status/" + s.Check.Endpoint)
			}
			for _, path := range []string{"/", "/?q=" + "http", "/status", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
				look(path)
			}
			for _, accept := range []string{acceptText, acceptOpenMetrics, acceptProtobuf} {
				look("/metrics", "Accept", accept)
			}

			for i, bad := range []string{
				"name: [§]\n", "checks: §\n", "defaults: { interval: § }\n",
				"checks:\n  - endpoint: '§'\n    interval: '§'\n    optional: '§'\n    http: { url: '§://x', expect: { status: ['§'], body_matches: ['(§'] } }\n",
				"checks:\n  - endpoint: a\n    depends_on: ['§']\n    labels: { '§': '§' }\n    tcp: { address: '§' }\n",
				"checks:\n  - endpoint: a\n    exec: { command: ['§'], dir: '§', exit_codes: ['§'] }\n  - endpoint: b\n    dns: { name: '§ §', type: '§', server: '§:x' }\n",
				"checks:\n  - endpoint: a\n    http: { url: 'http://user:§@x:port/', tls_config: { ca: '§', cert: '§', key: '§' }, proxy_url: ':§' }\n",
				"checks:\n  - endpoint: a\n    filesystem: { path: '§', min_free: '§' }\n  - endpoint: a\n    status: { url: 'x?§' }\n",
			} {
				f.write(strings.ReplaceAll(bad, "§", reference))
				a := r.do(t, http.MethodPost, r.URL+"/-/reload")
				assert.Equal(t, http.StatusInternalServerError, a.Code, bad)
				shown[fmt.Sprint("reload ", i)] = a.Body
			}
			look("/")
			require.NoError(t, r.stop())
			shown["logs"], shown["JSON logs"] = r.logs.String(), jsonLogs.String()
			require.Contains(t, shown["JSON logs"], "check is FAIL")
			for where, text := range shown {
				if at := strings.Index(text, secret); at >= 0 {
					assert.Fail(t, "the secret is shown", "%s: %s", where, text[max(0, at-200):min(len(text), at+100)])
				}
			}
		})
	}
}

// both is a handler that logs twice.
type both [2]slog.Handler

func (b both) Enabled(ctx context.Context, l slog.Level) bool { return b[0].Enabled(ctx, l) }

func (b both) Handle(ctx context.Context, r slog.Record) error {
	if err := b[0].Handle(ctx, r.Clone()); err != nil {
		return err
	}
	return b[1].Handle(ctx, r)
}

func (b both) WithAttrs(a []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(a), b[1].WithAttrs(a)}
}

func (b both) WithGroup(name string) slog.Handler {
	return both{b[0].WithGroup(name), b[1].WithGroup(name)}
}

// TestMistakesShowNoSecret writes secrets where something else belongs. The answer to a reload goes to whoever may ask for
// one, and the log to many more.
func TestMistakesShowNoSecret(t *testing.T) {
	t.Parallel()
	f := newConfigFile(t, "checks: []\n")
	r := start(t, f.path, enableLifecycle)
	for _, http := range []string{
		"authorization: Bearer hunter2", "authorization: {Bearer hunter2}", "basic_auth: hunter2", "basic_auth: {ann: hunter2}", "headers: 'X-Token: hunter2'",
		"headers: {'X-Token: hunter2'}", "basic_auth: {password: !hunter2 x}", "basic_auth: {password: *hunter2}", "oauth2: [hunter2]",
	} {
		f.write("checks:\n  - endpoint: a\n    http:\n      " + http + "\n      url: http://x\n")
		got := r.do(t, "POST", r.URL+"/-/reload")
		assert.Equal(t, 500, got.Code, http)
		assert.Contains(t, got.Body, "checks.yml:4: ", http)
		assert.NotContains(t, got.Body, "hunter2", http)
	}
	assert.NotContains(t, r.logs.String(), "hunter2")
}
