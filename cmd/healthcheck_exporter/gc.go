package main

import (
	"os"
	"runtime/debug"
)

// gcPercent is that of a running exporter: its heap is mostly state that stays, and it makes little garbage, so
// collections are rare anyway, while the usual 100 would double the memory of 100,000 checks.
const gcPercent = 50

// tuneGC sets the garbage collector for an exporter that has read its configuration. It leaves alone what the user has
// set with GOGC.
func tuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	go debug.FreeOSMemory() // what parsing took; in the background, as it takes a while with many checks
}
