package udpcheck_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
)

type steps = []udpcheck.Step

func TestAnswers(t *testing.T) {
	// info is the query of game servers, which give a number first that is to be sent back.
	info := func(query []byte) [][]byte {
		if string(query) != "\xff\xff\xff\xffT\n\x00\xc3\xa9" {
			return [][]byte{[]byte("\xff\xff\xff\xffA\n\x00\xc3\xa9")}
		}
		return [][]byte{[]byte("\xff\xff\xff\xffIname")}
	}
	for _, tc := range []struct {
		what   string
		reply  func([]byte) [][]byte
		dialog steps
	}{
		{"text", echo, steps{{Send: "ping", Expect: "^ping$"}}},
		{"hexadecimal", echo, steps{{SendHex: "00ff 1b", ExpectHex: "00 ff 1?"}}},
		{"base64", echo, steps{{SendBase64: "AP8=", ExpectHex: "00ff"}}},
		{"bytes", echo, steps{{Send: "a\nb", ExpectBytes: "^a\nb$"}}},
		{"one of several lines", say("a\r\nb\r\nc"), steps{{Send: "x", Expect: "^b$"}}},
		{"one of several answers", say("a", "b", "c"), steps{{Send: "x", Expect: "^c$"}}},
		{"several answers", say("a", "b", "c"), steps{{Send: "x", Expect: "^a$"}, {Expect: "^c$"}}},
		{"challenge", info, steps{{SendHex: "ffffffff54", ExpectHex: "ffffffff41 {challenge:4}"}, {SendHex: "ffffffff54 ${step.challenge}", ExpectHex: "ffffffff49"}}},
		{"captured text", echo, steps{{Send: "n=12", Expect: `^n=(?P<n>\d+)$`}, {Send: "is ${step.n}", Expect: "^is 12$"}}},
		{"an empty one", say(""), steps{{Send: "x", ExpectBytes: "^$"}}},
		{"nothing rejected", say("a\nb"), steps{{Send: "x", Expect: "^a$", Reject: []string{"^b$"}}}},
		{"the largest", echo, steps{{Send: strings.Repeat("x", 65507), ExpectBytes: "^x{1000}"}}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, udpcheck.Config{Address: serve(t, tc.reply), Dialog: tc.dialog})
			checktest.RequireOK(t, r)
			v := values(r)
			assert.Positive(t, v["dialog"])
			assert.Len(t, v, 2, "an address needs no lookup")
		})
	}
	t.Run("IPv6", func(t *testing.T) {
		address := checktest.ServeDatagrams(t, listen(t, "::1"), echo)
		checktest.RequireOK(t, run(t, udpcheck.Config{Address: address, Dialog: steps{{Send: "ping", Expect: "^ping$"}}}))
	})
	t.Run("by name", func(t *testing.T) {
		_, port, err := net.SplitHostPort(serve(t, echo))
		require.NoError(t, err)
		other, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "[::1]:"+port) // localhost may be either
		if err == nil {
			checktest.ServeDatagrams(t, other, echo)
		}
		r := run(t, udpcheck.Config{Address: "localhost:" + port, Dialog: steps{{Send: "ping", Expect: "^ping$"}}})
		checktest.RequireOK(t, r)
		assert.Positive(t, values(r)["resolve"])
	})
}

func TestFailures(t *testing.T) {
	long := strings.Repeat("<\x1b[31m\xff>", 1000)
	for _, tc := range []struct {
		what    string
		reply   func([]byte) [][]byte
		step    udpcheck.Step
		reason  healthcheck.Reason
		details string
	}{
		{"silence", say(), udpcheck.Step{Send: "x", Expect: "^a$"}, healthcheck.ReasonTimeout, `: dialog[0]: no line matches "^a$" in time; it sent nothing`},
		{"another answer", say("b"), udpcheck.Step{Send: "x", Expect: "^a$"}, healthcheck.ReasonBody, `no line matches "^a$" in time; its last answer is "b"`},
		{"another in bytes", say("b"), udpcheck.Step{Send: "x", ExpectBytes: "^a$"}, healthcheck.ReasonBody, `no answer matches "^a$" in time; its last answer is "b"`},
		{"another in hexadecimal", say("\x00\x01"), udpcheck.Step{Send: "x", ExpectHex: "00 02"}, healthcheck.ReasonBody, `no answer begins with 00 02 in time; its last answer is "0001"`},
		{"too short", say("\x00"), udpcheck.Step{Send: "x", ExpectHex: "00 02"}, healthcheck.ReasonBody, `its last answer is "00"`},
		{"an empty one", say(""), udpcheck.Step{Send: "x", Expect: "^a$"}, healthcheck.ReasonBody, `its last answer is ""`},
		{"garbage", say(long), udpcheck.Step{Send: "x", Expect: "^a$"}, healthcheck.ReasonBody, `its last answer is "<?[31m?><?[31m?>`},
		{"rejected", say("ERR no"), udpcheck.Step{Send: "x", Expect: "^a$", Reject: []string{"^ERR"}}, healthcheck.ReasonBody, `dialog[0]: "ERR no" is rejected by "^ERR"`},
		{"a rejected line", say("b\nERR no\na"), udpcheck.Step{Send: "x", Expect: "^a$", Reject: []string{"^ERR"}}, healthcheck.ReasonBody, `"ERR no" is rejected by "^ERR"`},
		{"rejected bytes", say("\x00ERR"), udpcheck.Step{Send: "x", ExpectHex: "00", Reject: []string{"ERR"}}, healthcheck.ReasonBody, `"00455252" is rejected by "ERR"`},
		{"captured too much", say(strings.Repeat("y", 5000)), udpcheck.Step{Send: "x", Expect: "(?P<y>y+)"}, healthcheck.ReasonBody, "what is to be captured as y is longer than 4096 bytes"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			timeout := checktest.Timeout
			if tc.step.Reject != nil {
				timeout = time.Minute
			}
			start := time.Now()
			r := runFor(t, udpcheck.Config{Address: serve(t, tc.reply), Dialog: steps{tc.step}}, timeout)
			assertFails(t, r, tc.reason, tc.details)
			assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
			assert.Positive(t, values(r)["dialog"])
		})
	}
}

// TestRefused: the system of the peer says that nobody listens, whatever is expected.
func TestRefused(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		address := closed(t, host)
		for what, c := range map[string]udpcheck.Config{
			"an answer": {Dialog: steps{{Send: "x", Expect: "y"}}},
			"two sent":  {Dialog: steps{{Send: "x"}, {Send: "x", Expect: "y"}}},
			"nothing":   {Dialog: steps{{Send: "x"}}, ExpectNothing: true},
		} {
			t.Run(host+" "+what, func(t *testing.T) {
				c.Address = address
				start := time.Now()
				r := run(t, c)
				assertFails(t, r, healthcheck.ReasonConnect, address+": dialog[")
				assert.True(t, strings.HasSuffix(r.Details, "]: connection refused"), r.Details)
				assert.Less(t, time.Since(start), 30*time.Second)
			})
		}
	}
}

func TestUnknownHost(t *testing.T) {
	r := runFor(t, udpcheck.Config{Address: "nosuch.invalid.:123", Dialog: steps{{Send: "x", Expect: "y"}}}, 10*time.Second)
	assertFails(t, r, healthcheck.ReasonDNS, "resolve nosuch.invalid.: ")
}

// TestExpectNothing: silence is OK, and so is any answer but those that are rejected.
func TestExpectNothing(t *testing.T) {
	for _, tc := range []struct {
		what    string
		reply   func([]byte) [][]byte
		details string
	}{
		{"silence", say(), ""},
		{"an answer", say("thanks"), ""},
		{"rejected", say("ERR no"), `dialog[0]: "ERR no" is rejected by "^ERR"`},
	} {
		t.Run(tc.what, func(t *testing.T) {
			got := make(chan string, 10)
			address := serve(t, func(query []byte) [][]byte {
				got <- string(query)
				return tc.reply(query)
			})
			start := time.Now()
			r := run(t, udpcheck.Config{
				Address: address, ExpectNothing: true, RetryInterval: 500 * time.Millisecond, MaxLatency: 450 * time.Millisecond,
				Dialog: steps{{Send: "a:1|c", Reject: []string{"^ERR"}}},
			})
			if tc.details != "" {
				assertFails(t, r, healthcheck.ReasonBody, tc.details)
			} else if r.Reason != healthcheck.ReasonLatency { // on a busy machine
				checktest.RequireOK(t, r)
			}
			assert.Equal(t, "a:1|c", <-got)
			assert.Empty(t, got, "sent once")
			if tc.what == "silence" {
				assert.GreaterOrEqual(t, time.Since(start), 500*time.Millisecond)
			}
		})
	}
	t.Run("half of the time", func(t *testing.T) {
		start := time.Now()
		r := runFor(t, udpcheck.Config{Address: serve(t, say()), ExpectNothing: true, RetryInterval: time.Minute, Dialog: steps{{Send: "x"}}}, 4*time.Second)
		checktest.RequireOK(t, r)
		assert.Less(t, time.Since(start), 4*time.Second)
	})
	t.Run("canceled", func(t *testing.T) {
		chk, err := udpcheck.New(udpcheck.Config{Address: serve(t, say()), ExpectNothing: true, RetryInterval: time.Minute, Dialog: steps{{Send: "x"}}})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		assertFails(t, chk.Check(ctx), healthcheck.ReasonTimeout, "dialog[0]: no answer in time")
	})
}

// TestRetries: what is lost is sent again, as often as it may be.
func TestRetries(t *testing.T) {
	losing := func(n int64) (func([]byte) [][]byte, *atomic.Int64) {
		var got atomic.Int64
		return func(query []byte) [][]byte {
			if got.Add(1) <= n {
				return nil
			}
			return [][]byte{query}
		}, &got
	}
	c := udpcheck.Config{Dialog: steps{{Send: "a", Expect: "^a$"}, {Send: "b", Expect: "^b$"}}, RetryInterval: 100 * time.Millisecond}
	reply, _ := losing(2)
	c.Address = serve(t, reply)
	r := run(t, c)
	checktest.RequireOK(t, r)
	assert.GreaterOrEqual(t, values(r)["udp_resent_datagrams"], 2.0)

	reply, got := losing(1000)
	c.Address = serve(t, reply)
	r = runFor(t, c, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, "it sent nothing")
	assert.LessOrEqual(t, got.Load(), int64(3))
	assert.LessOrEqual(t, values(r)["udp_resent_datagrams"], 2.0)

	reply, got = losing(1)
	c.Address, c.Retries = serve(t, reply), new(0)
	assertFails(t, runFor(t, c, checktest.Timeout), healthcheck.ReasonTimeout, "dialog[0]")
	assert.Equal(t, int64(1), got.Load())

	t.Run("among wrong answers", func(t *testing.T) {
		var got atomic.Int64
		c := udpcheck.Config{Dialog: c.Dialog[:1], RetryInterval: 100 * time.Millisecond, Address: serve(t, func([]byte) [][]byte {
			if got.Add(1) < 3 {
				return [][]byte{[]byte("other")}
			}
			return [][]byte{[]byte("a")}
		})}
		checktest.RequireOK(t, run(t, c))
	})
}

// TestFlood: a peer that never stops is not listened to for ever, with an answer expected or not.
func TestFlood(t *testing.T) {
	for what, answer := range map[string][]byte{"small": []byte("x"), "large": bytes.Repeat([]byte("x"), 60000)} {
		t.Run(what, func(t *testing.T) {
			p := listen(t, "127.0.0.1")
			stop := make(chan struct{})
			flooded := make(chan struct{})
			go func() {
				defer close(flooded)
				_, from, err := p.ReadFrom(make([]byte, 10))
				for err == nil {
					select {
					case <-stop:
						return
					default:
						_, _ = p.WriteTo(answer, from) // which may be refused at the end
					}
				}
			}()
			r := run(t, udpcheck.Config{Address: p.LocalAddr().String(), Dialog: steps{{Send: "x", Expect: "^a$"}}})
			close(stop)
			<-flooded
			assertFails(t, r, healthcheck.ReasonBody, `no line matches "^a$" in the first `)
		})
	}
}

// TestOnlyThePeerAnswers: what comes from another port is no answer.
func TestOnlyThePeerAnswers(t *testing.T) {
	p, other := listen(t, "127.0.0.1"), listen(t, "127.0.0.1")
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if _, from, err := p.ReadFrom(make([]byte, 10)); err == nil {
			_, _ = other.WriteTo([]byte("a"), from)
		}
	}()
	r := runFor(t, udpcheck.Config{Address: p.LocalAddr().String(), Dialog: steps{{Send: "x", Expect: "^a$"}}, Retries: new(0)}, checktest.Timeout)
	<-answered
	assertFails(t, r, healthcheck.ReasonTimeout, "it sent nothing")
}

func TestMaxLatency(t *testing.T) {
	c := udpcheck.Config{Dialog: steps{{Send: "x", Expect: "x"}}, MaxLatency: 20 * time.Millisecond, Address: serve(t, func(query []byte) [][]byte {
		<-time.After(50 * time.Millisecond)
		return [][]byte{query}
	})}
	assertFails(t, run(t, c), healthcheck.ReasonLatency, ", want at most 20ms")
	c.MaxLatency = time.Minute
	checktest.RequireOK(t, run(t, c))
}

func TestSecrets(t *testing.T) {
	c := udpcheck.Config{Address: serve(t, echo), Dialog: steps{{Send: "login hunter2", Expect: "^OK", Reject: []string{"hunter"}}}}
	r := run(t, c)
	assertFails(t, r, healthcheck.ReasonBody, `is rejected by "hunter"`)
	assert.NotContains(t, strings.ReplaceAll(r.Details, `"hunter"`, ""), "hunter")
}
