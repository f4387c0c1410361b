package tcpcheck_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// TestSecretInAnotherForm: where a step looks for a secret and does not find it, nothing of what the peer said is shown,
// since it may be there in another form; but what is rejected is no secret.
func TestSecretInAnotherForm(t *testing.T) {
	step := tcpcheck.Step{Expect: `^OK token=(?P<token>\w+)$`, Secret: []string{"token"}, Reject: []string{"^ERR"}}
	all := tcpcheck.Step{ExpectBytes: `^OK token=(?P<token>\w+)\n$`, Secret: []string{"token"}, Reject: []string{"^ERR"}}
	for _, s := range []tcpcheck.Step{step, all} {
		for _, said := range []string{"OK token=sesame-2026\n", "OK token= sesame", "OK  token=sesame\nmore\n"} {
			r := run(t, tcpcheck.Config{Address: serve(t, sayAndClose(said)), Dialog: []tcpcheck.Step{s}})
			require.True(t, r.Failed())
			assert.NotContains(t, r.Details, "sesame")
			r = runFor(t, tcpcheck.Config{Address: serve(t, say(said)), Dialog: []tcpcheck.Step{s}}, checktest.Timeout)
			require.True(t, r.Failed())
			assert.NotContains(t, r.Details, "sesame")
		}
		r := run(t, tcpcheck.Config{Address: serve(t, say("ERR no more tokens\n")), Dialog: []tcpcheck.Step{s}})
		told := "ERR no more tokens"
		if s.Expect == "" {
			told = "ERR" // of all that has come, a secret may be before or behind it
		}
		assertFails(t, r, healthcheck.ReasonBody, `"`+told+`" is rejected by "^ERR"`)
	}
	hexadecimal := tcpcheck.Step{ExpectHex: "00 {token:6} 00", Secret: []string{"token"}}
	r := run(t, tcpcheck.Config{Address: serve(t, sayAndClose("\x00sesame\x01")), Dialog: []tcpcheck.Step{hexadecimal}})
	require.True(t, r.Failed())
	assert.NotContains(t, r.Details, "736573")
}

// TestSecretInTwoParts: a secret whose second part comes later is not shown either.
func TestSecretInTwoParts(t *testing.T) {
	for _, next := range []tcpcheck.Step{{Send: "go\n", Expect: "^never$"}, {Send: "go\n", ExpectBytes: "never"}, {Send: "go\n", Expect: "^never$", Reject: []string{"8Rt6"}}} {
		address := serve(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "token=k7Jw2Qp9")
			_, _ = bufio.NewReader(conn).ReadString('\n')
			_, _ = io.WriteString(conn, "Xz4Lm8Rt6Vb3\nbad\n")
			_ = conn.(*net.TCPConn).CloseWrite()
			drain(conn)
		})
		r := run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{ExpectBytes: `token=(?P<token>\w+)`, Secret: []string{"token"}}, next}})
		require.True(t, r.Failed())
		assert.NotContains(t, r.Details, "Xz4L")
	}
}

// TestSecretsOfConcurrentRuns: what other runs of the check learn does not push out what this one has.
func TestSecretsOfConcurrentRuns(t *testing.T) {
	var number atomic.Int64
	const runs = 60
	var captured sync.WaitGroup
	captured.Add(runs)
	address := serve(t, func(conn net.Conn) {
		token := fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, number.Add(1))))
		_, _ = io.WriteString(conn, "token="+token+"\n")
		_, _ = bufio.NewReader(conn).ReadString('\n')
		captured.Done()
		captured.Wait()
		_, _ = io.WriteString(conn, "bad "+token+"\n")
		_ = conn.(*net.TCPConn).CloseWrite()
		drain(conn)
	})
	checker, err := tcpcheck.New(tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{
		{Expect: `^token=(?P<token>\S+)$`, Secret: []string{"token"}}, {Send: "${step.token}\n", Expect: "^good"},
	}})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range runs {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := checker.Check(ctx)
			assert.True(t, r.Failed())
			assert.Contains(t, r.Details, `its last line is "bad …"`)
		})
	}
	all.Wait()
}

// TestRejectOfHalfACharacter: a character whose second half has not come yet is not taken for garbage.
func TestRejectOfHalfACharacter(t *testing.T) {
	address := serve(t, func(conn net.Conn) {
		for _, part := range []string{"caf\xc3", "\xa9 \xe2\x82", "\xac", " ok"} {
			_, _ = io.WriteString(conn, part)
			time.Sleep(20 * time.Millisecond)
		}
		drain(conn)
	})
	checktest.RequireOK(t, run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{ExpectBytes: "ok$", Reject: []string{`[^\w\sé€]`}}}}))
	r := runFor(t, tcpcheck.Config{Address: serve(t, say("caf\xc3|")), Dialog: []tcpcheck.Step{{ExpectBytes: "ok$", Reject: []string{`[^\w\sé€|]`}}}}, time.Minute)
	assertFails(t, r, healthcheck.ReasonBody, "is rejected by")
}
