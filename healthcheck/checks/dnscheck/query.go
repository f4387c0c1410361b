package dnscheck

import (
	"encoding/binary"
	"strings"

	"github.com/miekg/dns"
)

// lookup is one question with the messages that ask it, both with id 0 and never written to.
type lookup struct {
	name     string // as configured
	question dns.Question
	options  options
	packed   []byte // with EDNS (RFC 6891)
	plain    []byte // without; nil where what is asked for needs it
}

// options are what a question has beside a name and a type.
type options struct {
	class            uint16
	recursionDesired bool
	bufferSize       uint16 // told to the server
	authentic        bool   // ask for the AD flag
	signatures       bool   // ask for signatures
	nsid             bool   // ask for the name of the server
}

func newLookup(name string, recordType uint16, o options) (lookup, error) {
	var m dns.Msg
	m.SetQuestion(dns.Fqdn(name), recordType)
	m.Id = 0
	m.Question[0].Qclass = o.class
	m.RecursionDesired = o.recursionDesired
	m.AuthenticatedData = o.authentic // RFC 6840, section 5.7
	plain, err := m.Pack()
	if err != nil {
		return lookup{}, err
	}
	m.SetEdns0(o.bufferSize, o.signatures)
	if o.nsid {
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	}
	packed, err := m.Pack()
	if err != nil {
		return lookup{}, err
	}
	// A name can be written in several ways (RFC 1035, section 5.1). Here it is as it is read from an answer.
	m.Question[0].Name, err = nameAsRead(name)
	l := lookup{name: name, question: m.Question[0], options: o, packed: packed, plain: plain}
	if o.signatures || o.nsid {
		l.plain = nil
	}
	return l, err
}

// attempt is a question under way, asked with EDNS and then, where that is not understood, without. Each way has an id
// of its own: an answer that is late is known by it.
type attempt struct {
	*lookup
	ids   [2]uint16 // with EDNS, without
	plain bool      // asked without
}

func newAttempt(l *lookup, plain bool) *attempt {
	return &attempt{lookup: l, ids: [2]uint16{dns.Id(), dns.Id()}, plain: plain && l.plain != nil}
}

// message returns what to send next, behind room bytes for a prefix.
func (a *attempt) message(room int) []byte {
	packed, id := a.packed, a.ids[0]
	if a.plain {
		packed, id = a.lookup.plain, a.ids[1]
	}
	b := make([]byte, room+len(packed))
	copy(b[room:], packed)
	binary.BigEndian.PutUint16(b[room:], id)
	return b
}

// asked reports whether id is that of a message that was sent.
func (a *attempt) asked(id uint16) bool { return id == a.ids[0] || a.plain && id == a.ids[1] }

// withoutEDNS reports whether a response with this id and code says that its sender does not know EDNS: then the
// question is to be asked without (RFC 6891, section 7; NOTIMP is what RFC 2671 had).
func (a *attempt) withoutEDNS(id uint16, rcode int) bool {
	return id == a.ids[0] && a.lookup.plain != nil && refusesEDNS(rcode)
}

func refusesEDNS(rcode int) bool {
	return rcode == dns.RcodeFormatError || rcode == dns.RcodeNotImplemented
}

// answeredBy reports whether m is a response to l, whatever it says.
func (l *lookup) answeredBy(m *dns.Msg) bool {
	if !m.Response || m.Opcode != dns.OpcodeQuery {
		return false
	}
	if len(m.Question) == 0 { // some servers refuse without repeating what
		return m.Rcode != dns.RcodeSuccess
	}
	q := m.Question[0]
	return len(m.Question) == 1 && q.Qtype == l.question.Qtype && q.Qclass == l.question.Qclass &&
		strings.EqualFold(q.Name, l.question.Name)
}
