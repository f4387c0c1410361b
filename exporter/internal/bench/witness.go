package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// witness is the target of a soak. It notes when each check asked, and with which of its definitions.
type witness struct {
	addrs []string
	began time.Time // its clock is that of the exporter's schedule: the time at the start, monotonic since

	seen []record // of each check
}

type record struct {
	sync.Mutex
	arrivals []arrival
}

type arrival struct {
	at      int64 // Unix nanoseconds
	promise int32 // index
}

// lingerPath is never answered, and not counted.
const lingerPath = "/linger"

// newWitness listens on several addresses of loopback, so that there are ports enough for a new connection a run.
func newWitness(ctx context.Context, checks int) (*witness, error) {
	w := &witness{began: time.Now(), seen: make([]record, checks)}
	server := &http.Server{Handler: w, ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	for i := range 4 {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", fmt.Sprintf("127.0.0.%d:0", i+1))
		if err != nil {
			return nil, err
		}
		w.addrs = append(w.addrs, l.Addr().String())
		go server.Serve(l) //nolint:errcheck // until the context ends
	}
	return w, nil
}

// now is the time in Unix nanoseconds.
func (w *witness) now() int64 { return w.began.UnixNano() + int64(time.Since(w.began)) }

// ServeHTTP notes and answers a request for the path of a check.
func (w *witness) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	at := w.now()
	if req.URL.Path == lingerPath {
		<-req.Context().Done()
		return
	}
	part := strings.Split(req.URL.Path, "/")
	if len(part) != 5 {
		http.NotFound(rw, req)
		return
	}
	index, err1 := strconv.Atoi(part[2])
	promise, err2 := strconv.Atoi(part[3])
	ms, err3 := strconv.Atoi(part[4])
	if err1 != nil || err2 != nil || err3 != nil || index < 0 || index >= len(w.seen) {
		http.NotFound(rw, req)
		return
	}
	s := &w.seen[index]
	s.Lock()
	s.arrivals = append(s.arrivals, arrival{at, int32(promise)})
	s.Unlock()
	switch manner(part[1]) {
	case never:
		<-req.Context().Done()
		return
	case slowly:
		select {
		case <-time.After(slowAnswer(time.Duration(ms) * time.Millisecond)):
		case <-req.Context().Done():
			return
		}
	}
	_, _ = io.WriteString(rw, `{"status":"UP"}`)
}

// counts returns how often each check has asked.
func (w *witness) counts() []int {
	n := make([]int, len(w.seen))
	for i := range w.seen {
		w.seen[i].Lock()
		n[i] = len(w.seen[i].arrivals)
		w.seen[i].Unlock()
	}
	return n
}

// of returns when the check with an index asked.
func (w *witness) of(index int) []arrival {
	w.seen[index].Lock()
	defer w.seen[index].Unlock()
	return w.seen[index].arrivals
}

// last returns when any of the checks asked the last time.
func (w *witness) last(checks []*planned) time.Time {
	at := w.began.UnixNano()
	for _, c := range checks {
		if a := w.of(c.index); len(a) > 0 {
			at = max(at, a[len(a)-1].at)
		}
	}
	return time.Unix(0, at)
}
