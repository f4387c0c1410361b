package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// The phases of [Dialer.Dial], for the label of a kind's measure of durations.
const (
	PhaseResolve = "resolve"
	PhaseConnect = "connect"
	PhaseTLS     = "tls"
)

// Dialer opens the connections of one check.
type Dialer struct {
	Network  string        // "tcp" where it is empty
	Resolver *net.Resolver // nil for that of the system
	TLS      *certs.Source // nil for none
	// Protocols are offered in the TLS handshake (ALPN, RFC 7301). Whether the peer has taken one is for the kind to
	// judge.
	Protocols []string
}

// Conn is a connection of one run: all that is done with it ends soon after the run's context does.
type Conn struct {
	net.Conn // speaks TLS if that is wanted
	raw      net.Conn
	release  func() bool

	// Of the TLS handshake.
	step  string        // what it is called in errors
	asked bool          // the peer wanted a client certificate
	took  time.Duration // how long it was
}

// Trace takes what [Dialer.Dial] measures, however far it gets.
type Trace struct {
	Phase  func(name string, took time.Duration) // nil: nobody wants to know
	Values []healthcheck.Value                   // those of package certs
}

func (t *Trace) phase(name string, since time.Time) {
	if t.Phase != nil {
		t.Phase(name, time.Since(since))
	}
}

// Dial connects to the address, trying the addresses of its host as [net.Dialer] does, and shakes hands. Its errors have
// a reason, and begin with the step that failed and the name of the peer.
func (d *Dialer) Dial(ctx context.Context, address target.Address, t *Trace) (*Conn, error) {
	raw, err := d.connect(ctx, address, t)
	if err != nil {
		return nil, err
	}
	conn := &Conn{Conn: raw, raw: raw, release: Interrupt(ctx, raw)}
	if d.TLS == nil {
		return conn, nil
	}
	if err := conn.secure(ctx, d.TLS, d.Protocols, address, t); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (d *Dialer) connect(ctx context.Context, address target.Address, t *Trace) (net.Conn, error) {
	start := time.Now()
	var resolved time.Time // zero for an IP address
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { resolved = time.Now() },
	})
	network := d.Network
	if network == "" {
		network = "tcp"
	}
	dialer := net.Dialer{Resolver: d.Resolver}
	conn, err := dialer.DialContext(traced, network, address.String())
	if !resolved.IsZero() {
		if t.Phase != nil {
			t.Phase(PhaseResolve, resolved.Sub(start))
		}
		start = resolved
	}
	if healthcheck.ReasonOf(err) != healthcheck.ReasonDNS {
		t.phase(PhaseConnect, start)
	}
	if err == nil {
		return conn, nil
	}
	step := "connect to " + address.Label()
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Addr != nil && e.Addr.String() != address.String() {
		step += " (" + e.Addr.String() + ")"
	}
	return nil, ExplainDial(ctx, "resolve "+address.Name(), step, err)
}

// Secure puts TLS over the connection, at once or after what a protocol says before (STARTTLS). The connection is to be
// closed if that fails.
func (c *Conn) Secure(ctx context.Context, source *certs.Source, address target.Address, t *Trace) error {
	return c.secure(ctx, source, nil, address, t)
}

func (c *Conn) secure(ctx context.Context, source *certs.Source, protocols []string, address target.Address, t *Trace) error {
	step := "tls handshake with " + address.Label()
	cfg, err := source.ConfigFor(address.ServerName())
	if err != nil {
		return ExplainHandshake(ctx, step, err)
	}
	cfg.NextProtos = protocols
	asked := certs.NoteRequest(cfg)
	start := time.Now()
	client, values, err := certs.Handshake(ctx, c.raw, cfg)
	t.phase(PhaseTLS, start)
	c.step, c.asked, c.took = step, *asked, time.Since(start)
	t.Values = append(t.Values, values...)
	if err != nil {
		return ExplainHandshake(ctx, step, err)
	}
	c.Conn = client
	return nil
}

// TLS returns the connection as what it is over TLS, nil without.
func (c *Conn) TLS() *tls.Conn {
	secure, _ := c.Conn.(*tls.Conn)
	return secure
}

// Confirm returns why the peer does not want to go on after the TLS handshake, for runs that expect to hear nothing more:
// others are told by what they read. It waits shortly where the peer asked for a client certificate (see
// [certs.AwaitRefusal]), and returns for how long.
func (c *Conn) Confirm(ctx context.Context) (waited time.Duration, err error) {
	secure := c.TLS()
	if secure == nil || !c.asked {
		return 0, nil
	}
	start := time.Now()
	err = certs.AwaitRefusal(ctx, secure, c.took)
	if err != nil {
		err = ExplainHandshake(ctx, c.step+": client certificate", err)
	}
	return time.Since(start), err
}

// Close closes the connection without a farewell: over TLS that would wait, for up to 5 seconds, on a peer that may be
// hanging.
func (c *Conn) Close() error {
	c.release()
	return c.raw.Close()
}

// Finish closes the connection as the peer expects it, for a run in which all went well.
func (c *Conn) Finish() {
	_ = c.Conn.Close()
	_ = c.Close()
}
