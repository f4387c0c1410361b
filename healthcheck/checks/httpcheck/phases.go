package httpcheck

import (
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// phase is a part of a request, in the order of time.
type phase uint8

const (
	phaseResolve phase = iota
	phaseConnect
	phaseTLS
	phaseProcessing
	phaseTransfer
	numPhases
	phaseNone // nothing has begun, or all has ended
)

var phaseNames = [numPhases]string{"resolve", "connect", "tls", "processing", "transfer"}

// record is what one run measures of its connections. It is not safe for concurrent use.
type record struct {
	durations [numPhases]time.Duration
	current   phase
	reached   phase // the latest phase begun
	since     time.Time
	secure    bool   // TLS has a part in it
	peer      string // host:port that the current phase is about

	certificates []healthcheck.Value // of the last TLS connection
}

func (r *record) reset() {
	*r = record{current: phaseNone, reached: phaseNone, certificates: r.certificates[:0]}
}

// begin notes the peer of the next phases, and whether TLS is one of them.
func (r *record) begin(peer string, secure bool) {
	r.peer = peer
	r.secure = r.secure || secure
	r.enter(phaseConnect)
}

// enter ends the current phase and begins p.
func (r *record) enter(p phase) {
	now := time.Now()
	if r.current < numPhases {
		r.durations[r.current] += now.Sub(r.since)
	}
	r.current, r.since = p, now
	if p < numPhases && (r.reached == phaseNone || p > r.reached) {
		r.reached = p
	}
}

// certify notes what the last handshake told. The values are copied.
func (r *record) certify(values []healthcheck.Value) {
	r.certificates = append(r.certificates[:0], values...)
}

// finish ends the current phase, whose name is kept for the text of an error.
func (r *record) finish(now time.Time) {
	if r.current < numPhases {
		r.durations[r.current] += now.Sub(r.since)
		r.since = now
	}
}

// values appends the durations of all phases up to the last that was begun; those that were not needed, as for a kept
// connection, took no time.
func (r *record) values(dst []healthcheck.Value) []healthcheck.Value {
	if r.reached != phaseNone {
		for p := range r.reached + 1 {
			if p != phaseTLS || r.secure {
				dst = append(dst, healthcheck.Value{Measure: phaseDuration, Label: phaseNames[p], Value: r.durations[p].Seconds()})
			}
		}
	}
	return append(dst, r.certificates...)
}
