package dialog

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	// MaxDatagram is the most that a datagram of UDP carries over IPv4, in bytes (RFC 768, RFC 791).
	MaxDatagram  = 65535 - 20 - 8
	maxDatagrams = 1000 // that are looked at in one dialog
	roomDatagram = 64 << 10
)

// Datagrams says how a dialog is had in datagrams.
type Datagrams struct {
	Retries  int           // how often the datagram of a step is sent again
	Interval time.Duration // how long an answer is awaited before, and, where none is expected, at the end
}

// Exchanged tells of a dialog in datagrams.
type Exchanged struct {
	Resent int           // datagrams that were sent again
	Waited time.Duration // for what a peer that is well does not send
}

// Exchange has the dialog in datagrams, over a connected socket: what others than the peer send does not get there.
// What is returned beside an error is what was done so far.
func (s *Script) Exchange(ctx context.Context, c Conversation, o Datagrams) (Exchanged, error) {
	room := rooms.Get().(*[roomDatagram]byte)
	defer rooms.Put(room)
	b := &box{ctx: ctx, conn: c.Conn, room: room[:], rules: o}
	t := talker{Conversation: &c, ear: b}
	t.keep, c.Secrets = s.newKeeper(c.Secrets)
	for i := range s.steps {
		st := &s.steps[i]
		err := b.send(st, &t.keep)
		if err == nil && s.hears && st.expect != nil {
			err = b.wait(st.expect, &t.keep)
		}
		if err == nil && !s.hears && i == len(s.steps)-1 {
			err = b.listen(s)
		}
		if err != nil {
			return b.done, t.explainDatagram(ctx, i, st.expect, b.read, err)
		}
	}
	return b.done, nil
}

// rooms are for what is received: few runs are under way at a time.
var rooms = sync.Pool{New: func() any { return new([roomDatagram]byte) }}

// explainDatagram is explain for datagrams, where an error of the system tells what the network has answered.
func (t *talker) explainDatagram(ctx context.Context, i int, e *expectation, read int, err error) error {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) || errno == syscall.EMSGSIZE {
		return t.explain(ctx, i, e, read, err)
	}
	return healthcheck.Errorf(healthcheck.ReasonConnect, "%s: %w", t.at(i), errno)
}

// box takes answers out of the datagrams that come.
type box struct {
	ctx   context.Context //nolint:containedctx // of the one dialog that it is for
	conn  net.Conn
	room  []byte
	rules Datagrams
	done  Exchanged

	data  []byte    // sent in this step
	until time.Time // when to send it again
	left  int       // how often that may be
	last  []byte    // last datagram in this step that did not match; not nil where there is one
	read  int       // bytes read in the dialog
	count int       // datagrams
}

func (b *box) send(st *step, k *keeper) (err error) {
	b.data, b.last, b.left = nil, nil, 0
	if st.send == nil {
		return nil
	}
	if b.data, err = st.send.bytes(k.values); err != nil {
		return &sendError{err}
	}
	b.left = b.rules.Retries
	return b.write(b.rules.Interval)
}

// write sends the datagram, which may be sent again after the wait.
func (b *box) write(wait time.Duration) error {
	b.until = time.Now().Add(wait)
	if _, err := b.conn.Write(b.data); err != nil {
		return &sendError{err}
	}
	return nil
}

func (b *box) rewrite(wait time.Duration) error {
	b.left--
	err := b.write(wait)
	if errors.Is(err, os.ErrDeadlineExceeded) { // of the run: its clock was a little early
		return os.ErrDeadlineExceeded
	}
	b.done.Resent++
	return err
}

func (b *box) wait(e *expectation, k *keeper) error {
	for {
		until := b.until
		if b.left == 0 {
			until = time.Time{}
		}
		got, err := b.receive(until)
		switch {
		case b.left > 0 && b.passed(err):
			err = b.rewrite(b.rules.Interval)
		case err == nil:
			var ok bool
			if ok, err = e.matchDatagram(got, k); ok {
				return err
			}
			b.last = append(make([]byte, 0, len(got)), got...)
		}
		if err != nil {
			return err
		}
	}
}

// listen waits for what is rejected, and for the network to say that nobody is there, when all is sent. Whoever answers
// anything else is there.
func (b *box) listen(s *Script) error {
	start := time.Now()
	defer func() { b.done.Waited = time.Since(start) }()
	wait := b.rules.Interval
	if deadline, ok := b.ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2/time.Duration(b.left+1))
	}
	for b.until = start.Add(wait); ; {
		got, err := b.receive(b.until)
		switch {
		case err == nil:
			return s.rejected(got)
		case !b.passed(err):
			return err
		case b.left == 0:
			return nil
		}
		if err := b.rewrite(wait); err != nil {
			return err
		}
	}
}

// rejected returns why a datagram that nobody has expected ends the run, or nil.
func (s *Script) rejected(datagram []byte) error {
	for i := range s.steps {
		if e := s.steps[i].expect; e != nil {
			if err := e.rejected(datagram); err != nil {
				return err
			}
		}
	}
	return nil
}

// passed reports whether err says that it is late, but the run goes on.
func (b *box) passed(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && b.ctx.Err() == nil
}

// receive returns the next datagram, until it is overwritten by the one after. It waits until then, if that is not zero.
func (b *box) receive(until time.Time) ([]byte, error) {
	if b.count >= maxDatagrams || b.read >= maxMatched {
		return nil, errTooMuch
	}
	if err := b.conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	if b.ctx.Err() != nil { // the deadline just set may have replaced the one that the end of the run has set
		return nil, os.ErrDeadlineExceeded
	}
	n, err := b.conn.Read(b.room)
	if err != nil {
		return nil, err
	}
	b.count++
	b.read += n
	return b.room[:n], nil
}

const lastDatagram = "its last answer is"

func (b *box) heard() (what []byte, words string) { return b.last, lastDatagram }

// matchDatagram reports whether a datagram is what is expected, or has a line that is.
func (e *expectation) matchDatagram(b []byte, k *keeper) (ok bool, err error) {
	if !e.lines {
		if err := e.rejected(b); err != nil {
			return false, err
		}
		_, ok, err = e.match(b, k)
		return ok, err
	}
	linesOf(b, func(line []byte) bool {
		if err = e.rejected(line); err == nil {
			_, ok, err = e.match(line, k)
		}
		return !ok && err == nil
	})
	return ok, err
}
