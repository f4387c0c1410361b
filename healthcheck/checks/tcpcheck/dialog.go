package tcpcheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

const (
	maxRead    = 64 << 10     // bytes read in one dialog
	maxMatched = 64 * maxRead // bytes that expressions are tried on, which a peer sending single bytes could drive up
	excerptLen = 200
)

// talk has the dialog over conn.
func (r *run) talk(ctx context.Context, conn net.Conn) error {
	if len(r.dialog) == 0 {
		return nil
	}
	start := time.Now()
	defer func() { r.measure(phaseDialog, time.Since(start)) }()
	l := listener{conn: conn, secrets: r.secrets}
	for i, s := range r.dialog {
		what := fmt.Sprintf("%s: dialog[%d]", r.address.Label(), i)
		if len(s.send) > 0 {
			if _, err := conn.Write(s.send); err != nil {
				return peer.Explain(ctx, what+": send", err)
			}
		}
		if s.expect == nil {
			continue
		}
		if err := l.wait(&s); err != nil {
			return r.explainAnswer(ctx, what, &s, &l, err)
		}
	}
	return nil
}

// explainAnswer says why the answer of a step, with l as it was when err came, is not the expected one.
func (r *run) explainAnswer(ctx context.Context, what string, s *step, l *listener, err error) error {
	unit := "line"
	if s.bytes {
		unit = "answer"
	}
	what = fmt.Sprintf("%s: no %s matches %q", what, unit, s.expect)
	heard := l.heard()
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return healthcheck.Errorf(healthcheck.ReasonTimeout, "%s in time%s", what, heard)
	case errors.Is(err, errTooMuch):
		return healthcheck.Errorf(healthcheck.ReasonBody, "%s in the first %d bytes%s", what, l.read, heard)
	case errors.Is(err, io.EOF) && !s.bytes && l.last != nil && len(l.buf) == 0:
		return healthcheck.Errorf(healthcheck.ReasonBody, "%s before the peer closed the connection%s", what, heard)
	case errors.Is(err, io.EOF):
		return healthcheck.Errorf(healthcheck.ReasonProtocol, "%s: the peer closed the connection early%s", what, heard)
	default:
		return peer.Explain(ctx, what, err)
	}
}

var errTooMuch = errors.New("the answer is too long")

// listener takes answers out of what a peer sends.
type listener struct {
	conn    net.Conn
	secrets *secret.Set
	buf     []byte // read and not yet used
	last    []byte // last line in this step that did not match
	read    int    // bytes read in the dialog
	matched int    // bytes tried in the dialog, again and again
}

// wait returns nil when the answer that s expects has come.
func (l *listener) wait(s *step) error {
	l.last = nil
	found := l.findLine
	if s.bytes {
		found = l.findBytes
	}
	for {
		ok, err := found(s.expect)
		if ok || err != nil {
			return err
		}
		if err := l.more(); err != nil {
			if errors.Is(err, io.EOF) && !s.bytes && len(l.buf) > 0 && s.expect.Match(l.buf) {
				l.buf = nil
				return nil
			}
			return err
		}
	}
}

func (l *listener) findLine(re *regexp.Regexp) (bool, error) {
	for {
		line, rest, ok := bytes.Cut(l.buf, []byte("\n"))
		if !ok {
			return false, nil
		}
		l.buf = rest
		line = bytes.TrimSuffix(line, []byte("\r"))
		if re.Match(line) {
			return true, nil
		}
		l.last = line
	}
}

func (l *listener) findBytes(re *regexp.Regexp) (bool, error) {
	if len(l.buf) == 0 {
		return false, nil
	}
	l.matched += len(l.buf)
	if l.matched > maxMatched {
		return false, errTooMuch
	}
	at := re.FindIndex(l.buf)
	if at == nil {
		return false, nil
	}
	l.buf = l.buf[at[1]:]
	return true, nil
}

// more reads what has come, waiting for at least a byte.
func (l *listener) more() error {
	room := min(maxRead-l.read, 4096)
	if room == 0 {
		return errTooMuch
	}
	l.buf = slices.Grow(l.buf, room)
	n, err := l.conn.Read(l.buf[len(l.buf) : len(l.buf)+room])
	l.buf = l.buf[:len(l.buf)+n]
	l.read += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

// heard returns an excerpt of the answer for the end of details.
func (l *listener) heard() string {
	switch {
	case len(l.buf) > 0:
		return "; it sent " + l.quote(l.buf)
	case l.last != nil:
		return "; its last line is " + l.quote(l.last)
	default:
		return "; it sent nothing"
	}
}

func (l *listener) quote(b []byte) string { return `"` + l.secrets.Excerpt(b, excerptLen) + `"` }
