package icmpcheck

import (
	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// filter has the system drop all that is no answer with our identifier: a raw socket gets a copy of every message from
// its peer, and thousands of checks would read those of each other.
func (s *linuxSocket) filter(fd int) error {
	reply := uint32(ipv4.ICMPTypeEchoReply)
	header := bpf.Instruction(bpf.LoadMemShift{Off: 0}) // X is the length of the header of IPv4
	if s.six {
		reply, header = uint32(ipv6.ICMPTypeEchoReply), bpf.LoadConstant{Dst: bpf.RegX, Val: 0} // which is not there
	}
	program, err := bpf.Assemble([]bpf.Instruction{
		header,
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: reply, SkipTrue: 3},
		bpf.LoadIndirect{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(s.ident), SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 20},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, 0, len(program))
	for _, i := range program {
		filter = append(filter, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}
