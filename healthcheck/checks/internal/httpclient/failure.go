package httpclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// errHeaderTooLarge ends the reading of a header that does not.
var errHeaderTooLarge = healthcheck.Errorf(healthcheck.ReasonProtocol, "header is longer than %d bytes", maxHeaderBytes)

// doing says what a run did in each phase, before the name of the peer.
var doing = [numPhases]string{"look up the address of", "connect to", "TLS handshake with", "wait for the answer of", "read the answer of"}

// explain turns an error from the wire into one with a reason and a text for people. The errors of net and net/http
// repeat addresses and name system calls; what is left of them here is where the run was and the cause.
func (r *run) explain(ctx context.Context, err error) error {
	reason := healthcheck.ReasonOf(err)
	if ctxErr := ctx.Err(); ctxErr != nil && reason != healthcheck.ReasonDNS {
		err, reason = ctxErr, healthcheck.ReasonTimeout
		if r.record.resolving() { // net/http's Transport gives up first, and does not say on what
			reason = healthcheck.ReasonDNS
		}
	}
	return r.failure(refine(reason, r.record.current), r.record.where(err), err)
}

// explainCredentials is explain for an error that kept a request from being sent.
func (r *run) explainCredentials(ctx context.Context, err error) error {
	r.answer.failed = true
	where := ""
	if _, ok := errors.AsType[*tokenError](err); ok {
		where = "oauth2 token endpoint: "
	}
	reason := healthcheck.ReasonOf(err)
	if ctxErr := ctx.Err(); ctxErr != nil && reason != healthcheck.ReasonDNS {
		err, reason = ctxErr, healthcheck.ReasonTimeout
	}
	if reason == healthcheck.ReasonError {
		reason = healthcheck.ReasonAuth
	}
	return r.failure(reason, where, err)
}

func (r *run) failure(reason healthcheck.Reason, where string, err error) error {
	cause := causeOf(err)
	switch {
	case errors.Is(err, context.Canceled):
		cause = "canceled after " + peer.Round(time.Since(r.start)).String()
	case reason == healthcheck.ReasonTimeout, err == context.DeadlineExceeded: //nolint:errorlint // that of the run itself, see explain
		cause = "timed out after " + peer.Round(time.Since(r.start)).String()
	}
	return healthcheck.Errorf(reason, "%s", r.answer.Excerpt(r.answer.secrets.HideQuoted(where+cause, secret.MinLength)))
}

// resolving reports whether the run is waiting for the addresses of a name.
func (r *record) resolving() bool {
	name := r.peer
	if r.proxy == proxyReach {
		name = r.via
	}
	host, _, err := net.SplitHostPort(name)
	if err != nil || r.current != phaseResolve {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err != nil
}

// where returns the beginning of the text of err.
func (r *record) where(err error) string {
	if r.current >= numPhases {
		return ""
	}
	_, isDNS := errors.AsType[*net.DNSError](err)
	isDNS = isDNS && r.current == phaseResolve // its text has it all
	switch {
	case r.proxy == proxyReach && isDNS:
		return "the proxy: "
	case isDNS:
		return ""
	case r.proxy == proxyReach:
		return doing[r.current] + " the proxy " + r.via + ": "
	case r.via != "":
		return doing[r.current] + " " + r.peer + " through the proxy " + r.via + ": "
	default:
		return doing[r.current] + " " + r.peer + ": "
	}
}

// refine replaces reasons that say less than the phase does.
func refine(reason healthcheck.Reason, p phase) healthcheck.Reason {
	if reason != healthcheck.ReasonError && reason != healthcheck.ReasonProtocol {
		return reason
	}
	switch p {
	case phaseResolve, phaseConnect:
		return healthcheck.ReasonConnect
	case phaseTLS:
		return healthcheck.ReasonTLS
	case phaseNone:
		return reason
	default:
		return healthcheck.ReasonProtocol
	}
}

// ofTransport is what net/http's Transport puts before the cause.
var ofTransport = []string{"net/http: HTTP/1.x transport connection broken: ", "net/http: Transport failed to read from server: "}

// causeOf returns the text of the innermost error that says something.
func causeOf(err error) string {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return tokenCause(e)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return causeOf(e.Err)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Err != nil {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the peer closed the connection"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timed out"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the peer does not speak TLS"
	}
	text := err.Error()
	for _, prefix := range ofTransport {
		text = strings.TrimPrefix(text, prefix)
	}
	switch {
	case strings.HasPrefix(text, `malformed HTTP response "\x15\x03`): // an alert record: type 21, version 3
		return "the peer speaks TLS, the URL should begin with https"
	case strings.HasPrefix(text, "net/http: server response headers exceeded"):
		return errHeaderTooLarge.Error()
	case text == "http: server gave HTTP response to HTTPS client":
		return "the peer does not speak TLS"
	}
	return text
}

func tokenCause(e *oauth2.RetrieveError) string {
	if e.ErrorCode != "" {
		return "error " + e.ErrorCode
	}
	if e.Response != nil {
		return "status " + e.Response.Status
	}
	return "no token in the answer"
}

// maxExcerpt is the length of what is shown of a peer, in bytes.
const maxExcerpt = 200
