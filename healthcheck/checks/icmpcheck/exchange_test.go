package icmpcheck_test

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

const ms = time.Millisecond

func TestJudgement(t *testing.T) {
	always := func(took time.Duration) func(int) time.Duration { return func(int) time.Duration { return took } }
	but := func(lost ...int) func(int) time.Duration {
		return func(i int) time.Duration {
			for _, l := range lost {
				if i == l {
					return -1
				}
			}
			return 10 * ms
		}
	}
	for _, tc := range []struct {
		what    string
		config  icmpcheck.Config
		reply   func(i int) time.Duration
		reason  healthcheck.Reason
		details string
		values  map[string]float64
	}{
		{
			"all", icmpcheck.Config{}, always(10 * ms), healthcheck.ReasonNone, "",
			map[string]float64{"icmp_sent_packets": 3, "icmp_received_packets": 3, "icmp_loss_ratio": 0, "min": 0.01, "mean": 0.01, "max": 0.01, "icmp_jitter_seconds": 0, "icmp_reply_hop_limit": 57},
		},
		{
			"none", icmpcheck.Config{}, always(-1), healthcheck.ReasonTimeout, "192.0.2.1: no answer to 3 echo requests",
			map[string]float64{"icmp_sent_packets": 3, "icmp_received_packets": 0, "icmp_loss_ratio": 1},
		},
		{"none, and that is enough", icmpcheck.Config{MaxLoss: "100%"}, always(-1), healthcheck.ReasonTimeout, "no answer to 3", nil},
		{"late", icmpcheck.Config{PacketTimeout: 500 * ms}, always(600 * ms), healthcheck.ReasonTimeout, "no answer to 3", nil},
		{"one of one", icmpcheck.Config{Count: 1}, always(10 * ms), healthcheck.ReasonNone, "", map[string]float64{"icmp_sent_packets": 1, "mean": 0.01}},
		{
			"some lost", icmpcheck.Config{Count: 5}, but(1, 4), healthcheck.ReasonNone, "",
			map[string]float64{"icmp_sent_packets": 5, "icmp_received_packets": 3, "icmp_loss_ratio": 0.4},
		},
		{"lost as many as may be", icmpcheck.Config{Count: 5, MaxLoss: "40%"}, but(1, 4), healthcheck.ReasonNone, "", nil},
		{
			"lost more", icmpcheck.Config{Count: 5, MaxLoss: "20%"}, but(1, 4), healthcheck.ReasonThreshold,
			"192.0.2.1: 2 of 5 echo requests without an answer, want at most 20%", map[string]float64{"icmp_loss_ratio": 0.4, "mean": 0.01},
		},
		{"lost a number", icmpcheck.Config{Count: 5, MaxLoss: "1"}, but(1, 4), healthcheck.ReasonThreshold, "want at most 1", nil},
		{"lost none", icmpcheck.Config{Count: 5, MaxLoss: "0"}, but(2), healthcheck.ReasonThreshold, "1 of 5", nil},
		{"fast enough", icmpcheck.Config{MaxRTT: 10 * ms, MaxWorstRTT: 10 * ms, MaxJitter: 1 * ms}, always(10 * ms), healthcheck.ReasonNone, "", nil},
		{
			"slow", icmpcheck.Config{MaxRTT: 20 * ms}, func(i int) time.Duration { return time.Duration(i+1) * 15 * ms }, healthcheck.ReasonLatency,
			"a round trip took 30ms in the mean, want at most 20ms",
			map[string]float64{"min": 0.015, "mean": 0.03, "max": 0.045, "icmp_jitter_seconds": 0.015},
		},
		{"slow once", icmpcheck.Config{MaxRTT: 40 * ms, MaxWorstRTT: 40 * ms}, func(i int) time.Duration { return time.Duration(i+1) * 15 * ms }, healthcheck.ReasonLatency, "a round trip took 45ms, want at most 40ms", nil},
		{"jitter", icmpcheck.Config{MaxJitter: 10 * ms}, func(i int) time.Duration { return time.Duration(i%2) * 15 * ms }, healthcheck.ReasonThreshold, "round trips differ by 15ms in the mean, want at most 10ms", nil},
		{"out of order", icmpcheck.Config{PacketInterval: 10 * ms}, func(i int) time.Duration { return time.Duration(100-40*i) * ms }, healthcheck.ReasonNone, "", map[string]float64{"min": 0.02, "max": 0.1}},
		{"IPv6", icmpcheck.Config{Host: "2001:db8::1"}, always(10 * ms), healthcheck.ReasonNone, "", map[string]float64{"icmp_received_packets": 3}},
	} {
		t.Run(tc.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(tc.reply)
				r := fake(t, tc.config, n.fake(), time.Minute)
				if tc.details == "" {
					checktest.RequireOK(t, r)
				} else {
					assertFails(t, r, tc.reason, tc.details)
				}
				got := values(r)
				for name, want := range tc.values {
					assert.InDelta(t, want, got[name], 1e-9, name)
				}
				if got["icmp_received_packets"] == 0 {
					assert.NotContains(t, got, "mean")
				}
				assert.Contains(t, got, "echo")
				time.Sleep(time.Second) // answers that are late still
			})
		})
	}
}

// TestPace: requests go out one by one, and faster where the run has little time.
func TestPace(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{time.Minute: 5 * 200 * ms, time.Second: 400 * ms, 100 * ms: 50 * ms} {
		t.Run(timeout.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(int) time.Duration { return ms })
				start := time.Now()
				checktest.RequireOK(t, fake(t, icmpcheck.Config{Count: 6}, n.fake(), timeout))
				assert.Len(t, n.sent, 6)
				assert.InDelta(t, want+ms, time.Since(start), float64(60*ms))
			})
		})
	}
}

// TestEnd: a run ends before it has to, and tells of those that were lost; it ends with its context in any case.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		n := newNetwork(func(i int) time.Duration { return time.Duration(i-2) * ms })
		r := fake(t, icmpcheck.Config{MaxLoss: "50%"}, n.fake(), time.Second)
		assertFails(t, r, healthcheck.ReasonThreshold, "2 of 3 echo requests without an answer")
		assert.Less(t, time.Since(start), time.Second)
		time.Sleep(time.Second)
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(int) time.Duration { return -1 })
		f := n.fake()
		f.Receive = func(time.Time) ([]byte, error) {
			time.Sleep(ms)
			return nil, syscall.EHOSTUNREACH
		}
		start := time.Now()
		r := fake(t, icmpcheck.Config{}, f, time.Minute)
		assertFails(t, r, healthcheck.ReasonConnect, "192.0.2.1: ")
		assert.Contains(t, r.Details, syscall.EHOSTUNREACH.Error())
		assert.Less(t, time.Since(start), time.Second, "it does not wait for what does not come")
	})
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(func(int) time.Duration { return ms })
		f := n.fake()
		send := f.Send
		f.Send = func(message []byte) error {
			if len(n.sent) == 1 {
				n.sent = append(n.sent, message)
				return syscall.EMSGSIZE
			}
			return send(message)
		}
		r := fake(t, icmpcheck.Config{MaxLoss: "0"}, f, time.Minute)
		assertFails(t, r, healthcheck.ReasonThreshold, "1 of 3 echo requests without an answer, want at most 0: the packet is too large for a network on the way")
	})
}

// TestForgeries: what is no answer to a request of this run is none.
func TestForgeries(t *testing.T) {
	change := func(at int, to byte) func([]byte) []byte {
		return func(b []byte) []byte {
			b[at] = to
			return b
		}
	}
	for what, forge := range map[string]func([]byte) []byte{
		"nothing":        func([]byte) []byte { return nil },
		"too short":      func(b []byte) []byte { return b[:7] },
		"cut":            func(b []byte) []byte { return b[:len(b)-1] },
		"longer":         func(b []byte) []byte { return append(b, 0) },
		"a request":      change(0, 8),
		"unreachable":    change(0, 3),
		"a code":         change(1, 1),
		"another token":  func(b []byte) []byte { b[8]++; return b },
		"another number": change(7, 99),
		"number 0":       func(b []byte) []byte { b[6], b[7] = 0, 0; return b },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(func(int) time.Duration { return ms })
				f := n.fake()
				receive := f.Receive
				f.Receive = func(until time.Time) ([]byte, error) {
					b, err := receive(until)
					if err == nil {
						b = forge(b)
					}
					return b, err
				}
				assertFails(t, fake(t, icmpcheck.Config{}, f, time.Minute), healthcheck.ReasonTimeout, "no answer to 3 echo requests")
			})
		})
	}
	t.Run("twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(func(i int) time.Duration { return time.Duration(min(i, 1)-1) * ms }) // the first is lost
			f := n.fake()
			var last []byte
			receive := f.Receive
			f.Receive = func(until time.Time) ([]byte, error) {
				if last != nil {
					again := last
					last = nil
					return again, nil
				}
				b, err := receive(until)
				last = b
				return b, err
			}
			r := fake(t, icmpcheck.Config{}, f, time.Minute)
			checktest.RequireOK(t, r)
			assert.InDelta(t, 2, values(r)["icmp_received_packets"], 0)
		})
	})
	t.Run("without end", func(t *testing.T) {
		f := icmpcheck.Fake{
			Send:    func([]byte) error { return nil },
			Receive: func(time.Time) ([]byte, error) { return make([]byte, 100), nil },
		}
		assertFails(t, fake(t, icmpcheck.Config{}, f, time.Minute), healthcheck.ReasonProtocol, "more than 1000 messages that are no answers")
	})
}
