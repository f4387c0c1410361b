package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// newNameServer answers every question over UDP with one address.
func newNameServer(t *testing.T) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-ended })
	go func() {
		defer close(ended)
		for b := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			answer := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true}, Questions: m.Questions}
			answer.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 60},
				Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}},
			}}
			if packed, err := answer.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

// TestRun runs checks of each sort, one at a time, whose others are not run.
func TestRun(t *testing.T) {
	target := newTarget(t)
	config := "--config.file=" + writeConfig(t, "checks:\n"+
		httpCheck("up", target+"/up", "name: 'The shop', initial_delay: 1h, failure_threshold: 3,")+
		httpCheck("down", target+"/down", "optional: true,")+
		httpCheck("hangs", target+"/hang", "timeout: 100ms,")+
		"  - { endpoint: port, tcp: { address: '"+strings.TrimPrefix(target, "http://")+"' } }\n"+
		"  - { endpoint: shut, tcp: { address: '"+freeAddress(t)+"' } }\n"+
		"  - { endpoint: plugin, exec: { command: [sh, -c, \"echo \\\"WARNING - full | '/ x'=2KiB t=1500ms\\\"; exit 1\"], format: nagios } }\n"+
		"  - { endpoint: name, dns: { name: example.org, type: A, server: '"+newNameServer(t)+"' } }\n")
	for _, tc := range []struct {
		check string
		code  int
		want  []string // regular expressions for lines
		never string
	}{
		{"up", exitOK, []string{
			`^CHECK     up$`, `^NAME      The shop$`, `^KIND      http$`, `^TARGET    http://127\.0\.0\.1:\d+/up$`, `^STATUS    OK$`,
			`^ENDED     \d{4}-\d\d-\d\dT`, `^DURATION  [\d.]+[µm]s of \d+s$`, `^MEASURE +VALUE$`, `^healthcheck_http_status_code +200$`,
			`^healthcheck_http_phase_duration_seconds\{phase="connect"\}  +[\d.]+ \([\d.]+[µm]s\)$`, `^healthcheck_http_phase_duration_seconds\{phase="processing"\}  +`,
		}, "REASON|DETAILS"},
		{"down", exitFail, []string{`^STATUS    FAIL$`, `^REASON    status$`, `^DETAILS   status 503, want 2xx: tea time is [^\x1b]*over$`}, "\x1b|NAME"},
		{"hangs", exitFail, []string{`^REASON    timeout$`, `^DURATION  1\d\d[.\d]*ms of 100ms$`}, ""},
		{"port", exitOK, []string{`^KIND      tcp$`, `^healthcheck_tcp_phase_duration_seconds\{phase="connect"\}  `}, "REASON"},
		{"shut", exitFail, []string{`^REASON    connect$`, `^DETAILS   .*connection refused`}, ""},
		{"plugin", exitOK, []string{`^DETAILS   warning: WARNING - full$`, `^healthcheck_value\{value="/ x"\} +2048$`, `^healthcheck_value\{value="t"\} +1\.5$`}, "REASON"},
		{"name", exitOK, []string{`^KIND      dns$`, `^healthcheck_dns_answers +1$`, `^healthcheck_dns_rcode +0$`}, "REASON"},
	} {
		t.Run(tc.check, func(t *testing.T) {
			got := call(t.Context(), "run", tc.check, config)
			assert.Equal(t, tc.code, got.code, got)
			assert.Empty(t, got.stderr)
			for _, line := range tc.want {
				assert.Regexp(t, "(?m)"+line, got.stdout)
			}
			if tc.never != "" {
				assert.NotRegexp(t, tc.never, got.stdout)
			}
			column := regexp.MustCompile(`(?m)^healthcheck_[a-z_]+(?:\{.*\})? +`).FindAllString(got.stdout, -1)
			for _, c := range column {
				assert.Len(t, c, len(column[0]), "aligned: %s", got.stdout)
			}
		})
	}
}

func TestRunWithTimeout(t *testing.T) {
	target := newTarget(t)
	config := "--config.file=" + writeConfig(t, "checks:\n"+httpCheck("hangs", target+"/hang", "interval: 1s, timeout: 1s,"))
	began := time.Now()
	got := call(t.Context(), "run", "hangs", config, "--timeout=50ms")
	assert.Equal(t, exitFail, got.code)
	assert.Contains(t, got.stdout, " of 50ms\n")
	assert.Contains(t, call(t.Context(), "run", "hangs", config, "--timeout=1200ms").stdout, " of 1.2s\n", "more than the interval")
	assert.Less(t, time.Since(began), patience)
	assert.Contains(t, call(t.Context(), "run", "hangs", config, "--timeout=0s").stderr, "want a duration above 0")

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	assert.Equal(t, outcome{exitCannot, "", "interrupted\n"}, call(ctx, "run", "hangs", config, "--timeout=1m"))
}

func TestRunOfNothing(t *testing.T) {
	target := newTarget(t)
	config := "--config.file=" + writeConfig(t, "checks:\n"+httpCheck("payments-db", target+"/up", "")+httpCheck("payments-api", target+"/up", "")+
		httpCheck("central", target+"/up", "")+httpCheck("x", target+"/up", ""))
	for endpoint, want := range map[string]string{
		"centarl":  `no check has the endpoint "centarl"; did you mean "central"?`,
		"CENTRAL":  `no check has the endpoint "CENTRAL"; did you mean "central"?`,
		"payments": `no check has the endpoint "payments"; did you mean "payments-api", or "payments-db"?`,
		"nothing":  `no check has the endpoint "nothing"`,
		"zebra":    `no check has the endpoint "zebra"`,
	} {
		assert.Equal(t, outcome{exitCannot, "", want + "\n"}, call(t.Context(), "run", endpoint, config))
	}
	got := call(t.Context(), "run", "a", "--config.file="+writeConfig(t, badYAML))
	assert.Equal(t, exitCannot, got.code)
	assert.Contains(t, got.stderr, badMistakes[0])
	got = call(t.Context(), "run")
	assert.Equal(t, exitCannot, got.code)
	assert.Contains(t, got.stderr, "required argument 'endpoint' not provided, try --help\n")
}

// TestRunBesideABrokenFile: the check of one team runs though another's file is broken, and the mistakes are told where
// the check is not found.
func TestRunBesideABrokenFile(t *testing.T) {
	target := newTarget(t)
	dir := t.TempDir()
	for name, yaml := range map[string]string{"a.yml": "checks:\n" + httpCheck("fine", target+"/up", ""), "b.yml": badYAML} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(yaml), 0o600))
	}
	got := call(t.Context(), "run", "fine", "--config.file="+dir)
	assert.Equal(t, exitOK, got.code, got)
	got = call(t.Context(), "run", "other", "--config.file="+dir)
	assert.Equal(t, exitCannot, got.code)
	assert.Contains(t, got.stderr, "b.yml:4: ")
	assert.Contains(t, got.stderr, `no check has the endpoint "other"`)
	assert.Equal(t, exitCannot, call(t.Context(), "run", "fine", "--config.strict", "--config.file="+dir).code)
}
