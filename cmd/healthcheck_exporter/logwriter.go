package main

import (
	"io"
	"sync"
	"time"
)

// logWriter writes lines in order, from a goroutine that is there only while there is something to write: a pipe that nobody
// reads holds up neither a check, nor a reload, nor the end. What it cannot take in time is dropped, and told.
type logWriter struct {
	out    io.Writer
	missed func(lines int) // writes a line of its own

	mu      sync.Mutex
	waiting []byte
	dropped int           // lines
	written chan struct{} // closed when all is written; nil while nothing is being written
}

// maxLogWaiting is how many bytes wait at the most; as many again are being written.
const maxLogWaiting = 1 << 20

// logPatience is how long the end waits for somebody to read the log.
const logPatience = time.Second

// Write takes one line, as slog's handlers write them. It never blocks, and never fails: there is nobody to tell.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting)+len(line) > maxLogWaiting {
		w.dropped++
		return len(line), nil
	}
	w.waiting = append(w.waiting, line...)
	if w.written == nil {
		w.written = make(chan struct{})
		go w.run()
	}
	return len(line), nil
}

// run writes what is waiting, and ends.
func (w *logWriter) run() {
	for {
		lines, dropped := w.take()
		if len(lines) == 0 {
			return
		}
		_, _ = w.out.Write(lines)
		if dropped > 0 && w.missed != nil {
			w.missed(dropped)
		}
	}
}

// take takes what is waiting. With nothing, it declares the end under the same lock, so that no line is left behind.
func (w *logWriter) take() (lines []byte, dropped int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines, w.waiting = w.waiting, nil
	dropped, w.dropped = w.dropped, 0
	if len(lines) == 0 {
		close(w.written)
		w.written = nil
	}
	return lines, dropped
}

// flush waits until all is written, but no longer than logPatience.
func (w *logWriter) flush() {
	w.mu.Lock()
	written := w.written
	w.mu.Unlock()
	if written == nil {
		return
	}
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}
