package icmpcheck

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// open returns a socket that is connected: the system passes on what comes from that host alone, and tells, as errors,
// what routers say of the packets to it. The unprivileged kind is tried first (icmp(7)).
func open(to netip.Addr, o options) (socket, error) {
	for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_RAW} {
		s, err := newSocket(kind, to)
		switch {
		case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.Is(err, unix.EPROTONOSUPPORT):
			continue
		case err != nil:
			return nil, healthcheck.Errorf(healthcheck.ReasonConnect, "open a socket: %w", err)
		}
		if err := s.connect(to, o); err != nil {
			_ = s.Close()
			return nil, err
		}
		return s, nil
	}
	return nil, errRight("the group of the program is not in the sysctl net.ipv4.ping_group_range, and it has not the capability CAP_NET_RAW")
}

// linuxSocket is a socket of the kind SOCK_DGRAM, or SOCK_RAW.
type linuxSocket struct {
	file  *os.File
	conn  syscall.RawConn
	six   bool
	raw   bool
	ident int
	ended atomic.Bool
}

func newSocket(kind int, to netip.Addr) (*linuxSocket, error) {
	s := &linuxSocket{six: to.Is6(), raw: kind == unix.SOCK_RAW, ident: int(rand.Uint32N(1 << 16))}
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if s.six {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	s.file = os.NewFile(uintptr(fd), "icmp")
	s.conn, err = s.file.SyscallConn()
	return s, err
}

// connect sets the options and the address of the peer.
func (s *linuxSocket) connect(to netip.Addr, o options) error {
	var failed error
	err := s.conn.Control(func(fd uintptr) { failed = s.connectFD(int(fd), to, o) })
	return errors.Join(err, failed)
}

func (s *linuxSocket) connectFD(fd int, to netip.Addr, o options) error {
	// What is missing there is not known then, no more.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	level, discover, never, always := unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT, unix.IP_PMTUDISC_DO
	if s.six {
		level, discover, never, always = unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT, unix.IPV6_PMTUDISC_DO
		_ = unix.SetsockoptInt(fd, level, unix.IPV6_RECVERR, 1)
		_ = unix.SetsockoptInt(fd, level, unix.IPV6_RECVHOPLIMIT, 1)
	} else {
		_ = unix.SetsockoptInt(fd, level, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(fd, level, unix.IP_RECVTTL, 1)
	}
	if !o.dontFragment {
		_ = unix.SetsockoptInt(fd, level, discover, never)
	} else if err := s.dontFragment(fd, level, discover, always); err != nil {
		return healthcheck.Errorf(healthcheck.ReasonError, "dont_fragment: %w", err)
	}
	if s.raw {
		if err := s.filter(fd); err != nil {
			return healthcheck.Errorf(healthcheck.ReasonError, "attach a filter: %w", err)
		}
	}
	if o.source.IsValid() {
		if err := unix.Bind(fd, sockaddr(o.source)); err != nil {
			return healthcheck.Errorf(healthcheck.ReasonConnect, "bind to %s: %w", o.source, err)
		}
	}
	if err := unix.Connect(fd, sockaddr(to)); err != nil {
		return healthcheck.WithReason(healthcheck.ReasonConnect, err)
	}
	if s.raw {
		drain(fd)
	}
	return nil
}

// drain drops what has come before the filter and the address of the peer were there: that of all other checks, which
// may have filled the buffer.
func drain(fd int) {
	var room [1]byte
	for range mostDrained {
		if _, _, err := unix.Recvfrom(fd, room[:], unix.MSG_DONTWAIT); err == unix.EAGAIN {
			return
		}
	}
}

const mostDrained = 10_000 // messages: more than a buffer holds

func (s *linuxSocket) dontFragment(fd, level, discover, always int) error {
	err := unix.SetsockoptInt(fd, level, discover, always)
	if err == nil && s.six {
		err = unix.SetsockoptInt(fd, level, unix.IPV6_DONTFRAG, 1)
	}
	return err
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	sa := &unix.SockaddrInet6{Addr: a.As16()}
	if n, err := strconv.ParseUint(a.Zone(), 10, 32); err == nil {
		sa.ZoneId = uint32(n)
	} else if i, err := net.InterfaceByName(a.Zone()); err == nil {
		sa.ZoneId = uint32(i.Index)
	}
	return sa
}

func (s *linuxSocket) id() int { return s.ident }

func (s *linuxSocket) send(message []byte) error {
	var failed error
	err := s.conn.Write(func(fd uintptr) bool {
		_, failed = unix.Write(int(fd), message)
		return failed != unix.EAGAIN && failed != unix.EINTR
	})
	if err != nil {
		return err
	}
	return failed
}

func (s *linuxSocket) receive(room []byte, until time.Time) (received, error) {
	if err := s.file.SetReadDeadline(until); err != nil {
		return received{}, err
	}
	if s.ended.Load() { // the deadline just set may have replaced the one of the end
		return received{}, os.ErrDeadlineExceeded
	}
	var control [128]byte
	var n, nc int
	var failed error
	err := s.conn.Read(func(fd uintptr) bool {
		n, nc, _, _, failed = unix.Recvmsg(int(fd), room, control[:], 0)
		return failed != unix.EAGAIN && failed != unix.EINTR
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return received{}, err
	}
	got := received{message: room[:n]}
	if s.raw && !s.six {
		got.message = afterHeader(got.message)
	}
	got.read(control[:nc])
	return got, nil
}

// afterHeader returns what comes after a header of IPv4 (RFC 791, section 3.1).
func afterHeader(packet []byte) []byte {
	if len(packet) == 0 {
		return nil
	}
	return packet[min(int(packet[0]&0x0f)*4, len(packet)):]
}

// read takes what the system tells beside the message.
func (r *received) read(control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for _, m := range messages {
		h := m.Header
		switch {
		case h.Level == unix.SOL_IP && h.Type == unix.IP_TTL && len(m.Data) >= 4,
			h.Level == unix.SOL_IPV6 && h.Type == unix.IPV6_HOPLIMIT && len(m.Data) >= 4:
			r.ttl = int(binary.NativeEndian.Uint32(m.Data))
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS:
			r.waited = time.Since(timespec(m.Data))
		}
	}
}

// timespec reads a time, whose size depends on the processor.
func timespec(data []byte) time.Time {
	switch len(data) {
	case 16:
		return time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
	case 8:
		return time.Unix(int64(binary.NativeEndian.Uint32(data)), int64(binary.NativeEndian.Uint32(data[4:])))
	}
	return time.Now()
}

func (s *linuxSocket) interrupt() {
	s.ended.Store(true)
	_ = s.file.SetDeadline(time.Unix(1, 0))
}

func (s *linuxSocket) Close() error { return s.file.Close() }
