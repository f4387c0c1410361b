//go:build tools

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Checks fail all at the same time, 300 and 3,000 of them: that is one page, which says how many there are and why, and is
// over once. A chat is sent fifty of 300, and how many more there are.
func TestOutage(t *testing.T) {
	binary := build(t)
	for _, n := range []int{300, 3000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { outage(t, newStack(t, binary, tool(t, "prometheus"), 5), n) })
	}
}

func outage(t *testing.T, s *stack, n int) {
	const others = 10 // of each outage fail for another reason
	disk := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, os.Mkdir(disk, 0o700))
	start := func(job string, n int, more string) {
		var checks []string
		for i := range n {
			kind := fmt.Sprintf("filesystem: {path: '%s', min_free: 1}", disk)
			if i < others {
				kind = fmt.Sprintf("http: {url: '%s/%s'}", s.targets.URL, job)
			}
			checks = append(checks, fmt.Sprintf("\n  {endpoint: c%04d, %s, %s}", i, kind, more))
		}
		s.scrape(t, job, s.tick(), s.start(t, checks...))
		s.see(t, float64(n), `sum(healthcheck_status{job=%q})`, job)
	}
	start("outage", n, critical)
	start("warning", 300, "labels: {team: payments}")

	failed := time.Now()
	s.targets.turn("/outage", down)
	s.targets.turn("/warning", down)
	require.NoError(t, os.Rename(disk, disk+".away"))
	require.Eventually(t, func() bool {
		return len(s.webhook.about("outage")) >= n && len(s.webhook.about("warning")) >= 50
	}, s.patience(), poll)
	s.took(t, fmt.Sprintf("outage: all of %d told", n), failed, s.webhook.about("outage"))
	s.pass(t, 6*time.Minute) // longer than any group_interval
	recovered := time.Now()
	s.targets.turn("/outage", up)
	s.targets.turn("/warning", up)
	require.NoError(t, os.Rename(disk+".away", disk))
	require.Eventually(t, func() bool {
		_, texts := s.webhook.sent()
		told := s.webhook.about("outage")
		return told[len(told)-1].Status == "resolved" && slices.ContainsFunc(texts, func(x text) bool { return x.Action == "resolve" })
	}, s.patience(), poll)
	s.took(t, fmt.Sprintf("outage: %d, it is over", n), recovered, s.webhook.about("outage"))
	s.pass(t, 6*time.Minute)

	messages, texts := s.webhook.sent()
	incidents := make(map[string]int)
	var last text
	var resolved int
	for _, x := range texts {
		switch x.Action {
		case "trigger":
			incidents[x.Key]++
			if mentions(x, n) {
				last = x
			}
		case "resolve":
			resolved++
		}
	}
	assert.Len(t, incidents, 1, "one outage is one page")
	assert.Equal(t, 1, resolved, "and is over once")
	t.Logf("%d checks: %d messages to the pager service, %d in all", n, len(texts), len(messages))
	assert.LessOrEqual(t, len(texts), 6, "runs and scrapes do not see it all at once, but nearly so")
	assert.Equal(t, fmt.Sprintf("%d alerts (job outage): HealthcheckFailing, c0000, c0001, c0002, c0003, c0004, c0005, c0006, c0007, c0008, c0009 and %d more",
		n, n-10), last.Payload.Summary)
	assert.Contains(t, last.Payload.Details["text"], fmt.Sprintf("status %d, ", others))
	assert.Contains(t, last.Payload.Details["text"], fmt.Sprintf(" %d.\n", n-others))
	assert.Contains(t, last.Payload.Details["text"], "Check c0009 (")
	assert.NotContains(t, last.Payload.Details["text"], "Check c0010 (")

	var chat []message
	for _, m := range messages {
		if m.Receiver == "payments-chat" && m.Status == "firing" {
			chat = append(chat, m)
		}
	}
	require.NotEmpty(t, chat)
	assert.LessOrEqual(t, len(chat), 3)
	assert.True(t, slices.ContainsFunc(chat, func(m message) bool { return m.alerts == 50 && m.Truncated == 250 }), "%+v", chat)
}

// mentions reports whether a text is about n alerts.
func mentions(x text, n int) bool {
	var got int
	_, err := fmt.Sscanf(x.Payload.Summary, "%d alerts", &got)
	return err == nil && got == n
}
