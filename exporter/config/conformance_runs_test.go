package config_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestKindsEndInTime: a run ends with its deadline, with the reason timeout, whoever does not answer: a peer that takes
// what it gets, or one behind a firewall that drops everything.
func TestKindsEndInTime(t *testing.T) {
	holes := map[string]string{"silent": silentTCP(t), "dropping": blackHole(t)}
	eachKind(t, "silence", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		waiting := make(map[string]any)
		if c.silent != nil {
			waiting["silent"] = c.silent(t)
		}
		for hole, address := range holes {
			if c.dials == nil || address == "" {
				continue
			}
			for i, cfg := range c.dials(address) {
				waiting[fmt.Sprintf("%s %d", hole, i)] = cfg
			}
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		for name, cfg := range waiting {
			all.Go(func() {
				p := endsInTime(t, k, cfg)
				mu.Lock()
				defer mu.Unlock()
				for _, p := range p {
					problems = append(problems, name+": "+p)
				}
			})
		}
		all.Wait()
		return problems
	})
}

func endsInTime(t *testing.T, k config.Kind, cfg any) (problems []string) {
	checker, err := k.New(cfg)
	if err != nil {
		return []string{err.Error()}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	r := checker.Check(ctx)
	if took := time.Since(start); took > 10*time.Second {
		problems = append(problems, "took "+took.String())
	}
	if r.Reason != healthcheck.ReasonTimeout {
		problems = append(problems, r.Reason.String()+": "+r.Details)
	}
	return append(problems, malformed(r)...)
}

// TestKindsLeaveNothing: many runs leave no goroutine, descriptor, child or temporary file, and a check that was closed,
// twice, still runs.
func TestKindsLeaveNothing(t *testing.T) {
	eachKind(t, "leftovers", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		temporary := t.TempDir()
		configs := c.fine(t)
		t.Setenv("TMPDIR", temporary)
		for _, cfg := range configs {
			problems = append(problems, leftovers(t, k, cfg, c.runs/len(configs)/slowness)...)
		}
		files, err := os.ReadDir(temporary)
		require.NoError(t, err)
		if len(files) > 0 {
			problems = append(problems, fmt.Sprintf("%d temporary files such as %s", len(files), files[0].Name()))
		}
		return problems
	})
}

func leftovers(t *testing.T, k config.Kind, cfg any, runs int) (problems []string) {
	checker, err := k.New(cfg)
	require.NoError(t, err)
	run := func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := checker.Check(ctx)
		if r.Failed() {
			problems = append(problems, r.Details)
		}
		problems = append(problems, malformed(r)...)
	}
	peer := goleak.IgnoreCurrent()
	born := children(t)
	run()
	open := descriptors(t)
	for range runs {
		run()
	}
	if closer, ok := checker.(io.Closer); ok {
		assert.NoError(t, closer.Close())
		assert.NoError(t, closer.Close())
		run()
	}
	if err := goleak.Find(peer); err != nil { // tries again for a while
		problems = append(problems, err.Error())
	}
	assert.Eventually(t, func() bool { return descriptors(t) <= open }, 10*time.Second, time.Millisecond, "the peer has some too, for a while")
	if n := children(t); n != born {
		problems = append(problems, fmt.Sprintf("%d children, %d before", n, born))
	}
	return problems
}

// descriptors returns how many files and connections this process has open, as far as that can be seen.
func descriptors(t *testing.T) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

// children returns how many processes this one is the parent of, dead ones too, as far as that can be seen.
func children(t *testing.T) (n int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // proc_pid_stat(5): state, parent
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(os.Getpid()) {
			n++
		}
	}
	return n
}
