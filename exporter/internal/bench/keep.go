package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// keep is the other half of a soak: a program that uses the library, with checks written in Go that do to their contexts
// what real ones do, against all advice, and look at them long after. Each run asks the target, which counts.
func keep(ctx context.Context, addrs []string, seed uint64, first, n int) {
	debug.SetGCPercent(gcPercent)
	k := &keeper{addrs: addrs, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}}
	reg := &healthcheck.Registry{}
	checks := plan(seed, first, n, time.Now())
	all := make([]healthcheck.Check, n)
	for i, c := range checks {
		c.manner, c.visitor = libraryManner(i, c.now().interval), false
		all[i] = healthcheck.Check{Endpoint: c.endpoint(), Interval: c.now().interval, Timeout: c.timeout(), Func: k.check(c, i)}
	}
	if err := reg.Apply(healthcheck.Changes{Register: all}); err != nil {
		panic(err) // the plan is valid
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", collector.Handler(collector.New(reg), collector.HandlerOptions{Others: prometheus.DefaultGatherer}))
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, k.told()) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println(l.Addr())
	go server.Serve(l) //nolint:errcheck // until the process ends
	_ = (&healthcheck.Runner{Registry: reg}).Run(ctx)
}

// libraryManner is how the target answers check i of the library, or the check behaves. Both sides know it.
func libraryManner(i int, interval time.Duration) manner {
	switch {
	case i%20 == 9 && interval <= 5*time.Second:
		return overlong
	case i%100 == 50:
		return never
	}
	return promptly
}

// keeper has what its checks kept, and what they found.
type keeper struct {
	addrs  []string
	client *http.Client

	mu     sync.Mutex
	broken map[string]int
}

func (k *keeper) tell(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken == nil {
		k.broken = make(map[string]int)
	}
	k.broken[what]++
}

func (k *keeper) told() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var b strings.Builder
	for what, n := range k.broken {
		fmt.Fprintf(&b, "%d times: %s\n", n, what)
	}
	return b.String()
}

// memory is what a check keeps of one of its runs.
type memory struct {
	ctx      context.Context
	deadline time.Time // what ctx said the first time after the run
	err      error     // the same
	derived  []context.Context
	told     atomic.Bool // by AfterFunc
	after    bool        // AfterFunc was asked
	stop     func() bool
}

type soakKey struct{}

// check is one of the checks: i chooses what it does to its contexts. Every run looks at those of the last runs, which
// must be done, and must have stayed what they were.
func (k *keeper) check(c *planned, i int) healthcheck.CheckFunc {
	host := "http://" + k.addrs[c.index%len(k.addrs)]
	url := host + c.path()
	timeout, interval := c.timeout(), c.now().interval
	var kept [3]*memory
	runs := 0
	return func(ctx context.Context) error {
		for _, m := range kept {
			k.late(m, url)
		}
		own := ctx // to ask with
		m := &memory{ctx: ctx}
		switch i % 8 {
		case 0: // keeps nothing
			m, own = nil, context.Background()
		case 1: // is looked at by somebody else only, at any time
			own = context.Background()
			go func() { <-ctx.Done() }()
		case 2:
			child, cancel := context.WithTimeout(ctx, time.Hour)
			go func() { <-child.Done(); cancel() }()
			m.derived = append(m.derived, child)
		case 3:
			m.after = true
			m.stop = context.AfterFunc(ctx, func() { m.told.Store(true) })
		case 4:
			m.derived = append(m.derived, context.WithValue(ctx, soakKey{}, i))
		case 5:
			child, cancel := context.WithCancelCause(ctx)
			go func() { <-child.Done(); cancel(errors.New("too late")) }()
			m.derived = append(m.derived, child)
		case 6: // is looked at after the run only
			own = context.Background()
		case 7:
			go func() {
				_ = k.get(ctx, host+lingerPath) // ends with the run
			}()
		}
		kept[runs%len(kept)], runs = m, runs+1
		if c.manner == overlong {
			err := k.ask(context.WithoutCancel(own), url, timeout)
			time.Sleep(interval * 3 / 2)
			return err
		}
		return k.ask(own, url, timeout)
	}
}

func (k *keeper) ask(ctx context.Context, url string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return k.get(ctx, url)
}

func (k *keeper) get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// late looks at what was kept of a run that has ended since.
func (k *keeper) late(m *memory, url string) {
	if m == nil {
		return
	}
	err := m.ctx.Err()
	switch {
	case err == nil:
		k.tell("a kept context is not done after its run")
	case m.err != nil && m.err != err: //nolint:errorlint // it must be the very same
		k.tell("a kept context has another error than before")
	}
	m.err = err
	select {
	case <-m.ctx.Done():
	default:
		k.tell("Done of a kept context is not closed after its run")
	}
	d, ok := m.ctx.Deadline()
	if !ok || !m.deadline.IsZero() && !d.Equal(m.deadline) {
		k.tell("a kept context has another deadline than before")
	}
	m.deadline = d
	if context.Cause(m.ctx) == nil || m.ctx.Value(soakKey{}) != nil {
		k.tell("a kept context has no cause, or somebody else's value")
	}
	for _, child := range m.derived {
		if child.Err() == nil {
			k.tell("a context derived from a kept one is not done after the run")
		}
	}
	if m.after && (m.stop() || !m.told.Load()) {
		k.tell("AfterFunc of a kept context was not called after the run")
	}
	if k.get(m.ctx, url) == nil {
		k.tell("a request with a kept context succeeded after the run")
	}
}
