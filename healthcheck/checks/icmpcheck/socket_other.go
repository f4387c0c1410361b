//go:build !linux

package icmpcheck

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/net/icmp"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// open returns a socket that passes on what comes from that host. The unprivileged kind, which macOS has, is tried first.
func open(to netip.Addr, o options) (socket, error) {
	networks, anywhere := []string{"udp4", "ip4:icmp"}, "0.0.0.0"
	if to.Is6() {
		networks, anywhere = []string{"udp6", "ip6:ipv6-icmp"}, "::"
	}
	local := anywhere
	if o.source.IsValid() {
		local = o.source.String()
	}
	var err error
	for _, network := range networks {
		var conn *icmp.PacketConn
		if conn, err = icmp.ListenPacket(network, local); err == nil {
			s := &otherSocket{conn: conn, ident: int(rand.Uint32N(1 << 16))}
			s.from = to
			ip := net.IP(to.AsSlice())
			s.to = &net.IPAddr{IP: ip, Zone: to.Zone()}
			if network[:3] == "udp" {
				s.to = &net.UDPAddr{IP: ip, Zone: to.Zone()}
			}
			return s, nil
		}
	}
	if errors.Is(err, os.ErrPermission) {
		return nil, errRight("on this system only administrators have it")
	}
	return nil, healthcheck.Errorf(healthcheck.ReasonError, "open a socket: %w", err)
}

// otherSocket is a socket that is not connected.
type otherSocket struct {
	conn  *icmp.PacketConn
	to    net.Addr
	from  netip.Addr
	ident int
	ended atomic.Bool
}

func (s *otherSocket) id() int { return s.ident }

func (s *otherSocket) send(message []byte) error {
	_, err := s.conn.WriteTo(message, s.to)
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}

func (s *otherSocket) receive(room []byte, until time.Time) (received, error) {
	for {
		if err := s.conn.SetReadDeadline(until); err != nil {
			return received{}, err
		}
		if s.ended.Load() { // the deadline just set may have replaced the one of the end
			return received{}, os.ErrDeadlineExceeded
		}
		n, from, err := s.conn.ReadFrom(room)
		if err != nil {
			return received{}, err
		}
		if addressOf(from) != s.from.WithZone("") {
			continue
		}
		message := room[:n]
		if s.from.Is4() && n > 20 && message[0] == 0x45 { // macOS leaves the header of IPv4 there
			message = message[20:]
		}
		return received{message: message}, nil
	}
}

func addressOf(a net.Addr) netip.Addr {
	var ip net.IP
	switch a := a.(type) {
	case *net.UDPAddr:
		ip = a.IP
	case *net.IPAddr:
		ip = a.IP
	}
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap()
}

func (s *otherSocket) interrupt() {
	s.ended.Store(true)
	_ = s.conn.SetDeadline(time.Unix(1, 0))
}

func (s *otherSocket) Close() error { return s.conn.Close() }
