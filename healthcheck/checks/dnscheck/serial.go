package dnscheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// maxSerialDifference is the greatest at which one of two serial numbers is the newer (RFC 1982, section 3.2).
const maxSerialDifference = 1<<31 - 1

// serialsOf returns the serial numbers that are known, and the servers that have each.
func serialsOf(outcomes []outcome) (serials []uint32, servers map[uint32][]string) {
	servers = make(map[uint32][]string)
	for i := range outcomes {
		o := &outcomes[i]
		if o.answer == nil || !o.answer.hasSOA {
			continue
		}
		serial := o.answer.serial
		serials = append(serials, serial)
		servers[serial] = append(servers[serial], o.server)
	}
	return serials, servers
}

// difference returns how far apart the farthest of the serial numbers are, in the arithmetic of RFC 1982: 4294967295 and
// 1 are 2 apart. Where they do not lie in one half of the circle there is no order among them; the result is more
// than maxSerialDifference then.
func difference(serials []uint32) int64 {
	var least, most int64
	for _, s := range serials {
		offset := int64(int32(s - serials[0])) // of which the lowest is the case that the RFC leaves undefined
		least, most = min(least, offset), max(most, offset)
	}
	return most - least
}

// verifySerials compares the serial numbers of all servers, all of which have given the expected answer.
func (e *expectation) verifySerials(outcomes []outcome) error {
	serials, servers := serialsOf(outcomes)
	for i := range outcomes {
		if o := &outcomes[i]; !o.answer.hasSOA {
			return healthcheck.Errorf(healthcheck.ReasonBody, "server %s: the answer has no serial number", o.server)
		}
	}
	far := difference(serials)
	if far <= e.maxDifference {
		return nil
	}
	var texts []string
	for serial, names := range servers {
		texts = append(texts, fmt.Sprintf("%d at %s", serial, strings.Join(names, " and ")))
	}
	slices.Sort(texts)
	return healthcheck.Errorf(healthcheck.ReasonThreshold, "the serial numbers differ by %d, want at most %d: %s", far, e.maxDifference, list(e.secrets, texts...))
}
