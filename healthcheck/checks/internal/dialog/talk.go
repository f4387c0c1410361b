package dialog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Bounds on what is read, in bytes.
const (
	maxRead    = 64 << 10     // in one dialog over a stream
	maxMatched = 64 * maxRead // that expressions are tried on, which a peer sending single bytes could drive up
	excerptLen = 200
)

// Conversation is what a dialog is had over in one run. Who closes the connection is who has opened it; its reads and
// writes end soon after the context of the run (see [peer.Interrupt]).
type Conversation struct {
	Conn    net.Conn
	Peer    string // for details
	Secrets *secret.Set
	// Secure puts TLS over Conn, which speaks it from then on. It is called by steps that begin TLS only. Its errors say
	// what they are about, and have a reason.
	Secure func() error
}

// talker has one dialog.
type talker struct {
	*Conversation

	ear  ear
	keep keeper
}

// ear takes answers out of what a peer sends.
type ear interface {
	// wait returns nil when the answer that is expected has come.
	wait(e *expectation, k *keeper) error
	// heard returns what has come instead, if anything, and in which words to tell: "its last line is".
	heard() (what []byte, words string)
}

// Talk has the dialog over a stream.
func (s *Script) Talk(ctx context.Context, c Conversation) error {
	l := &listener{conn: c.Conn}
	t := talker{Conversation: &c, ear: l}
	t.keep, c.Secrets = s.newKeeper(c.Secrets)
	for i := range s.steps {
		st := &s.steps[i]
		if err := t.step(st); err != nil {
			return t.explain(ctx, i, st.expect, l.read, err)
		}
		if !st.startTLS {
			continue
		}
		if len(l.buf) > 0 {
			return healthcheck.Errorf(healthcheck.ReasonProtocol, "%s: the peer sent more than the answer before TLS: %s",
				t.at(i), t.quote(nil, l.buf))
		}
		if err := c.Secure(); err != nil {
			return t.hide(err)
		}
	}
	return nil
}

// step sends what is to be sent, and waits for the answer.
func (t *talker) step(st *step) error {
	if st.send != nil {
		data, err := st.send.bytes(t.keep.values)
		if err == nil {
			_, err = t.Conn.Write(data)
		}
		if err != nil {
			return &sendError{err}
		}
	}
	if st.expect == nil {
		return nil
	}
	return t.ear.wait(st.expect, &t.keep)
}

// sendError is why something could not be sent.
type sendError struct{ err error }

func (e *sendError) Error() string { return "send: " + e.err.Error() }
func (e *sendError) Unwrap() error { return e.err }

// at says in which step of the dialog something is.
func (t *talker) at(i int) string { return fmt.Sprintf("%s: dialog[%d]", t.Peer, i) }

// hide returns err with nothing in it that the peer has got from us: names in certificates are its own.
func (t *talker) hide(err error) error {
	if text := t.Secrets.Hide(err.Error()); text != err.Error() {
		return healthcheck.Errorf(healthcheck.ReasonOf(err), "%s", text)
	}
	return err
}

var (
	errTooMuch = errors.New("the answer is too long")
	errOther   = errors.New("the answer is another one")
)

// explain says why the answer in a step, after so many bytes, is not the expected one.
func (t *talker) explain(ctx context.Context, i int, e *expectation, read int, err error) error {
	what := t.at(i)
	if sent, ok := errors.AsType[*sendError](err); ok {
		return peer.Explain(ctx, what+": send", sent.err)
	}
	if r, ok := errors.AsType[*rejection](err); ok {
		return healthcheck.Errorf(healthcheck.ReasonBody, "%s: %s is rejected by %q", what, t.quote(e, r.what), r.re)
	}
	if healthcheck.ReasonOf(err) == healthcheck.ReasonBody {
		return fmt.Errorf("%s: %w", what, err)
	}
	if e == nil || e.wanted == "" {
		return peer.Explain(ctx, what, err)
	}
	what += ": " + e.wanted
	said, words := t.ear.heard()
	heard := "; it sent nothing"
	late := healthcheck.ReasonTimeout
	if said != nil {
		if len(e.secret) > 0 { // which may be there in another form
			t.keep.open = true
		}
		heard = "; " + words + " " + t.quote(e, said)
		if words == lastDatagram { // which is all that it will be: silence is what a lost one is
			late = healthcheck.ReasonBody
		}
	}
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return healthcheck.Errorf(late, "%s in time%s", what, heard)
	case errors.Is(err, errTooMuch):
		return healthcheck.Errorf(healthcheck.ReasonBody, "%s in the first %d bytes%s", what, read, heard)
	case errors.Is(err, errOther):
		return healthcheck.Errorf(healthcheck.ReasonBody, "%s%s", what, heard)
	case errors.Is(err, io.EOF) && said != nil && words == lastLine:
		return healthcheck.Errorf(healthcheck.ReasonBody, "%s before the peer closed the connection%s", what, heard)
	case errors.Is(err, io.EOF):
		return healthcheck.Errorf(healthcheck.ReasonProtocol, "%s: the peer closed the connection early%s", what, heard)
	default:
		return peer.Explain(ctx, what, err)
	}
}

// quote returns an excerpt of what a peer has sent, in hexadecimal where that is expected. Where it may be the rest of a
// secret it is withheld.
func (t *talker) quote(e *expectation, b []byte) string {
	if t.keep.open {
		return `"` + secret.Mark + `"`
	}
	if e != nil && e.hex != nil {
		b = hex.AppendEncode(nil, b[:min(len(b), excerptLen)])
	}
	return `"` + t.Secrets.Excerpt(b, excerptLen) + `"`
}
