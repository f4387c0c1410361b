package main

import (
	"os"
	"runtime/debug"
	"time"
)

const (
	// gcPercent is that of a running exporter: its heap is mostly state that stays, and it makes little garbage, so
	// collections are rare anyway, while the usual 100 would double the memory of 100,000 checks.
	gcPercent = 50
	// gcPercentAtStart saves a fifth of the time until the first scrape of 1,000 checks: what reading a configuration
	// takes is garbage soon, and for a small one not worth collecting.
	gcPercentAtStart = 400
	smallConfig      = 2 << 20 // bytes
	// freeDelay is when memory that reading took is given back: not in the way of the first runs and scrapes.
	freeDelay = 5 * time.Second
)

// tuneGC sets the garbage collector for reading a configuration and returns the function that sets it for an exporter
// that has done so. It leaves alone what the user has set with GOGC.
func tuneGC(configFiles []string) (running func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	if len(configFiles) == 1 { // of several, or a folder, it is not known what they amount to
		if info, err := os.Stat(configFiles[0]); err == nil && info.Mode().IsRegular() && info.Size() <= smallConfig {
			debug.SetGCPercent(gcPercentAtStart)
		}
	}
	return func() {
		debug.SetGCPercent(gcPercent)
		time.AfterFunc(freeDelay, debug.FreeOSMemory)
	}
}
