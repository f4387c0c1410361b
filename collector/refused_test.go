package collector_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
)

// still is a source that never changes, so that scrapes may share what they see.
type still struct{ *fixed }

func (still) Generation() uint64 { return 1 }

// TestJoinersAreRefusedTogether has scrapes that share a rendering for which there is no room: those that joined wait no
// longer than the one that they wait for, and leave with their clients.
func TestJoinersAreRefusedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(still{large(1000)}), collector.HandlerOptions{})
		var held []*slowClient
		var wg sync.WaitGroup
		for i := range 8 {
			c := &slowClient{header: http.Header{}, may: make(chan struct{})}
			held = append(held, c)
			wg.Go(func() { h.ServeHTTP(c, unlikeAny(i)) })
		}
		synctest.Wait()
		time.Sleep(11 * time.Second) // those that found no room are refused
		began := time.Now()
		var refused [3]time.Duration
		for i := range refused {
			wg.Go(func() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, unlikeAny(-1))
				assert.Equal(t, http.StatusServiceUnavailable, w.Code)
				refused[i] = time.Since(began)
			})
		}
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		gone := newClient(h, unlikeAny(-1).WithContext(ctx))
		leave()
		synctest.Wait()
		assert.True(t, gone.over(), "its client waits for nothing")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		assert.Equal(t, [3]time.Duration{10 * time.Second, 10 * time.Second, 10 * time.Second}, refused)
		for _, c := range held {
			close(c.may)
		}
		wg.Wait()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, unlikeAny(-1))
		assert.Equal(t, http.StatusOK, w.Code, "what was refused is not joined")
	})
}

// TestReadersThatFallBehindAreBounded has many scrapes share a rendering that only one of them keeps up with. Each of the
// others needs one of its own.
func TestReadersThatFallBehindAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := collector.Handler(collector.New(still{large(20_000)}), collector.HandlerOptions{})
		most := fallBehind(t, h)
		assert.Less(t, most, 64<<20/(2<<20), "of 64 MiB each takes two")
		assert.Greater(t, most, 4)
		assert.Equal(t, most, fallBehind(t, h), "what they held is given back")

		var full []*slowClient
		var wg sync.WaitGroup
		for i := range 3 {
			c := &slowClient{header: http.Header{}, may: make(chan struct{})}
			full = append(full, c)
			wg.Go(func() { h.ServeHTTP(c, unlikeAny(i)) })
		}
		synctest.Wait()
		assert.Equal(t, 4, fallBehind(t, h), "however little room there is")
		assert.Equal(t, 4, fallBehind(t, h))
		for _, c := range full {
			close(c.may)
		}
		wg.Wait()
	})
}

// fallBehind has 60 clients that share a rendering, of which one takes all of it before the others take more than its
// beginning. It returns how many of the others were served; the rest must be broken off.
func fallBehind(t *testing.T, h http.Handler) (served int) {
	t.Helper()
	clients := make([]*client, 60)
	var aborted atomic.Int64
	for i := range clients {
		clients[i] = newClient(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			defer func() {
				if err := recover(); err != nil {
					assert.Equal(t, http.ErrAbortHandler, err)
					aborted.Add(1)
				}
			}()
			h.ServeHTTP(w, req)
		}), unlikeAny(-1))
	}
	clients[0].finish()
	whole := clients[0].got.String()
	require.Contains(t, whole, `healthcheck_info{check="check-019999"`)
	for _, c := range clients[1:] {
		c.may <- struct{}{}
		synctest.Wait()
	}
	for _, c := range clients[1:] {
		over := c.over()
		c.finish()
		assert.Equal(t, !over, c.got.String() == whole, "broken off or whole")
		if !over {
			served++
		}
	}
	assert.Equal(t, len(clients)-1, served+int(aborted.Load()))
	return served
}
