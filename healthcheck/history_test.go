package healthcheck_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestHistoryOfManyLongTextsIsBounded has checks that all tell something long and different at each run.
func TestHistoryOfManyLongTextsIsBounded(t *testing.T) {
	const checks, rounds, most = 1800, healthcheck.HistorySize + 4, 64 << 20
	round := 0
	text := func(i int) string { return fmt.Sprintf("check %d, run %d: %s", i, round, strings.Repeat("x", 3<<10)) }
	reg := newRegistry(t, many(checks, "c", func(_ context.Context, i int) error { return errors.New(text(i)) })...)
	for ; round < rounds; round++ {
		if round == 3 {
			history := reg.History("c7")
			assert.Len(t, history[1].Details, len(history[0].Details), "while there is room, nothing is cut")
		}
		_, err := reg.Run(t.Context())
		require.NoError(t, err)
	}
	round--
	total, short := 0, 0
	for i := range checks {
		endpoint := fmt.Sprintf("c%d", i)
		history := reg.History(endpoint)
		require.Len(t, history, healthcheck.HistorySize)
		require.Equal(t, text(i), history[0].Details, "the last one is whole")
		for at, o := range history[1:] {
			total += len(o.Details)
			assert.Equal(t, healthcheck.ReasonError, o.Reason)
			if o.Details != "" && len(o.Details) < 200 {
				short++
				assert.Equal(t, fmt.Sprintf("check %d, run %d: xxx", i, round-at-1), o.Details[:strings.Index(o.Details, ": ")+5])
				assert.Equal(t, "xxx...", o.Details[len(o.Details)-6:], "it shows that it is cut")
			}
		}
	}
	assert.LessOrEqual(t, total, most)
	assert.Positive(t, short)

	var ch healthcheck.Changes
	for i := range checks {
		ch.Unregister = append(ch.Unregister, fmt.Sprintf("c%d", i))
	}
	ch.Register = many(1, "d", func(_ context.Context, i int) error { return errors.New(text(i)) })
	require.NoError(t, reg.Apply(ch))
	for range 3 {
		round++
		_, err := reg.Run(t.Context())
		require.NoError(t, err)
	}
	assert.Len(t, reg.History("d0")[2].Details, len(text(0)), "there is room again")
}

// TestHistoryOfTheSameText has a check that says the same for long: its texts take no room from others.
func TestHistoryOfTheSameText(t *testing.T) {
	text := strings.Repeat("x", 3<<10)
	reg := newRegistry(t, many(1000, "c", func(context.Context, int) error { return errors.New(strings.Clone(text)) })...)
	for range healthcheck.HistorySize + 4 {
		_, err := reg.Run(t.Context())
		require.NoError(t, err)
	}
	for _, o := range reg.History("c999") {
		assert.Equal(t, text, o.Details)
	}
}
