package config_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// served is a healthy peer of a kind, over TCP, and how the kind is pointed at it, or at what stands before it.
type served struct {
	name    string
	address string
	config  func(address string) any
	// wrong returns a configuration that wants another answer than the peer has, which is told by the given reason.
	wrong  func(address string) any
	reason healthcheck.Reason
	// also is one more reason that the kind may give for what is no answer. Zero: there is none.
	also healthcheck.Reason
	// secure is config over TLS, verified with the authorities of a file. Nil: the kind has none, or its peer has it in
	// the dialog.
	secure func(address, caFile string) any
	// denied returns a configuration for a peer of its own that refuses its credentials. Nil: the kind has none.
	denied func(t *testing.T) any
}

// faults are what can be between a check and its peer, and the reasons that a run may give for it.
var faults = []struct {
	name    string
	fault   fault
	reasons []healthcheck.Reason
}{
	{"silent", silence, []healthcheck.Reason{healthcheck.ReasonTimeout}},
	{"closed at once", closing, []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonConnect}},
	{"reset", resetting, []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonConnect}},
	{"cut before the answer", cutting(0), []healthcheck.Reason{healthcheck.ReasonProtocol}},
	{"cut after a byte", cutting(1), []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonBody}},
	{"garbage", answering(garbage, 1), []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonBody}},
	{"endless garbage", answering(garbage, -1), []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonBody, healthcheck.ReasonTimeout}},
	{"endless line", answering(slices.Repeat([]byte("x"), 4096), -1), []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonBody, healthcheck.ReasonTimeout}},
	{"endless lines", answering([]byte("x\r\n"), -1), []healthcheck.Reason{healthcheck.ReasonProtocol, healthcheck.ReasonBody, healthcheck.ReasonTimeout}},
}

// TestKindsMeetFaults: each kind that talks to a peer over TCP tells what is the matter with it, whatever it is, and is
// OK again when it is over. A kind joins by its conformer's servers.
func TestKindsMeetFaults(t *testing.T) {
	names := newNames(t)
	eachKind(t, "faults", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		if c.servers == nil {
			assert.Nil(t, c.dials, "what opens connections has servers")
			return nil
		}
		for _, s := range c.servers(t) {
			wrong := s.wrong(s.address)
			var denied any
			if s.denied != nil {
				denied = s.denied(t)
			}
			before := goleak.IgnoreCurrent()
			m := meeting{t: t, kind: k, served: s, proxy: newFaultProxy(t, "127.0.0.1", s.address)}
			m.pass()
			m.faults()
			m.cut()
			m.slow()
			m.restart()
			m.vanish(names)
			if s.reason == healthcheck.ReasonTimeout {
				m.judge("wrong content", wrong, shortRun, s.reason)
			} else {
				m.judge("wrong content", wrong, longRun, s.reason)
			}
			if denied != nil {
				m.judge("wrong credentials", denied, longRun, healthcheck.ReasonAuth)
			}
			if s.secure != nil {
				m.security()
			}
			m.proxy.stop()
			if err := goleak.Find(before); err != nil {
				m.problem("goroutines", "%s", err)
			}
			problems = append(problems, m.problems...)
		}
		return problems
	})
}

const (
	shortRun = 300 * time.Millisecond // of runs that may end with their timeout wherever they are
	longRun  = 20 * time.Second
)

// meeting is what comes of one peer.
type meeting struct {
	t     *testing.T
	kind  config.Kind
	proxy *faultProxy
	served
	length   int // of an answer, as the proxy sees it
	problems []string
}

func (m *meeting) problem(what, format string, args ...any) {
	m.problems = append(m.problems, m.name+": "+what+": "+fmt.Sprintf(format, args...))
}

// judge runs a new check once and wants one of the reasons, or OK where there are none.
func (m *meeting) judge(what string, cfg any, timeout time.Duration, want ...healthcheck.Reason) healthcheck.Result {
	m.t.Helper()
	checker, err := m.kind.New(cfg)
	require.NoError(m.t, err, what)
	if closer, ok := checker.(io.Closer); ok {
		defer closer.Close()
	}
	return m.judgeRun(what, checker, timeout, want...)
}

func (m *meeting) judgeRun(what string, checker healthcheck.Checker, timeout time.Duration, want ...healthcheck.Reason) healthcheck.Result {
	m.t.Helper()
	if len(want) == 0 {
		want = []healthcheck.Reason{healthcheck.ReasonNone}
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), timeout)
	defer cancel()
	start := time.Now()
	r := checker.Check(ctx)
	if took := time.Since(start); took > timeout+10*time.Second {
		m.problem(what, "took %s", took)
	}
	if !slices.Contains(want, r.Reason) {
		m.problem(what, "%q (%s), want %q", r.Reason, r.Details, want)
	}
	for _, p := range malformed(r) {
		m.problem(what, "%s", p)
	}
	return r
}

func (m *meeting) pass() {
	var length counter
	m.proxy.set(counting(&length), nil)
	m.judge("healthy", m.config(m.proxy.address), longRun)
	m.length = length.value()
	six := newFaultProxy(m.t, "::1", m.address)
	m.judge("healthy, over IPv6", m.config(six.address), longRun)
	six.stop()
}

func (m *meeting) faults() {
	for _, f := range faults {
		m.proxy.set(f.fault, nil)
		reasons := m.orAlso(f.reasons...)
		m.judge(f.name, m.config(m.proxy.address), shortRun, append(reasons, healthcheck.ReasonTimeout)...)
		if !slices.Contains(f.reasons, healthcheck.ReasonTimeout) {
			m.judge(f.name, m.config(m.proxy.address), longRun, reasons...)
		}
	}
	if hole := blackHole(m.t); hole != "" {
		m.judge("dropping", m.config(hole), shortRun, healthcheck.ReasonTimeout)
	}
}

// cut ends the connection in the middle of the answer, and before its last byte.
func (m *meeting) cut() {
	for _, bytes := range []int{m.length / 4, m.length / 2, m.length * 3 / 4, m.length - 1} {
		if bytes <= 0 {
			continue
		}
		m.proxy.set(cutting(bytes), nil)
		m.judge("cut in the answer", m.config(m.proxy.address), longRun, m.orAlso(healthcheck.ReasonProtocol, healthcheck.ReasonBody)...)
	}
}

// orAlso returns the reasons and, where there is one, the other that the kind may give.
func (m *meeting) orAlso(reasons ...healthcheck.Reason) []healthcheck.Reason {
	reasons = slices.Clone(reasons)
	if m.also != healthcheck.ReasonNone {
		reasons = append(reasons, m.also)
	}
	return reasons
}

// slow wants that a kind can say how long a run may take.
func (m *meeting) slow() {
	m.proxy.set(slow(300*time.Millisecond), nil)
	cfg := m.config(m.proxy.address)
	limit := reflect.ValueOf(cfg).Elem().FieldByName("MaxLatency")
	if expect := reflect.ValueOf(cfg).Elem().FieldByName("Expect"); !limit.IsValid() && expect.IsValid() {
		limit = expect.FieldByName("MaxLatency")
	}
	if !limit.IsValid() {
		m.problem("slow", "the kind has no max_latency")
		return
	}
	limit.SetInt(int64(100 * time.Millisecond))
	m.judge("slow", cfg, longRun, healthcheck.ReasonLatency)
}

// restart runs one check while its peer goes and comes back.
func (m *meeting) restart() {
	m.proxy.set(passing, nil)
	checker, err := m.kind.New(m.config(m.proxy.address))
	require.NoError(m.t, err)
	if closer, ok := checker.(io.Closer); ok {
		defer closer.Close()
	}
	for range 2 {
		m.judgeRun("before a restart", checker, longRun)
		m.proxy.stop()
		for range 2 {
			m.judgeRun("refused", checker, longRun, healthcheck.ReasonConnect)
		}
		m.proxy.start(m.t)
		m.judgeRun("after a restart", checker, longRun)
	}
}

// vanish runs one check by name while the name goes and comes back.
func (m *meeting) vanish(n *names) {
	m.proxy.set(passing, nil)
	_, port, err := net.SplitHostPort(m.proxy.address)
	require.NoError(m.t, err)
	checker, err := m.kind.New(m.config(net.JoinHostPort(peerName, port)))
	require.NoError(m.t, err)
	if closer, ok := checker.(io.Closer); ok {
		defer closer.Close()
	}
	// A kept connection needs no name: the peer goes with it.
	renew := func() {
		m.proxy.stop()
		m.proxy.start(m.t)
	}
	n.set(dns.RcodeSuccess)
	m.judgeRun("by name", checker, longRun)
	for _, rcode := range []int{dns.RcodeNameError, dns.RcodeServerFailure} {
		n.set(rcode)
		renew()
		m.judgeRun("a name that is gone: "+dns.RcodeToString[rcode], checker, longRun, healthcheck.ReasonDNS)
		n.set(dns.RcodeSuccess)
		m.judgeRun("a name that is back", checker, longRun)
	}
	n.set(noAnswer)
	renew()
	m.judgeRun("a name that nobody tells", checker, shortRun, healthcheck.ReasonDNS)
	n.set(dns.RcodeSuccess)
}

// security puts TLS before the peer, with certificates right and wrong.
func (m *meeting) security() {
	for _, c := range securities(m.t) {
		m.proxy.set(passing, c.config)
		r := m.judge("TLS, "+c.name, m.secure(m.proxy.address, c.caFile), longRun, c.reason)
		told := make(map[string]float64)
		for _, v := range r.Values {
			told[v.Measure.Name()] = v.Value
		}
		if c.config.Certificates == nil {
			continue
		}
		if _, ok := told["tls_certificate_not_after_timestamp_seconds"]; !ok {
			m.problem("TLS, "+c.name, "the end of the certificate is not told")
		}
		if verified := told["tls_certificate_verified"]; (verified == 1) != (c.reason == healthcheck.ReasonNone) {
			m.problem("TLS, "+c.name, "verified is %g", verified)
		}
		if !strings.Contains(r.Details, c.details) {
			m.problem("TLS, "+c.name, "%s, want %q", r.Details, c.details)
		}
	}
	m.proxy.set(silence, nil)
	m.judge("TLS, silent", m.secure(m.proxy.address, ""), shortRun, healthcheck.ReasonTimeout)
	m.proxy.set(answering(garbage, 1), nil)
	m.judge("TLS, garbage", m.secure(m.proxy.address, ""), longRun, healthcheck.ReasonTLS, healthcheck.ReasonProtocol)
	m.proxy.set(closing, nil)
	m.judge("TLS, closed", m.secure(m.proxy.address, ""), longRun, healthcheck.ReasonTLS, healthcheck.ReasonProtocol, healthcheck.ReasonConnect)
}
