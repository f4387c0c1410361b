package healthcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

// Reason says in one word why a run failed. It is what may stand in a label: the set is closed, while the text of
// the failure goes to the details. The zero value means that nothing failed.
type Reason uint8

// The reasons, from the specific to the general.
const (
	ReasonNone      Reason = iota
	ReasonTimeout          // the deadline of the run, or of a step in it, passed
	ReasonDNS              // a name did not resolve
	ReasonConnect          // no connection: refused, unreachable, reset while connecting
	ReasonTLS              // handshake or certificate
	ReasonProtocol         // the peer did not keep to its protocol, or cut the connection
	ReasonStatus           // the peer answered with an unwanted status
	ReasonBody             // the peer's answer has not the wanted content
	ReasonLatency          // right, but too slow
	ReasonThreshold        // a measured value is over or under its limit
	ReasonAuth             // credentials missing or refused
	ReasonExitCode         // a program ended with an unwanted exit code
	ReasonPanic            // the check panicked
	ReasonStuck            // the last run is past its deadline and has not returned
	ReasonError            // anything else
	numReasons
)

var reasonNames = [numReasons]string{
	"", "timeout", "dns", "connect", "tls", "protocol", "status", "body", "latency", "threshold", "auth",
	"exit_code", "panic", "stuck", "error",
}

// String returns the reason as it stands in labels: "" for ReasonNone, "error" for a value out of range.
func (r Reason) String() string {
	if r >= numReasons {
		r = ReasonError
	}
	return reasonNames[r]
}

// MarshalText implements encoding.TextMarshaler, for logs and JSON.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// reasonError is an error with a reason; see [WithReason].
type reasonError struct {
	err    error
	reason Reason
}

func (e *reasonError) Error() string { return e.err.Error() }
func (e *reasonError) Unwrap() error { return e.err }

// WithReason returns err with a reason that [ReasonOf] finds; the text stays. A nil err stays nil.
func WithReason(reason Reason, err error) error {
	if err == nil {
		return nil
	}
	return &reasonError{err: err, reason: reason}
}

// Errorf is [fmt.Errorf] with a reason.
func Errorf(reason Reason, format string, args ...any) error {
	return &reasonError{err: fmt.Errorf(format, args...), reason: reason}
}

// ReasonOf returns why err happened: the reason it was given by [WithReason] or [Errorf], else what the types of the
// standard library tell, else [ReasonError]. It returns [ReasonNone] for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return ReasonNone
	}
	if e, ok := errors.AsType[*reasonError](err); ok {
		return e.reason
	}
	// Name resolution before time: a resolver that does not answer is a DNS problem to the person who is woken.
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return ReasonDNS
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return ReasonTimeout
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return ReasonTimeout
	}
	if isTLS(err) {
		return ReasonTLS
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		switch {
		case e.Op == "dial" || e.Op == "proxyconnect": // the latter is net/http's
			return ReasonConnect
		case strings.HasPrefix(e.Op, "remote error") || strings.HasPrefix(e.Op, "local error"): // crypto/tls alerts
			return ReasonTLS
		default:
			return ReasonProtocol
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ReasonProtocol
	}
	return ReasonError
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok
}
