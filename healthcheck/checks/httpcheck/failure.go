package httpcheck

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/oauth2"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// errHeaderTooLarge ends the reading of a header that does not.
var errHeaderTooLarge = healthcheck.Errorf(healthcheck.ReasonProtocol, "header is longer than %d bytes", maxHeaderBytes)

// doing says what a run did in each phase, before the name of the peer.
var doing = [numPhases]string{"look up the address of", "connect to", "TLS handshake with", "wait for the answer of", "read the answer of"}

// failure is why a run failed, for people, with the secrets of the check removed.
type failure struct {
	reason healthcheck.Reason
	text   string
}

// explain turns an error from the wire into text and reason. The errors of net and net/http repeat addresses and
// name system calls; what is left of them here is where the run was and the cause.
func (c *checker) explain(ctx context.Context, err error, took time.Duration) failure {
	f := failure{reason: healthcheck.ReasonOf(err)}
	if ctxErr := ctx.Err(); ctxErr != nil && f.reason != healthcheck.ReasonDNS {
		err, f.reason = ctxErr, healthcheck.ReasonOf(ctxErr)
	}
	prefix := c.where(err)
	if p := c.record.current; p < numPhases {
		f.reason = refine(f.reason, p)
	} else {
		f.reason = cmp.Or(specific(f.reason), healthcheck.ReasonAuth)
	}
	cause := causeOf(err)
	switch {
	case f.reason == healthcheck.ReasonTimeout:
		cause = "timed out after " + round(took).String()
	case errors.Is(err, context.Canceled):
		cause = "canceled after " + round(took).String()
	}
	f.text = c.secrets.excerpt([]byte(prefix + cause))
	return f
}

// where returns the beginning of the text of err.
func (c *checker) where(err error) string {
	p := c.record.current
	if p >= numPhases {
		if _, ok := errors.AsType[*url.Error](err); ok || c.tokens.fetching() {
			return "oauth2 token endpoint: "
		}
		return ""
	}
	if p == phaseResolve {
		if _, ok := errors.AsType[*net.DNSError](err); ok {
			return "" // has it all
		}
	}
	return doing[p] + " " + c.record.peer + ": "
}

// specific returns reason unless it is the most general one.
func specific(reason healthcheck.Reason) healthcheck.Reason {
	if reason == healthcheck.ReasonError {
		return healthcheck.ReasonNone
	}
	return reason
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
	default:
		return healthcheck.ReasonProtocol
	}
}

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
	// What a TLS server says to a plain request is an alert record: type 21, version 3.
	if text := err.Error(); strings.HasPrefix(text, `malformed HTTP response "\x15\x03`) {
		return "the peer speaks TLS, the URL should begin with https"
	}
	return err.Error()
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

// round returns d with three digits, as people read it.
func round(d time.Duration) time.Duration {
	for unit := time.Second; unit > time.Microsecond; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 100)
		}
	}
	return d.Round(time.Microsecond)
}

const maxExcerpt = 200

// secretList is what must not be shown, the longest first.
type secretList []string

// minSecret is the length below which a secret is not searched for: hiding each "1" hides nothing but the meaning.
const minSecret = 4

func newSecretList(secrets []string) secretList {
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return len(s) < minSecret })
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(secrets)
}

// excerpt returns the beginning of text, printable, on one line, and without the secrets: a peer may send back
// whatever it was sent.
func (l secretList) excerpt(text []byte) string {
	var b strings.Builder
	space := false
	for i := 0; i < len(text); {
		if b.Len() >= maxExcerpt {
			b.WriteString("…")
			break
		}
		if n := l.at(text[i:]); n > 0 {
			b.WriteString("…")
			i += n
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		i += n
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '.'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// at returns the length of the secret that text begins with, or 0.
func (l secretList) at(text []byte) int {
	for _, s := range l {
		if len(text) >= len(s) && string(text[:len(s)]) == s {
			return len(s)
		}
	}
	return 0
}
