package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// scraper asks for /metrics in one format and coding, and looks whether the answer is whole.
type scraper struct {
	format, coding string

	mu     sync.Mutex
	scrape []float64 // seconds
	bytes  []float64 // before compression
	failed int
	last   error
}

var formats = []struct{ name, accept string }{
	{"text", asText},
	{"OpenMetrics", "application/openmetrics-text;version=1.0.0"},
	{"protobuf", asProto},
}

// newScrapers returns two scrapers of each format, one for each coding.
func newScrapers() (list []*scraper) {
	for _, f := range formats {
		for _, coding := range []string{"gzip", "zstd"} {
			list = append(list, &scraper{format: f.name, coding: coding})
		}
	}
	return list
}

// run scrapes every so often until the context ends.
func (s *scraper) run(ctx context.Context, addr string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		began := time.Now()
		n, err := s.once(ctx, addr)
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.scrape, s.bytes = append(s.scrape, time.Since(began).Seconds()), append(s.bytes, float64(n))
		if err != nil {
			s.failed, s.last = s.failed+1, err
		}
		s.mu.Unlock()
	}
}

func (s *scraper) once(ctx context.Context, addr string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	for _, f := range formats {
		if f.name == s.format {
			req.Header.Set("Accept", f.accept)
		}
	}
	req.Header.Set("Accept-Encoding", s.coding)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || got != s.coding {
		return 0, fmt.Errorf("%s, coding %q", resp.Status, got)
	}
	var body io.Reader
	if s.coding == "zstd" {
		d, err := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return 0, err
		}
		defer d.Close()
		body = d
	} else if body, err = gzip.NewReader(resp.Body); err != nil {
		return 0, err
	}
	if s.format == "protobuf" {
		return wholeMessages(body)
	}
	return wholeLines(body, s.format == "OpenMetrics")
}

// wholeMessages reads messages with their lengths before them.
func wholeMessages(r io.Reader) (total int64, err error) {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		size, err := binary.ReadUvarint(b)
		if errors.Is(err, io.EOF) {
			if total == 0 {
				return 0, errors.New("no message")
			}
			return total, nil
		}
		if err != nil {
			return total, err
		}
		n, err := io.CopyN(io.Discard, b, int64(size))
		if total += n; err != nil {
			return total, fmt.Errorf("a message is cut short: %w", err)
		}
	}
}

func wholeLines(r io.Reader, eof bool) (total int64, err error) {
	var tail []byte
	page := make([]byte, 64<<10)
	for {
		n, err := r.Read(page)
		total += int64(n)
		tail = append(tail, page[max(0, n-8):n]...)
		tail = tail[max(0, len(tail)-8):]
		switch {
		case errors.Is(err, io.EOF) && (!bytes.HasSuffix(tail, []byte("\n")) || eof && !bytes.HasSuffix(tail, []byte("# EOF\n"))):
			return total, fmt.Errorf("the body ends in %q", tail)
		case errors.Is(err, io.EOF):
			return total, nil
		case err != nil:
			return total, err
		}
	}
}

// slowReader asks for /metrics, and takes a few KiB of it a second. It returns how often it was served whole and how often
// cut off.
func slowReader(ctx context.Context, addr string) (whole, cut int) {
	for ctx.Err() == nil {
		done, err := readSlowly(ctx, addr)
		switch {
		case ctx.Err() != nil:
		case done:
			whole++
		default:
			cut++
		}
		if err != nil {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
	return whole, cut
}

func readSlowly(ctx context.Context, addr string) (done bool, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	if _, err := io.WriteString(conn, "GET /metrics HTTP/1.1\r\nHost: slow\r\nConnection: close\r\n\r\n"); err != nil {
		return false, err
	}
	page := make([]byte, 1024)
	var tail string
	for ctx.Err() == nil {
		n, err := conn.Read(page)
		if tail += string(page[:n]); len(tail) > 8 {
			tail = tail[len(tail)-8:]
		}
		if errors.Is(err, io.EOF) {
			return strings.HasSuffix(tail, "\r\n0\r\n\r\n"), nil
		}
		if err != nil {
			return false, err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return false, ctx.Err()
}

// logPipe takes the log of the exporter. While it is blocked nobody reads it, as when a terminal is stopped or a collector
// of logs hangs.
type logPipe struct {
	w       *os.File // for the exporter
	blocked atomic.Bool
	lines   atomic.Int64

	mu   sync.Mutex
	last []string
}

func newLogPipe(ctx context.Context) (*logPipe, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		return nil, err
	}
	l := &logPipe{w: w}
	context.AfterFunc(ctx, func() { _ = r.Close() })
	go l.read(ctx, r)
	return l, nil
}

func (l *logPipe) read(ctx context.Context, r io.Reader) {
	lines := bufio.NewReader(r)
	for ctx.Err() == nil {
		if l.blocked.Load() {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		l.lines.Add(1)
		l.mu.Lock()
		l.last = append(l.last, strings.TrimSpace(line))
		l.last = l.last[max(0, len(l.last)-10):]
		l.mu.Unlock()
	}
}

// block blocks the log for a while, then lets it be read for half as long, until the context ends.
func (l *logPipe) block(ctx context.Context, during time.Duration) {
	for blocked := false; ; blocked = !blocked {
		l.blocked.Store(blocked)
		d := during
		if !blocked {
			d /= 2
		}
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return
		}
	}
}
