package httpclient

import (
	"fmt"
	"net/http"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Answer is what a run got.
type Answer struct {
	// Response is that of the last request, its body closed. It is nil if that request got none, whatever the ones
	// before it got.
	Response *http.Response
	// Redirects is the number of redirects followed.
	Redirects int
	// Body is the body without content coding, up to the limit if the whole is wanted, else its beginning. It is nil
	// where that is not known. It is gone after Release.
	Body []byte
	// Size is the number of bytes of the body without content coding, as far as it was read.
	Size int64
	// Cut reports that the body went on after the limit.
	Cut bool
	// BodyErr is why the body did not arrive or cannot be read. It has a reason and a text for people.
	BodyErr error
	// Latency is the time from the start of the run to the end of the body.
	Latency time.Duration

	// Withheld keeps what the peer said out of all texts: it may hold something secret that is not known.
	Withheld bool

	scratch *scratch // nil once released
	secrets *secret.Set
	failed  bool // the last request did not get all of its answer
}

// StatusReason returns what it is called that the status of the response is not the wanted one.
func (a *Answer) StatusReason() healthcheck.Reason {
	switch a.Response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return healthcheck.ReasonAuth
	default:
		return healthcheck.ReasonStatus
	}
}

// Release gives the buffers back. The answer must not be used any more but for its Response. A second call does nothing.
func (a *Answer) Release() {
	s := a.scratch
	if s == nil {
		return
	}
	a.scratch = nil
	s.body = a.Body
	a.Body = nil
	if cap(s.body) <= maxKeptBuffer { // a large body does not make it stay large
		if s.body == nil {
			s.body = make([]byte, 0, bufferSize)
		}
		scratches.Put(s)
	}
}

// Fail is [healthcheck.Fail] for the error that a run ends with, without the secrets that were sent in it.
func (a *Answer) Fail(err error) healthcheck.Result { return a.secrets.Fail(err) }

// Hide returns text, which the peer has a hand in, without the secrets that were sent to the peer.
func (a *Answer) Hide(text string) string { return a.secrets.Hide(text) }

// Excerpt returns the beginning of text, which a peer has a hand in: printable, on one line, and without the secrets
// that were sent to the peer.
func (a *Answer) Excerpt(text string) string { return a.excerpt([]byte(text)) }

func (a *Answer) excerpt(text []byte) string {
	if a.Withheld && len(text) > 0 {
		return secret.Mark
	}
	return a.secrets.Excerpt(text, maxExcerpt)
}

// BodyExcerpt returns the beginning of the body, to be appended to a text, or nothing.
func (a *Answer) BodyExcerpt() string {
	text := a.excerpt(a.Body)
	if text == "" {
		return ""
	}
	return ": " + text
}

// Note tells of a body that was cut, to be appended to a text.
func (a *Answer) Note() string {
	if !a.Cut {
		return ""
	}
	return fmt.Sprintf(" (body cut at %d bytes)", a.Size)
}

// AppendPhases appends the durations of the phases, with the measure that the kind has for them: summed over redirects,
// but those of the last request alone if it did not get its answer.
func (a *Answer) AppendPhases(dst []healthcheck.Value, m *healthcheck.Measure) []healthcheck.Value {
	if a.scratch == nil {
		return dst
	}
	return a.scratch.record.appendPhases(dst, m, a.failed)
}

// AppendCertificates appends what the TLS handshakes told, see package certs: over several hops the earliest end, and
// whether all were verified, but of the last request alone if it did not get its answer.
func (a *Answer) AppendCertificates(dst []healthcheck.Value) []healthcheck.Value {
	if a.scratch == nil {
		return dst
	}
	return a.scratch.record.appendCertificates(dst, a.failed)
}
