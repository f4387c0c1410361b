package icmpcheck_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, c icmpcheck.Config) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, icmpcheck.New, c, time.Minute)
}

// values returns what was measured, by name, or by the phase or statistic.
func values(r healthcheck.Result) map[string]float64 {
	m := checktest.Values(r, "phase")
	for key, value := range checktest.Values(r, "stat") {
		m[key] = value
	}
	return m
}

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 500)
}

// network answers each request as reply says, by its number, after that time; below zero not at all.
type network struct {
	reply func(i int) time.Duration
	sent  [][]byte
	queue chan []byte
	start time.Time
}

func newNetwork(reply func(i int) time.Duration) *network {
	return &network{reply: reply, queue: make(chan []byte, 1000), start: time.Now()}
}

func (n *network) fake() icmpcheck.Fake {
	return icmpcheck.Fake{
		Send: func(message []byte) error {
			took := n.reply(len(n.sent))
			n.sent = append(n.sent, message)
			if took >= 0 {
				time.AfterFunc(took, func() { n.queue <- answerTo(message) })
			}
			return nil
		},
		Receive: func(until time.Time) ([]byte, error) {
			timer := time.NewTimer(time.Until(until))
			defer timer.Stop()
			select {
			case message := <-n.queue:
				return message, nil
			case <-timer.C:
				return nil, os.ErrDeadlineExceeded
			}
		},
	}
}

// answerTo returns the answer to an echo request.
func answerTo(request []byte) []byte {
	answer := append([]byte(nil), request...)
	switch answer[0] {
	case 8:
		answer[0] = 0
	case 128:
		answer[0] = 129
	}
	return answer
}

// fake makes a check with this network and runs it once.
func fake(t *testing.T, c icmpcheck.Config, f icmpcheck.Fake, timeout time.Duration) healthcheck.Result {
	t.Helper()
	if c.Host == "" {
		c.Host = "192.0.2.1"
	}
	checker, err := icmpcheck.NewFake(c, f)
	require.NoError(t, err)
	return checktest.RunChecker(t, checker, timeout)
}
