package dialog

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"unicode/utf8"
)

// listener takes answers out of a stream.
type listener struct {
	conn    net.Conn
	buf     []byte // read and not yet used
	last    []byte // last line in this step that did not match
	read    int    // bytes read in the dialog
	matched int    // bytes tried in the dialog, again and again
}

func (l *listener) wait(e *expectation, k *keeper) error {
	l.last = nil
	found := l.findBytes
	if e.lines {
		found = l.findLine
	}
	for {
		ok, err := found(e, k)
		if ok || err != nil {
			return err
		}
		if err := l.more(); err != nil {
			if errors.Is(err, io.EOF) && e.lines && len(l.buf) > 0 {
				return l.findEnd(e, k)
			}
			return err
		}
	}
}

func (l *listener) findLine(e *expectation, k *keeper) (bool, error) {
	for {
		line, rest, ok := bytes.Cut(l.buf, []byte("\n"))
		if !ok {
			return false, nil
		}
		l.buf = rest
		line = bytes.TrimSuffix(line, []byte("\r"))
		if ok, err := l.try(line, e, k); ok || err != nil {
			return ok, err
		}
		l.last = line
	}
}

// findEnd tries the last line, which has no end.
func (l *listener) findEnd(e *expectation, k *keeper) error {
	ok, err := l.try(l.buf, e, k)
	switch {
	case err != nil:
		return err
	case !ok:
		return io.EOF
	}
	l.buf = nil
	return nil
}

func (l *listener) try(line []byte, e *expectation, k *keeper) (bool, error) {
	if err := e.rejected(line); err != nil {
		return false, err
	}
	_, ok, err := e.match(line, k)
	return ok, err
}

// findBytes tries all that has come. What is rejected counts as far as the expected answer goes: the rest may have come
// by chance at the same time.
func (l *listener) findBytes(e *expectation, k *keeper) (bool, error) {
	if len(l.buf) == 0 {
		return false, nil
	}
	l.matched += len(l.buf)
	if l.matched > maxMatched {
		return false, errTooMuch
	}
	k.secretEnd = 0
	end, ok, err := e.match(l.buf, k)
	if err != nil {
		return false, err
	}
	if !ok {
		end = len(whole(l.buf))
	}
	if end > 0 {
		if err := e.rejected(l.buf[:end]); err != nil {
			return false, err
		}
	}
	if !ok {
		if e.hex != nil && e.hex.compare(l.buf) == other {
			return false, errOther
		}
		return false, nil
	}
	k.open = k.open || k.secretEnd == len(l.buf)
	l.buf = l.buf[end:]
	return true, nil
}

// whole returns b without a character of UTF-8 at its end whose rest has not come yet.
func whole(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if !utf8.RuneStart(b[i]) {
			continue
		}
		if !utf8.FullRune(b[i:]) {
			return b[:i]
		}
		break
	}
	return b
}

// The room for what is read at once, in bytes: most answers are short.
const (
	firstRoom = 512
	nextRoom  = 4 << 10
)

// more reads what has come, waiting for at least a byte.
func (l *listener) more() error {
	if l.read >= maxRead {
		return errTooMuch
	}
	room := nextRoom
	if l.read < firstRoom {
		room = firstRoom
	}
	room = min(room, maxRead-l.read)
	l.buf = slices.Grow(l.buf, room)
	n, err := l.conn.Read(l.buf[len(l.buf) : len(l.buf)+room])
	l.buf = l.buf[:len(l.buf)+n]
	l.read += n
	if n > 0 {
		return nil // an error comes again
	}
	return err
}

const lastLine = "its last line is"

func (l *listener) heard() (what []byte, words string) {
	if len(l.buf) > 0 {
		return l.buf, "it sent"
	}
	return l.last, lastLine
}
