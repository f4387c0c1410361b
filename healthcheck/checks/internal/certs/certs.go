// Package certs is what the kinds of checks that speak TLS share: a client configuration that follows its certificate
// files, and the measures of a handshake.
//
// A check makes a [Source] when it is built and asks it for the configuration before each connection. [Handshake]
// leaves verification to crypto/tls and turns what that knows, done or failed, into measured values:
//
//	cfg, err := source.ConfigFor(host)
//	conn, values, err := certs.Handshake(ctx, raw, cfg)
//
// Nothing needs to be recorded while the handshake runs: one that fails because of the certificate ends with a
// *tls.CertificateVerificationError, which carries the certificates that were presented.
package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// The measures of a TLS handshake.
var (
	NotAfter = healthcheck.NewMeasure("tls_certificate_not_after_timestamp_seconds", "When the certificate chain of the last run expires: the earliest end of validity in the verified chain, else among the certificates presented.")

	Verified = healthcheck.NewMeasure("tls_certificate_verified", "Whether the certificate chain of the last run passed verification, also where the check does not require it.")

	Version = healthcheck.NewMeasure("tls_version_info", "The TLS version negotiated by the last run, always 1.", "version")
)

// Source makes the TLS client configuration of one check. It is safe for concurrent use.
type Source struct {
	settings config.TLSConfig

	mu      sync.Mutex
	current *tls.Config
	ca      fs.FileInfo // state of settings.CAFile that current was made from; nil where there is no such file
}

// unset is the source of all checks without settings of their own, which have no files to follow.
var unset Source

// NewSource reads the files that settings name and returns their source, one and the same for all settings that are
// zero. Its errors name files, never their content.
func NewSource(settings config.TLSConfig) (*Source, error) {
	if settings == (config.TLSConfig{}) {
		return &unset, nil
	}
	s := &Source{settings: settings}
	if _, err := s.Config(); err != nil {
		return nil, err
	}
	return s, nil
}

// NewSourceOf is NewSource for settings that may be nil, which are zero then.
func NewSourceOf(settings *config.TLSConfig) (*Source, error) {
	if settings == nil {
		return &unset, nil
	}
	return NewSource(*settings)
}

// Config returns the configuration to connect with. It is the same pointer as before unless the CA file has changed
// since; client certificate and key are read anew in each handshake. Callers clone it before they change it. The
// error, with reason tls, is that of a CA file that cannot be used any more.
func (s *Source) Config() (*tls.Config, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ca fs.FileInfo
	if s.settings.CAFile != "" {
		// Taken before reading: a change in between is seen next time.
		var err error
		if ca, err = os.Stat(s.settings.CAFile); err != nil {
			return nil, healthcheck.Errorf(healthcheck.ReasonTLS, "ca_file: %w", err)
		}
	}
	if s.current != nil && sameFile(ca, s.ca) {
		return s.current, nil
	}
	cfg, err := config.NewTLSConfig(&s.settings)
	if err != nil {
		return nil, healthcheck.WithReason(healthcheck.ReasonTLS, err)
	}
	s.current, s.ca = cfg, ca
	return cfg, nil
}

// ConfigFor returns a copy of the configuration, with host as its ServerName unless the settings have one.
func (s *Source) ConfigFor(host string) (*tls.Config, error) {
	shared, err := s.Config()
	if err != nil {
		return nil, err
	}
	cfg := shared.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg, nil
}

// Handshake puts TLS over raw. The values are those of [Values]; they and the connection are there whatever the error
// is. Cfg has a ServerName.
func Handshake(ctx context.Context, raw net.Conn, cfg *tls.Config) (*tls.Conn, []healthcheck.Value, error) {
	conn := tls.Client(raw, cfg)
	err := conn.HandshakeContext(ctx)
	state := conn.ConnectionState()
	return conn, Values(nil, cfg, "", &state, err), err
}

// Bounds on how long [AwaitRefusal] waits.
const (
	minRefusalWait = 100 * time.Millisecond
	maxRefusalWait = time.Second
)

// NoteRequest returns what will be true once a handshake with cfg, which must be nobody else's, has been asked for a
// client certificate.
func NoteRequest(cfg *tls.Config) *bool {
	asked := new(bool)
	get := cfg.GetClientCertificate
	cfg.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		*asked = true
		if get != nil {
			return get(request)
		}
		for i := range cfg.Certificates {
			if request.SupportsCertificate(&cfg.Certificates[i]) == nil {
				return &cfg.Certificates[i], nil
			}
		}
		return new(tls.Certificate), nil // none, which the server may take or not
	}
	return asked
}

// AwaitRefusal waits shortly for the alert of a server that does not take the client certificate, or wants one and got
// none, and returns it as an error. Since TLS 1.3 it comes after the handshake: to the client that is over before the
// server has seen the certificate (RFC 8446, section 2). It is for connections that are not read from, since it reads
// and drops what the server says; took is how long the handshake took. The wait is a few round trips, between 0.1 and
// 1 second, and at most half of what ctx leaves.
func AwaitRefusal(ctx context.Context, conn *tls.Conn, took time.Duration) error {
	if conn.ConnectionState().Version < tls.VersionTLS13 {
		return nil
	}
	wait := min(max(minRefusalWait, 3*took), maxRefusalWait)
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // the deadline just set may have replaced the one that ctx set
		return err
	}
	n, err := conn.Read(make([]byte, 1))
	if n > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		return ctx.Err()
	}
	return err
}

func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Values appends to dst what a client handshake, made with cfg (nil means the zero Config) and ended with err, told
// about the peer: nothing if it did not get as far as a certificate. Host is the name or address to verify where
// cfg.ServerName is empty. State may be nil or incomplete if err is not nil. With cfg.InsecureSkipVerify the chain
// is verified here, for [Verified] only.
func Values(dst []healthcheck.Value, cfg *tls.Config, host string, state *tls.ConnectionState, err error) []healthcheck.Value {
	if state == nil {
		state = &tls.ConnectionState{}
	}
	chains, presented := state.VerifiedChains, state.PeerCertificates
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		chains, presented = nil, e.UnverifiedCertificates
	} else if len(presented) > 0 && cfg != nil && cfg.InsecureSkipVerify {
		chains = verify(cfg, host, presented)
	}
	if err == nil && state.Version != 0 {
		dst = append(dst, healthcheck.Value{Measure: Version, Label: tls.VersionName(state.Version), Value: 1})
	}
	if len(presented) == 0 {
		return dst
	}
	verified := 0.0
	end := earliestEnd(presented)
	if len(chains) > 0 {
		verified = 1
		// Any one of the chains will do for verification: it fails when the last of them has ended.
		end = earliestEnd(chains[0])
		for _, chain := range chains[1:] {
			if e := earliestEnd(chain); e.After(end) {
				end = e
			}
		}
	}
	return append(dst,
		healthcheck.Value{Measure: NotAfter, Value: float64(end.Unix())},
		healthcheck.Value{Measure: Verified, Value: verified})
}

// verify does what crypto/tls does for a client that verifies. It returns nil where that fails.
func verify(cfg *tls.Config, host string, presented []*x509.Certificate) [][]*x509.Certificate {
	if cfg.ServerName != "" {
		host = cfg.ServerName
	}
	options := x509.VerifyOptions{Roots: cfg.RootCAs, DNSName: host, Intermediates: x509.NewCertPool()}
	if cfg.Time != nil {
		options.CurrentTime = cfg.Time()
	}
	for _, cert := range presented[1:] {
		options.Intermediates.AddCert(cert)
	}
	chains, err := presented[0].Verify(options)
	if err != nil {
		return nil
	}
	return chains
}

func earliestEnd(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, cert := range chain[1:] {
		if cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end
}
