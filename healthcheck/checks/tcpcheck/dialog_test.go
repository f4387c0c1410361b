package tcpcheck_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

// takes returns a handler that says greeting, wants exactly these bytes, and says whether they came.
func takes(greeting, want string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, greeting)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil {
			return
		}
		answer := "OK\r\n"
		if string(got) != want {
			answer = "NO\r\n"
		}
		_, _ = io.WriteString(conn, answer)
		drain(conn)
	}
}

// TestSends: what goes over the wire is what is written, in each of the ways to write it.
func TestSends(t *testing.T) {
	for _, tc := range []struct {
		what, greeting, want string
		dialog               []tcpcheck.Step
	}{
		{"text", "", "a\x00ü\r\n", []tcpcheck.Step{{Send: "a\x00ü\r\n"}}},
		{"hexadecimal", "", "\x00\xff\x1b\n", []tcpcheck.Step{{SendHex: "00 fF\n1b0a"}}},
		{"base64", "", "\x00ann\x00sesame", []tcpcheck.Step{{SendBase64: "AGFubgBz\nZXNhbWU="}}},
		{"captured in a line", "+OK <1896.697@db>\r\n", "APOP <1896.697@db> 1896\r\n", []tcpcheck.Step{
			{Expect: `^\+OK (?P<all><(?P<pid>\d+)\..*>)$`}, {Send: "APOP ${step.all} ${step.pid}\r\n"},
		}},
		{"captured in bytes", "login as {joe}: ", "joe", []tcpcheck.Step{{ExpectBytes: `\{(?P<who>\w+)\}: $`}, {Send: "${step.who}"}}},
		{"captured in hexadecimal, sent in it", "\xff\xffA\n\x00\xc3\xa9", "\xfeT\n\x00\xc3\xa9.", []tcpcheck.Step{
			{ExpectHex: "ffff 4? {challenge:4}"}, {SendHex: "fe54${step.challenge}2e"},
		}},
		{"captured twice: the last counts", "a1\nb2\n", "2\n", []tcpcheck.Step{{Expect: `^a(?P<n>\d)`}, {Expect: `^b(?P<n>\d)`}, {Send: "${step.n}\n"}}},
		{"a group that takes no part", "a\n", "-\n", []tcpcheck.Step{{Expect: `^a(?P<n>\d)?$`}, {Send: "${step.n}-\n"}}},
		{"other references are none", "", "${HOME} $step.n", []tcpcheck.Step{{Send: "${HOME} $step.n"}}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			dialog := slices.Concat(tc.dialog, []tcpcheck.Step{{Expect: "^OK$", Reject: []string{"^NO$"}}})
			checktest.RequireOK(t, run(t, tcpcheck.Config{Address: serve(t, takes(tc.greeting, tc.want)), Dialog: dialog}))
			wrong := tc.want[:len(tc.want)-1] + "#"
			r := run(t, tcpcheck.Config{Address: serve(t, takes(tc.greeting, wrong)), Dialog: dialog})
			assertFails(t, r, healthcheck.ReasonBody, `"NO" is rejected by "^NO$"`)
		})
	}
}

// TestCaptureBounds: a peer cannot put a line of its own into what is sent, nor fill the memory.
func TestCaptureBounds(t *testing.T) {
	for _, tc := range []struct {
		what, greeting string
		dialog         []tcpcheck.Step
		details        string
	}{
		{"line end", "a\nDELE 1\n$", []tcpcheck.Step{{ExpectBytes: `(?s)^(?P<x>.*)\$`}, {Send: "RETR ${step.x}\n"}}, "dialog[1]: send: what was captured as x ends a line"},
		{"carriage return", "a\rDELE 1\n", []tcpcheck.Step{{Expect: `^(?P<x>.*)$`}, {Send: "RETR ${step.x}\n"}}, "dialog[1]: send: what was captured as x ends a line"},
		{"NUL", "\x00$", []tcpcheck.Step{{ExpectHex: "{x:1} 24"}, {Send: "RETR ${step.x}\n"}}, "dialog[1]: send: what was captured as x ends a line"},
		{"long", strings.Repeat("x", 4097) + "\n", []tcpcheck.Step{{Expect: `^(?P<x>.*)$`}, {Send: "RETR ${step.x}\n"}}, "dialog[0]: what is to be captured as x is longer than 4096 bytes"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, tcpcheck.Config{Address: serve(t, say(tc.greeting)), Dialog: tc.dialog})
			assertFails(t, r, healthcheck.ReasonBody, tc.details)
		})
	}
}

// TestReject: an answer that is rejected fails at once; the peers here keep the connection open.
func TestReject(t *testing.T) {
	for _, tc := range []struct {
		what    string
		handle  func(net.Conn)
		step    tcpcheck.Step
		details string // none: OK
	}{
		{"a line", say("554 no service\r\n"), tcpcheck.Step{Expect: "^220 ", Reject: []string{"^4", "^5"}}, `dialog[0]: "554 no service" is rejected by "^5"`},
		{"a line after others", say("220-hi\r\n", "554 no\r\n"), tcpcheck.Step{Expect: "^220 ", Reject: []string{"^[45]"}}, `"554 no" is rejected by "^[45]"`},
		{"a line without an end", sayAndClose("554 no"), tcpcheck.Step{Expect: "^220 ", Reject: []string{"^5"}}, `"554 no" is rejected by "^5"`},
		{"rather than expected", say("220 but no\r\n"), tcpcheck.Step{Expect: "^220 ", Reject: []string{"no$"}}, `"220 but no" is rejected by "no$"`},
		{"bytes", say("log", "in incorrect: "), tcpcheck.Step{ExpectBytes: "login: $", Reject: []string{"incorrect"}}, `"login incorrect:" is rejected by "incorrect"`},
		{"bytes before hexadecimal", say("\x00E"), tcpcheck.Step{ExpectHex: "00 ?? 01", Reject: []string{"E"}}, `"0045" is rejected by "E"`},
		{"nothing", say("220 hi\r\n"), tcpcheck.Step{Expect: "^220 ", Reject: []string{"^[45]"}}, ""},
		{"a line behind", say("220 hi\r\n554 no\r\n"), tcpcheck.Step{Expect: "^220 ", Reject: []string{"^[45]"}}, ""},
		{"bytes behind", say("login: 554"), tcpcheck.Step{ExpectBytes: "login: ", Reject: []string{"554"}}, ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, tcpcheck.Config{Address: serve(t, tc.handle), Dialog: []tcpcheck.Step{tc.step}})
			if tc.details == "" {
				checktest.RequireOK(t, r)
				return
			}
			assertFails(t, r, healthcheck.ReasonBody, tc.details)
		})
	}
}

func TestExpectHex(t *testing.T) {
	for _, tc := range []struct {
		what    string
		handle  func(net.Conn)
		pattern string
		reason  healthcheck.Reason
		details string
	}{
		{"same", say("\x00\xff\xc3\x28"), "00 ff C328", healthcheck.ReasonNone, ""},
		{"any digits", say("\x4a\xff\x12"), "4? ?f ??", healthcheck.ReasonNone, ""},
		{"in pieces", say("\x00", "\xff", "\x01\x02rest"), "00ff{any:2}", healthcheck.ReasonNone, ""},
		{"another", say("\x00\xfe"), "00 ff 01", healthcheck.ReasonBody, `no answer begins with 00 ff 01; it sent "00fe"`},
		{"another high digit", say("\x5f"), "4?", healthcheck.ReasonBody, `no answer begins with 4?; it sent "5f"`},
		{"cut", sayAndClose("\x00\xff"), "00 ff 01", healthcheck.ReasonProtocol, `no answer begins with 00 ff 01: the peer closed the connection early; it sent "00ff"`},
		{"short", say("\x00\xff"), "00 ff 01", healthcheck.ReasonTimeout, `no answer begins with 00 ff 01 in time; it sent "00ff"`},
		{"none", say(), "00", healthcheck.ReasonTimeout, `no answer begins with 00 in time; it sent nothing`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			timeout := time.Minute
			if tc.reason == healthcheck.ReasonTimeout {
				timeout = checktest.Timeout
			}
			r := runFor(t, tcpcheck.Config{Address: serve(t, tc.handle), Dialog: []tcpcheck.Step{{ExpectHex: tc.pattern}}}, timeout)
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
				return
			}
			assertFails(t, r, tc.reason, tc.details)
		})
	}
}

// TestSecretsOfSteps: what is captured is hidden where it is said to be secret, and what is sent in other ways than text
// is hidden too.
func TestSecretsOfSteps(t *testing.T) {
	ask := func(conn net.Conn) {
		_, _ = io.WriteString(conn, "nonce tOk-1234567\r\n")
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err == nil {
			_, _ = fmt.Fprintf(conn, "NO %s %x\r\n", strings.TrimSpace(line), line)
		}
		drain(conn)
	}
	dialog := func(secret ...string) []tcpcheck.Step {
		return []tcpcheck.Step{
			{Expect: "^nonce (?P<nonce>.*)$", Secret: secret},
			{Send: "AUTH hunter2${step.nonce}\n", Expect: "^OK", Reject: []string{"^NO"}},
		}
	}
	address := serve(t, ask)
	r := run(t, tcpcheck.Config{Address: address, Dialog: dialog("nonce")})
	assertFails(t, r, healthcheck.ReasonBody, `is rejected by "^NO"`)
	assert.NotContains(t, r.Details, "tOk-")
	assert.NotContains(t, r.Details, "hunter2")
	r = run(t, tcpcheck.Config{Address: address, Dialog: dialog()})
	assert.Contains(t, r.Details, "tOk-1234567")
	assert.NotContains(t, r.Details, "hunter2", "though it does not stand alone")

	for what, step := range map[string]tcpcheck.Step{
		"hexadecimal": {SendHex: "00616e6e00 68756e74657232 0a"},
		"base64":      {SendBase64: "AGFubgBodW50ZXIyCg=="},
	} {
		for echo, format := range map[string]string{"text": "NO %s", "hexadecimal": "NO %x", "password": "NO hunter2 %.0s"} {
			t.Run(what+", "+echo, func(t *testing.T) {
				step.Expect, step.Reject = "^OK", []string{"^NO"}
				r := run(t, tcpcheck.Config{Dialog: []tcpcheck.Step{step}, Address: serve(t, func(conn net.Conn) {
					line, _ := bufio.NewReader(conn).ReadString('\n')
					_, _ = fmt.Fprintf(conn, format+"\r\n", strings.TrimSpace(line))
					drain(conn)
				})})
				assertFails(t, r, healthcheck.ReasonBody, `is rejected by "^NO"`)
				assert.NotContains(t, r.Details, "hunter2")
				assert.NotContains(t, r.Details, "68756e74")
			})
		}
	}
}

// TestRunsAtOnce: what one run captures is no other's.
func TestRunsAtOnce(t *testing.T) {
	numbers := make(chan int, 64)
	for i := range cap(numbers) {
		numbers <- i
	}
	address := serve(t, func(conn net.Conn) {
		want := fmt.Sprintf("%d\n", <-numbers)
		takes(want, want)(conn)
	})
	chk, err := tcpcheck.New(tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{
		{Expect: `^(?P<n>\d+)$`}, {Send: "${step.n}\n", Expect: "^OK$", Reject: []string{"^NO$"}},
	}})
	require.NoError(t, err)
	results := make(chan healthcheck.Result)
	for range cap(numbers) {
		go func() { results <- checktest.RunChecker(t, chk, time.Minute) }()
	}
	for range cap(numbers) {
		r := <-results
		assert.False(t, r.Failed(), r.Details)
	}
}

// TestManyRejects: garbage in single bytes costs no more than the bound, however many expressions are tried on it.
func TestManyRejects(t *testing.T) {
	address := serve(t, func(conn net.Conn) {
		_ = conn.(*net.TCPConn).SetNoDelay(true)
		for err := error(nil); err == nil; {
			_, err = conn.Write(bytes.Repeat([]byte{0xff}, 3))
		}
	})
	r := run(t, tcpcheck.Config{Address: address, Dialog: []tcpcheck.Step{{ExpectBytes: "(x+x+)+y", Reject: []string{"(y+y+)+z", "^a*b"}}}})
	assertFails(t, r, healthcheck.ReasonBody, "no answer matches")
}
