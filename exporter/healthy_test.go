package exporter_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const webClients = webTLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: cert.pem\n"

// TestHealthy asks exporters with each sort of web configuration, all of whose checks fail: knowing the configuration, and
// with nothing but the address, as in a container whose exporter has its flags to itself.
func TestHealthy(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	checks := newConfigFile(t, "checks:\n  - { endpoint: down, tcp: { address: '127.0.0.1:1' } }\n").path
	client := f.write(t, "client.yml", "tls_config: { ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem }\nbasic_auth: { username: alice, password_file: password }\n")
	f.write(t, "password", "correct horse")
	wrong := f.write(t, "wrong.yml", "tls_config: { server_name: elsewhere.example.org, ca_file: cert.pem }\n")
	for name, web := range map[string]string{
		"plain": "", "tls": webTLS, "users": webUsers, "both": webTLS + webUsers, "clients": webClients,
		"all": webClients + webUsers, "rate": "rate_limit: { burst: 1, interval: 1h }\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := ""
			if web != "" {
				file = f.write(t, name+".yml", web)
			}
			r := start(t, checks, func(o *exporter.Options) { o.WebConfigFile = file })
			_, port, err := net.SplitHostPort(r.Addr().String())
			require.NoError(t, err)
			for _, known := range []string{file, ""} {
				for _, address := range []string{"127.0.0.1:" + port, ":" + port, "0.0.0.0:" + port, "[::]:" + port, "localhost:" + port} {
					o := exporter.HealthyOptions{ListenAddresses: []string{"vsock://:1", address}, WebConfigFile: known}
					require.NoError(t, exporter.Healthy(t.Context(), o), "%s, %q", address, known)
				}
			}
			if name != "rate" {
				o := exporter.HealthyOptions{ListenAddresses: []string{r.Addr().String()}, WebConfigFile: file, HTTPConfigFile: client}
				require.NoError(t, exporter.Healthy(t.Context(), o))
			}
			if strings.Contains(web, "tls") {
				o := exporter.HealthyOptions{ListenAddresses: []string{r.Addr().String()}, WebConfigFile: file, HTTPConfigFile: wrong}
				require.ErrorContains(t, exporter.Healthy(t.Context(), o), "elsewhere.example.org", "who says whom to trust is heeded")
			}
		})
	}
}

// TestNotHealthy has somebody else at the address, or nobody, or an exporter that wants more than it is configured to.
func TestNotHealthy(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	serve := func(code int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if code == 0 {
				<-req.Context().Done()
				return
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	plain := f.write(t, "plain.yml", "http_server_config: { http2: false }\n")
	for want, o := range map[string]exporter.HealthyOptions{
		"connection refused":           {ListenAddresses: []string{freeAddress(t, "127.0.0.1")}},
		"answered 200 OK":              {ListenAddresses: []string{serve(200, "welcome")}},
		"answered 503":                 {ListenAddresses: []string{serve(503, "healthcheck_exporter is healthy.")}},
		"answered 401":                 {ListenAddresses: []string{serve(401, "")}, WebConfigFile: plain},
		"answered 429":                 {ListenAddresses: []string{serve(429, "")}, WebConfigFile: plain},
		"deadline exceeded":            {ListenAddresses: []string{serve(0, "")}},
		"give the URL":                 {SystemdSocket: true},
		"can be asked":                 {ListenAddresses: []string{"vsock://:1"}},
		"web configuration":            {WebConfigFile: "/nonexistent.yml"},
		"http configuration":           {ListenAddresses: []string{"127.0.0.1:1"}, HTTPConfigFile: "/nonexistent.yml"},
		"not a valid URL":              {URL: "http://user:hunter2@host:port/"},
		"http://127.0.0.1:1/-/healthy": {URL: "http://user:hunter2@127.0.0.1:1/-/healthy?hunter2"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		err := exporter.Healthy(ctx, o)
		cancel()
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

// TestStatusOfAnother reads the status of exporters that want something of their clients.
func TestStatusOfAnother(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	s := newTarget(t)
	s.answer("down", http.StatusTeapot)
	checks := newConfigFile(t, "name: x\nchecks:\n"+s.check("up")+s.check("down")).path
	r := start(t, checks, func(o *exporter.Options) { o.WebConfigFile = f.write(t, "web.yml", webClients+webUsers) })
	base := strings.Replace(r.URL, "http:", "https:", 1)
	const tls = "tls_config: { ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem }\n"
	f.write(t, "password", "correct horse")
	good := f.write(t, "good.yml", tls+"basic_auth: { username: alice, password_file: password }\n")
	eventually(t, func() bool {
		_, level, err := exporter.Status(t.Context(), base+"/status/up", good)
		return err == nil && level == healthcheck.OK
	})
	document, level, err := exporter.Status(t.Context(), base+"/status", good)
	require.NoError(t, err)
	assert.Equal(t, healthcheck.FAIL, level)
	assert.Contains(t, document, "{\n  \"name\": \"x\",\n")

	for want, args := range map[string][2]string{
		"wants other credentials: it answered 401 Unauthorized": {base + "/status", f.write(t, "nobody.yml", tls)},
		"unknown authority":                                    {base + "/status", ""},
		"/status/nowhere answered 404":                         {base + "/status/nowhere", good},
		"no status document: invalid character":                {base + "/-/healthy", good},
		"no status document: it has neither status":            {serveJSON(t, `{"hunter2":"OK","status":"UP"}`), ""},
		"types.yml:1: cannot be text":                          {base, f.write(t, "types.yml", "basic_auth: hunter2\n")},
		`key.yml:1: unknown key "basic_auht"`:                  {base, f.write(t, "key.yml", "basic_auht: hunter2\n")},
		"could not query for the status: http://127.0.0.1:1: ": {"http://user:hunter2@127.0.0.1:1?hunter2", ""},
	} {
		_, _, err := exporter.Status(t.Context(), args[0], args[1])
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

// TestWrongScheme asks servers with and without TLS the other way.
func TestWrongScheme(t *testing.T) {
	t.Parallel()
	f := newWebFiles(t)
	checks := newConfigFile(t, "checks: []\n").path
	plain := start(t, checks).URL
	secure := start(t, checks, func(o *exporter.Options) { o.WebConfigFile = f.write(t, "web.yml", webTLS) }).URL
	says := func(text string) string {
		return answerRaw(t, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"+text)
	}
	const speaksTLS, speaksNone = "the server speaks TLS: use https://", "the server speaks no TLS: use http://"
	for _, tc := range []struct{ url, want string }{
		{secure, speaksTLS},
		{strings.Replace(plain, "http:", "https:", 1), speaksNone},
		{says("<center>The plain HTTP request was sent to HTTPS port</center>"), speaksTLS},
		{says("Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />"), speaksTLS},
		{answerRaw(t, "\x15\x03\x01\x00\x02\x02\x46"), speaksTLS},
	} {
		_, _, err := exporter.Status(t.Context(), tc.url+"/status", "")
		require.ErrorContains(t, err, tc.want)
		require.ErrorContains(t, exporter.Healthy(t.Context(), exporter.HealthyOptions{URL: tc.url + "/-/healthy"}), tc.want)
	}
	_, _, err := exporter.Status(t.Context(), says("bad"), "")
	require.ErrorContains(t, err, "answered 400")
	assert.NotContains(t, err.Error(), "TLS")
}

// answerRaw answers each connection with some bytes once it has sent something.
func answerRaw(t *testing.T, answer string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4<<10)) // all of a small request
			_, _ = conn.Write([]byte(answer))
			conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func serveJSON(t *testing.T, text string) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }))
	t.Cleanup(s.Close)
	return s.URL
}
