package tlscheck

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/hello"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/starttls"
)

var (
	versionOffered = healthcheck.NewMeasure("tls_version_offered", "Whether the server accepted a version of the protocol in the last run, for those that it must refuse.", "version")

	weakCipherOffered = healthcheck.NewMeasure("tls_weak_cipher_offered", "Whether the server accepted a weak cipher suite in the last run.")
)

// Refuse is what a server must not accept. Each version, and the weak cipher suites together, are offered over a connection
// of their own, up to where the server chooses; it refuses with an alert, or by closing the connection.
type Refuse struct {
	// Versions are versions of the protocol: SSL30, TLS10, TLS11, TLS12 or TLS13.
	Versions []string `yaml:"versions" example:"[TLS10, TLS11]"`
	// WeakCiphers are the cipher suites without encryption or authentication, and those with RC4, DES, 3DES, RC2, IDEA or
	// keys for export.
	WeakCiphers bool `yaml:"weak_ciphers" default:"false"`
}

var versions = map[string]uint16{
	"SSL30": hello.VersionSSL30, "TLS10": tls.VersionTLS10, "TLS11": tls.VersionTLS11, "TLS12": tls.VersionTLS12, "TLS13": tls.VersionTLS13,
}

// refusal is a compiled Refuse.
type refusal struct {
	versions    []uint16
	weakCiphers bool
}

func (r *Refuse) compile(m *field.Mistakes) refusal {
	c := refusal{weakCiphers: r.WeakCiphers}
	for i, name := range r.Versions {
		path := field.Item("refuse.versions", i)
		if !m.Required(path, name, "name a version, such as TLS10") {
			continue
		}
		version, ok := versions[m.OneOf(path, name, "SSL30", "TLS10", "TLS11", "TLS12", "TLS13")]
		if ok && !slices.Contains(c.versions, version) {
			c.versions = append(c.versions, version)
		}
	}
	slices.Sort(c.versions)
	return c
}

// refuses returns an error that names what the server accepts, or that it could not be asked.
func (r *run) refuses(ctx context.Context) error {
	var accepted []string
	note := func(measure *healthcheck.Measure, name string, yes bool, labels ...string) {
		value := 0.0
		if yes {
			value = 1
			accepted = append(accepted, name)
		}
		r.values = append(r.values, measure.Value(value, labels...))
	}
	for _, version := range r.refusal.versions {
		name := hello.VersionName(version)
		choice, ok, err := r.ask(ctx, name, version, hello.SuitesOf(version))
		if err != nil {
			return err
		}
		note(versionOffered, name, ok && choice.Version == version, name)
	}
	if r.refusal.weakCiphers {
		choice, ok, err := r.ask(ctx, "weak cipher suites", tls.VersionTLS12, hello.WeakSuites())
		if err != nil {
			return err
		}
		name, isWeak := hello.WeakName(choice.Suite)
		note(weakCipherOffered, name, ok && isWeak)
	}
	if len(accepted) > 0 {
		return healthcheck.Errorf(healthcheck.ReasonTLS, "%s accepts %s, which it must refuse", r.address.Label(), strings.Join(accepted, ", "))
	}
	return nil
}

// ask offers something over a connection of its own.
func (r *run) ask(ctx context.Context, what string, version uint16, suites []uint16) (c hello.Choice, accepted bool, err error) {
	plain := r.dialer
	plain.TLS = nil
	conn, err := plain.Dial(ctx, r.address, new(peer.Trace))
	if err != nil {
		return c, false, err
	}
	defer func() { _ = conn.Close() }()
	step := "offer " + r.address.Label() + " " + what
	if r.protocol != "" {
		if err := starttls.Begin(conn.Conn, r.protocol, r.address.ServerName()); err != nil {
			return c, false, peer.Explain(ctx, step+": "+r.protocol, err)
		}
	}
	c, accepted, err = hello.Ask(conn.Conn, hello.Offer{Version: version, Suites: suites, ServerName: r.serverName})
	if err != nil {
		return c, false, peer.Explain(ctx, step, err)
	}
	return c, accepted, nil
}
