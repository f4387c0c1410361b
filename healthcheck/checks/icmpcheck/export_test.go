package icmpcheck

import (
	"net/netip"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Fake is the network in place of a socket.
type Fake struct {
	Send    func(message []byte) error
	Receive func(until time.Time) ([]byte, error)
}

// NewFake is New for a check whose network is f.
func NewFake(c Config, f Fake) (healthcheck.Checker, error) {
	chk, err := New(c)
	if err != nil {
		return nil, err
	}
	chk.(*checker).open = func(netip.Addr, options) (socket, error) { return fakeSocket{f}, nil }
	return chk, nil
}

type fakeSocket struct{ f Fake }

func (s fakeSocket) id() int                   { return 7 }
func (s fakeSocket) send(message []byte) error { return s.f.Send(message) }
func (s fakeSocket) interrupt()                {}
func (s fakeSocket) Close() error              { return nil }

func (s fakeSocket) receive(_ []byte, until time.Time) (received, error) {
	message, err := s.f.Receive(until)
	return received{message: message, ttl: 57}, err
}
