package icmpcheck

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	headerSize = 8  // of an echo message (RFC 792, RFC 4443 section 4.1)
	tokenSize  = 16 // bytes that tell the requests of a run from all others
	roomSize   = 64 << 10
	// most is how many messages and errors more than there are requests are read in a run.
	most = 1000
	// reserve is the time, at most, by which a run ends before it has to.
	reserve = 200 * time.Millisecond
)

// exchange sends the echo requests of a run, and takes the answers.
type exchange struct {
	*checker

	socket  socket
	six     bool
	payload []byte // begins with the token
	sent    []sentPacket
	ttl     int
	done    int // requests that nothing more comes for: answered or refused
	read    int
	refused error // the first that the system has told
}

type sentPacket struct {
	at       time.Time
	answered bool
	took     time.Duration
}

func newExchange(c *checker, s socket, to netip.Addr) *exchange {
	e := &exchange{checker: c, socket: s, six: to.Is6(), payload: make([]byte, c.size), sent: make([]sentPacket, 0, c.count)}
	for i := range e.payload {
		e.payload[i] = byte(i)
	}
	_, _ = rand.Read(e.payload[:tokenSize]) // never fails
	return e
}

// rooms are for what is received: few runs are under way at a time.
var rooms = sync.Pool{New: func() any { return new([roomSize]byte) }}

// do sends and receives until all is answered, or the time is over. That there is no answer is no error.
func (e *exchange) do(ctx context.Context) error {
	room := rooms.Get().(*[roomSize]byte)
	defer rooms.Put(room)
	p := e.plan(ctx)
	for ctx.Err() == nil {
		now := time.Now()
		wake := p.due(len(e.sent))
		if len(e.sent) == e.count {
			if e.done >= e.count {
				return nil
			}
			wake = e.sent[len(e.sent)-1].at.Add(e.timeout)
		} else if !now.Before(wake) && now.Before(p.end) {
			if err := e.send(); err != nil {
				return err
			}
			continue
		}
		if p.end.Before(wake) {
			wake = p.end
		}
		if !now.Before(wake) {
			return nil
		}
		if err := e.receive(room[:], wake); err != nil {
			return err
		}
	}
	return nil
}

// plan is when to send and when to end.
type plan struct {
	start, end time.Time
	interval   time.Duration
}

func (e *exchange) plan(ctx context.Context) plan {
	p := plan{start: time.Now(), interval: e.interval}
	p.end = p.start.Add(time.Duration(e.count)*e.interval + e.timeout)
	deadline, ok := ctx.Deadline()
	if !ok {
		return p
	}
	left := deadline.Sub(p.start)
	left -= min(left/10, reserve)
	if e.count > 1 {
		p.interval = min(p.interval, left/2/time.Duration(e.count-1))
	}
	if end := p.start.Add(left); end.Before(p.end) {
		p.end = end
	}
	return p
}

// due is when to send a request, by its number.
func (p *plan) due(i int) time.Time { return p.start.Add(time.Duration(i) * p.interval) }

func (e *exchange) send() error {
	var kind icmp.Type = ipv4.ICMPTypeEcho
	if e.six {
		kind = ipv6.ICMPTypeEchoRequest
	}
	message, err := (&icmp.Message{Type: kind, Body: &icmp.Echo{ID: e.socket.id(), Seq: len(e.sent) + 1, Data: e.payload}}).Marshal(nil)
	if err != nil {
		return err
	}
	e.sent = append(e.sent, sentPacket{at: time.Now()})
	return e.refuse(e.socket.send(message))
}

// refuse notes an error that the system has told of a request, and returns any other one.
func (e *exchange) refuse(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err
	}
	e.done++
	if e.refused == nil {
		e.refused = errno
		if errno == syscall.EMSGSIZE {
			e.refused = errTooLarge
		}
	}
	return nil
}

var errTooLarge = errors.New("the packet is too large for a network on the way")

// receive takes one message, if one comes until then.
func (e *exchange) receive(room []byte, until time.Time) error {
	if e.read++; e.read > most+e.count {
		return healthcheck.Errorf(healthcheck.ReasonProtocol, "more than %d messages that are no answers", most)
	}
	got, err := e.socket.receive(room, until)
	if err != nil {
		return e.refuse(err)
	}
	now := time.Now()
	i, ok := e.answerTo(got.message)
	if !ok || e.sent[i].answered {
		return nil
	}
	p := &e.sent[i]
	p.took = now.Sub(p.at)
	if got.waited > 0 && got.waited < p.took {
		p.took -= got.waited
	}
	if p.took > e.timeout {
		return nil // it was lost by then
	}
	p.answered = true
	e.done++
	e.ttl = got.ttl
	return nil
}

// answerTo returns which of the requests a message answers, if any.
func (e *exchange) answerTo(message []byte) (i int, ok bool) {
	want := byte(ipv4.ICMPTypeEchoReply)
	if e.six {
		want = byte(ipv6.ICMPTypeEchoReply)
	}
	if len(message) < headerSize || message[0] != want || message[1] != 0 || !bytes.Equal(message[headerSize:], e.payload) {
		return 0, false
	}
	i = int(binary.BigEndian.Uint16(message[6:])) - 1
	return i, i >= 0 && i < len(e.sent)
}

// tally is what a run has come to.
type tally struct {
	sent, received             int
	least, mean, worst, jitter time.Duration
	ttl                        int // 0: not known
	refused                    error
}

func (e *exchange) tally() tally {
	t := tally{sent: len(e.sent), ttl: e.ttl, refused: e.refused}
	var sum, differences, last time.Duration
	for _, p := range e.sent {
		if !p.answered {
			continue
		}
		if t.received > 0 {
			differences += (p.took - last).Abs()
		}
		if t.received == 0 || p.took < t.least {
			t.least = p.took
		}
		t.worst = max(t.worst, p.took)
		t.received++
		sum += p.took
		last = p.took
	}
	if t.received > 0 {
		t.mean = sum / time.Duration(t.received)
	}
	if t.received > 1 {
		t.jitter = differences / time.Duration(t.received-1)
	}
	return t
}
