package unixcheck_test

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

func TestConnects(t *testing.T) {
	r := run(t, unixcheck.Config{Path: serve(t, drain)})
	checktest.RequireOK(t, r)
	assert.Positive(t, values(r)["connect"])
	assert.Len(t, values(r), 1)
}

func TestDialog(t *testing.T) {
	for _, tc := range []struct {
		what    string
		handle  func(net.Conn)
		dialog  steps
		reason  healthcheck.Reason
		details string
	}{
		{"a line", echo, steps{{Send: "PING\n", Expect: "^PING$"}}, healthcheck.ReasonNone, ""},
		{"bytes", echo, steps{{SendHex: "00ff", ExpectHex: "00 f?"}}, healthcheck.ReasonNone, ""},
		{"captured", echo, steps{{Send: "n 12\n", Expect: `^n (?P<n>\d+)$`}, {Send: "${step.n}\n", Expect: "^12$"}}, healthcheck.ReasonNone, ""},
		{"rejected", say("-ERR no\n"), steps{{Expect: `^\+`, Reject: []string{"^-"}}}, healthcheck.ReasonBody, `: dialog[0]: "-ERR no" is rejected by "^-"`},
		{"cut", sayAndClose("+O"), steps{{Expect: `^\+OK`}}, healthcheck.ReasonProtocol, `the peer closed the connection early; it sent "+O"`},
		{"another", sayAndClose("-ERR\n"), steps{{Expect: `^\+OK`}}, healthcheck.ReasonBody, `before the peer closed the connection; its last line is "-ERR"`},
		{"silent", drain, steps{{Expect: `^\+OK`}}, healthcheck.ReasonTimeout, `no line matches "^\\+OK" in time; it sent nothing`},
		{"endless", say(strings.Repeat("x", 70000)), steps{{Expect: `^\+OK`}}, healthcheck.ReasonBody, "in the first 65536 bytes"},
		{"secret", echo, steps{{Send: "hunter2\n", Expect: "^OK", Reject: []string{"."}}}, healthcheck.ReasonBody, `"…" is rejected by "."`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			timeout := time.Minute
			if tc.reason == healthcheck.ReasonTimeout {
				timeout = checktest.Timeout
			}
			start := time.Now()
			r := runFor(t, unixcheck.Config{Path: serve(t, tc.handle), Dialog: tc.dialog}, timeout)
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, tc.reason, tc.details)
			}
			assert.Less(t, time.Since(start), timeout+checktest.Promptly)
			assert.Positive(t, values(r)["connect"])
			assert.Positive(t, values(r)["dialog"])
		})
	}
}

// TestNoConnection tells apart why nobody is there.
func TestNoConnection(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	dead := filepath.Join(dir, "dead")
	l := listen(t, dead).(*net.UnixListener)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	for _, tc := range []struct{ what, path, details string }{
		{"nobody listens", dead, ": connection refused"},
		{"no file", filepath.Join(dir, "nosuch"), ": there is no such file"},
		{"no folder", filepath.Join(dir, "no", "such"), ": there is no such file"},
		{"below a file", filepath.Join(file, "x"), ": not a directory"},
		{"a file", file, "not a socket"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			if tc.what == "a file" && runtime.GOOS != "linux" {
				t.Skip("only Linux refuses connections to files")
			}
			r := run(t, unixcheck.Config{Path: tc.path})
			assertFails(t, r, healthcheck.ReasonConnect, "connect to "+tc.path+": ")
			assert.Contains(t, r.Details, tc.details)
			assert.Contains(t, values(r), "connect")
		})
	}
	t.Run("no stream", func(t *testing.T) {
		p, err := new(net.ListenConfig).ListenPacket(t.Context(), "unixgram", filepath.Join(dir, "gram"))
		require.NoError(t, err)
		defer p.Close()
		assertFails(t, run(t, unixcheck.Config{Path: p.LocalAddr().String()}), healthcheck.ReasonConnect, "it is not a stream socket")
	})
	t.Run("comes back", func(t *testing.T) {
		c := unixcheck.Config{Path: dead}
		require.True(t, run(t, c).Failed())
		require.NoError(t, os.Remove(dead))
		checktest.Serve(t, listen(t, dead), drain)
		checktest.RequireOK(t, run(t, c))
	})
}

func TestMaxLatency(t *testing.T) {
	c := unixcheck.Config{Dialog: steps{{Expect: "x"}}, MaxLatency: 20 * time.Millisecond, Path: serve(t, func(conn net.Conn) {
		<-time.After(50 * time.Millisecond)
		say("x\n")(conn)
	})}
	assertFails(t, run(t, c), healthcheck.ReasonLatency, ", want at most 20ms")
	c.MaxLatency = time.Minute
	checktest.RequireOK(t, run(t, c))
}

func TestNewReportsEveryMistake(t *testing.T) {
	for _, tc := range []struct {
		what   string
		config unixcheck.Config
		fields string
	}{
		{"nothing", unixcheck.Config{}, "path"},
		{"long", unixcheck.Config{Path: "/" + strings.Repeat("x", 107)}, "path"},
		{"NUL", unixcheck.Config{Path: "/a\x00b"}, "path"},
		{"line", unixcheck.Config{Path: "/a\nb"}, "path"},
		{"no name", unixcheck.Config{Path: "@"}, "path"},
		{"long name", unixcheck.Config{Path: "@" + strings.Repeat("x", 108)}, "path"},
		{"TLS", unixcheck.Config{Path: "/a", Dialog: steps{{Send: "hunter2", StartTLS: true}}}, "dialog[0].starttls"},
		{"all", unixcheck.Config{MaxLatency: -1, Dialog: steps{{}}}, "path max_latency dialog[0]"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := unixcheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, err, "hunter2"), " "), "%v", err)
		})
	}
}

func TestSetDirectory(t *testing.T) {
	for path, want := range map[string]string{"": "", "a/s": "/etc/x/a/s", "/run/s": "/run/s", "@a": "@a", "./@a": "/etc/x/@a"} {
		if runtime.GOOS == "windows" {
			t.Skip("paths are others")
		}
		c := unixcheck.Config{Path: path}
		c.SetDirectory("/etc/x")
		assert.Equal(t, want, c.Path)
		assert.Equal(t, want, c.Target())
	}
}

func TestRedis(t *testing.T) {
	dir := shortDir(t)
	path := filepath.Join(dir, "s")
	checktest.Start(t, "redis-server", "redis-server", "--port", "0", "--unixsocket", path, "--dir", dir, "--save", "")
	c := unixcheck.Config{Path: path, Dialog: steps{{Send: "PING\r\n", Expect: `^\+PONG$`, Reject: []string{"^-"}}}}
	require.Eventually(t, func() bool { return !runFor(t, c, 5*time.Second).Failed() }, 30*time.Second, 20*time.Millisecond)
	checktest.RequireOK(t, run(t, c))
	c.Dialog[0].Send = "PONG\r\n"
	assertFails(t, run(t, c), healthcheck.ReasonBody, `is rejected by "^-"`)
}

func TestMemcached(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	require.NoError(t, os.Chmod(filepath.Dir(path), 0o777))
	checktest.Start(t, "memcached", "memcached", "-s", path, "-a", "0777", "-u", "nobody")
	c := unixcheck.Config{Path: path, Dialog: steps{{Send: "version\r\n", Expect: `^VERSION \d`, Reject: []string{"ERROR"}}}}
	require.Eventually(t, func() bool { return !runFor(t, c, 5*time.Second).Failed() }, 30*time.Second, 20*time.Millisecond)
	checktest.RequireOK(t, run(t, c))
}
