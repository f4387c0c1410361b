package dnscheck

import (
	"net"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// UseResolver makes c, a check without a server, ask r.
func UseResolver(c healthcheck.Checker, r *net.Resolver) { c.(*checker).resolver = r }

// Judge runs what a check does with a message that came over the network.
func Judge(c healthcheck.Checker, message []byte) (records []string, err error) {
	chk := c.(*checker)
	l := &chk.lookups[0]
	var m dns.Msg
	if err := m.Unpack(message); err != nil || !l.answeredBy(&m) {
		return nil, err
	}
	a := answerOf(&m, l.question)
	for _, r := range a.records {
		records = append(records, r.text)
	}
	return records, chk.expect.verify(a)
}

// Difference is how far apart serial numbers are.
var Difference = difference
