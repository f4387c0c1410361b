package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gate is a writer that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	got  strings.Builder
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.got.Write(p)
}

func TestLogWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		w := &logWriter{out: g}
		w.missed = func(lines int) { fmt.Fprintf(w, "%d are missing\n", lines) }
		line := strings.Repeat("x", 999) + "\n"
		began := time.Now()
		for range 4000 {
			n, err := w.Write([]byte(line))
			assert.NoError(t, err)
			assert.Equal(t, 1000, n)
		}
		w.flush()
		assert.Equal(t, logPatience, time.Since(began), "only the end waits, and not for long")
		close(g.open)
		w.flush()
		synctest.Wait()
		kept := strings.Count(g.got.String(), line)
		assert.GreaterOrEqual(t, kept, maxLogWaiting/1000)
		assert.LessOrEqual(t, kept, 2*maxLogWaiting/1000, "what waits, and what is being written")
		missing := 0 // told once or twice: some may have been dropped before the first were taken
		for line := range strings.Lines(g.got.String()) {
			if n, ok := strings.CutSuffix(line, " are missing\n"); ok {
				count, err := strconv.Atoi(n)
				require.NoError(t, err)
				missing += count
			}
		}
		assert.Equal(t, 4000-kept, missing)

		before := time.Now()
		_, _ = w.Write([]byte("the last line\n"))
		w.flush()
		assert.True(t, strings.HasSuffix(g.got.String(), "the last line\n"))
		assert.Zero(t, time.Since(before))
	})
}
