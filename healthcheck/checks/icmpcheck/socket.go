package icmpcheck

import (
	"net/netip"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// socket exchanges messages of ICMP with one host.
type socket interface {
	// id is the identifier for echo requests. The system may send another one.
	id() int
	// send sends a message. An error that the system tells of one that was sent before may come here too, as a
	// syscall.Errno, and instead of this message.
	send(message []byte) error
	// receive returns the next message, which is in the room, and waits for it until then. Its errors are those of send, and
	// os.ErrDeadlineExceeded.
	receive(room []byte, until time.Time) (received, error)
	// interrupt ends what is under way, and all that comes after.
	interrupt()
	Close() error
}

// received is a message that a socket has received.
type received struct {
	message []byte        // from the header of ICMP on
	ttl     int           // 0: not known
	waited  time.Duration // since the system has received it; 0: not known
}

// options are how a socket is to be.
type options struct {
	source       netip.Addr // not valid: any
	dontFragment bool
}

// errRight is why there is no socket.
func errRight(missing string) error {
	return healthcheck.Errorf(healthcheck.ReasonError, "no right to send echo requests: %s", missing)
}
