package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// childPrefix marks the roles that this program plays as a child of itself: they must be processes of their own, so that
// their CPU time is theirs alone.
const childPrefix = "child-"

// gcPercent is the exporter's.
const gcPercent = 50

func child(args []string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch args[0] {
	case childPrefix + "target":
		target(ctx)
	case childPrefix + "loop":
		loop(ctx, args[1], args[2] == "kept", number(args[3]))
	case childPrefix + "noop":
		noop(ctx, number(args[1]))
	case childPrefix + "keep":
		keep(ctx, strings.Split(args[1], ","), uint64(number(args[2])), number(args[3]), number(args[4]))
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // the parent writes it
	}
	return n
}

// target is the server that is probed. It answers /health, and /count with the number of answers.
func target(ctx context.Context) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var count atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		count.Add(1)
		_, _ = io.WriteString(w, `{"status":"UP"}`)
	})
	mux.HandleFunc("/count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, count.Load()) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	fmt.Println(l.Addr())
	go server.Serve(l) //nolint:errcheck // until the process ends
	<-ctx.Done()
}

// noop is a program that uses the library with n checks that do nothing, and the garbage collector as the exporter does.
func noop(ctx context.Context, n int) {
	debug.SetGCPercent(gcPercent)
	reg, err := registry(n, noopCheck)
	if err != nil {
		panic(err) // the checks are constants
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: collector.Handler(collector.New(reg), collector.HandlerOptions{}), ReadHeaderTimeout: 10 * time.Second}
	fmt.Println(l.Addr())
	go server.Serve(l) //nolint:errcheck // until the process ends
	time.AfterFunc(5*time.Second, debug.FreeOSMemory)
	_ = (&healthcheck.Runner{Registry: reg}).Run(ctx)
}

// loop is the baseline of a probe: net/http, n probes a second, released in slots of 50 ms to 8 workers.
func loop(ctx context.Context, addr string, kept bool, n int) {
	const slot, workers = 50 * time.Millisecond, 8
	transport := &http.Transport{DisableKeepAlives: !kept, MaxIdleConnsPerHost: 2 * workers}
	c := &http.Client{Transport: transport}
	work := make(chan struct{}, n)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range work {
				if _, err := probe(ctx, c, "http://"+addr+"/health"); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, "baseline:", err)
				}
			}
		})
	}
	fmt.Println(addr)
	ticker := time.NewTicker(slot)
	defer ticker.Stop()
	for ctx.Err() == nil {
		<-ticker.C
		for range n * int(slot) / int(time.Second) {
			work <- struct{}{}
		}
	}
	close(work)
	wg.Wait()
}

func probe(ctx context.Context, c *http.Client, url string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
}
