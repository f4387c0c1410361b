package httpclient

import (
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
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

// durations are the times spent in each phase.
type durations [numPhases]time.Duration

// record is what one run measures of its connections. It is not safe for concurrent use.
type record struct {
	hop, sum durations // of this hop, and of those before it
	current  phase
	reached  phase // the latest phase of this hop
	furthest phase // the latest phase of those before it; meaningful once there is one
	since    time.Time
	secure   bool // TLS has a part in this hop
	secured  bool // or in one before it
	hops     int  // before this one

	peer  string // host:port that the current phase is about
	proxy proxyStage
	via   string // host:port of the proxy, empty where there is none

	certificates []healthcheck.Value // of this hop
	earlier      []healthcheck.Value // of those before it, one of each
}

// proxyStage says how far the way through a proxy is.
type proxyStage uint8

const (
	proxyNone    proxyStage = iota // there is none
	proxyReach                     // on the way to it
	proxyRelay                     // it was asked to connect to the peer
	proxyBetween                   // what is done is done with the peer, through it
)

// begin notes the peer of the next phases, and whether TLS is one of them.
func (r *record) begin(peer string, secure bool) { r.peer, r.secure = peer, secure }

// enter ends the current phase and begins p.
func (r *record) enter(p phase) {
	now := time.Now()
	r.finish(now)
	r.current, r.since = p, now
	if p < numPhases && (r.reached == phaseNone || p > r.reached) {
		r.reached = p
	}
}

// finish ends the current phase, whose name is kept for the text of an error.
func (r *record) finish(now time.Time) {
	if r.current < numPhases {
		r.hop[r.current] += now.Sub(r.since)
		r.since = now
	}
}

// next begins another hop.
func (r *record) next() {
	r.enter(phaseNone)
	for p, d := range r.hop {
		r.sum[p] += d
	}
	if r.hops == 0 || r.reached > r.furthest {
		r.furthest = r.reached
	}
	r.hops++
	r.hop, r.reached = durations{}, phaseNone
	r.secured, r.secure = r.secured || r.secure, false
	r.proxy, r.via = proxyNone, ""
	r.earlier = merge(r.earlier, r.certificates)
	r.certificates = r.certificates[:0]
}

// certify notes what the handshake of this hop told. The values are copied.
func (r *record) certify(values []healthcheck.Value) {
	r.certificates = append(r.certificates[:0], values...)
}

// appendPhases appends the durations of all phases up to the last that was begun; those that were not needed, as for a
// kept connection, took no time.
func (r *record) appendPhases(dst []healthcheck.Value, m *healthcheck.Measure, hopOnly bool) []healthcheck.Value {
	total, reached, secure := r.hop, r.reached, r.secure
	if r.hops > 0 && !hopOnly {
		for p, d := range r.sum {
			total[p] += d
		}
		secure = secure || r.secured
		reached = max(reached, r.furthest)
	}
	if reached >= numPhases {
		return dst
	}
	for p := range reached + 1 {
		if p != phaseTLS || secure {
			dst = append(dst, healthcheck.Value{Measure: m, Label: phaseNames[p], Value: total[p].Seconds()})
		}
	}
	return dst
}

func (r *record) appendCertificates(dst []healthcheck.Value, hopOnly bool) []healthcheck.Value {
	if !hopOnly {
		dst = append(dst, r.earlier...)
	}
	return merge(dst, r.certificates)
}

// merge takes what one more handshake told into dst: the earliest end, whether all were verified, and each version once.
func merge(dst, values []healthcheck.Value) []healthcheck.Value {
next:
	for _, v := range values {
		for i := range dst {
			if old := &dst[i]; old.Measure == v.Measure && old.Label == v.Label {
				if v.Measure != certs.Version {
					old.Value = min(old.Value, v.Value)
				}
				continue next
			}
		}
		dst = append(dst, v)
	}
	return dst
}
