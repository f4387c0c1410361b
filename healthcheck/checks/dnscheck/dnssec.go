package dnscheck

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// dnssec is a [DNSSEC] made ready.
type dnssec struct {
	ad, signatures, verify bool
	minValidity            time.Duration
	secrets                *secret.Set // nil: there are none
}

// verifyResponses returns the first way in which the responses have not what is wanted of DNSSEC.
func (d *dnssec) verifyResponses(ctx context.Context, s session, lookups []lookup, responses []*dns.Msg) error {
	v := verifier{session: s, options: lookups[0].options, now: time.Now(), secrets: d.secrets}
	for i, m := range responses {
		if d.ad && !m.AuthenticatedData {
			return healthcheck.Errorf(healthcheck.ReasonStatus, "the answer has not the flag ad: it was not verified by dnssec")
		}
		if !d.signatures || m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
			continue // a failure has nothing to sign
		}
		sets := signedSets(m)
		if err := d.verifySets(sets, v.now); err != nil {
			return err
		}
		if d.verify {
			if err := v.verify(ctx, sets); err != nil {
				return err
			}
		}
		if err := d.verifyDenial(m, lookups[i].question, sets); err != nil {
			return err
		}
	}
	return nil
}

// verifySets looks for the signatures and at their times.
func (d *dnssec) verifySets(sets []*signedSet, now time.Time) error {
	if len(sets) == 0 {
		return healthcheck.Errorf(healthcheck.ReasonBody, "the answer has nothing that is signed")
	}
	for _, set := range sets {
		if len(set.signatures) == 0 {
			return healthcheck.Errorf(healthcheck.ReasonBody, "no signature of %s", set.label(d.secrets))
		}
		if !slices.ContainsFunc(set.signatures, func(sig *dns.RRSIG) bool { return inTime(sig, now) }) {
			sig := set.signatures[0]
			return healthcheck.Errorf(healthcheck.ReasonThreshold, "the signature of %s is good from %s to %s only",
				set.label(d.secrets), timeText(signatureTime(sig.Inception, now)), timeText(signatureTime(sig.Expiration, now)))
		}
	}
	for _, set := range sets {
		for _, sig := range set.signatures {
			if end := signatureTime(sig.Expiration, now); end.Sub(now) < d.minValidity {
				return healthcheck.Errorf(healthcheck.ReasonThreshold, "a signature of %s expires at %s, want it to be valid for %s", set.label(d.secrets), timeText(end), d.minValidity)
			}
		}
	}
	return nil
}

// verifyDenial wants records that prove what an answer says without saying it: that there is nothing of the kind, or, where
// it was made from a wildcard, that there is nothing closer (RFC 4035, sections 3.1.3 and 5.3.4). What they deny is not
// looked at, but without them each resolver that validates refuses the answer.
func (d *dnssec) verifyDenial(m *dns.Msg, question dns.Question, sets []*signedSet) error {
	has := func(types ...uint16) bool {
		return slices.ContainsFunc(sets, func(s *signedSet) bool { return slices.Contains(types, s.recordType) })
	}
	if has(dns.TypeNSEC, dns.TypeNSEC3) || len(m.Answer) == 0 && has(dns.TypeDS) { // which is a step down, and no answer
		return nil
	}
	if len(answerOf(m, question).records) == 0 {
		return healthcheck.Errorf(healthcheck.ReasonBody, "nothing proves that there is no %s %s: no NSEC or NSEC3",
			list(d.secrets, strings.ToLower(question.Name)), typeText(question.Qtype))
	}
	for _, set := range sets {
		if slices.ContainsFunc(set.signatures, func(sig *dns.RRSIG) bool { return expanded(set.name, sig) }) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "nothing proves that the wildcard is the closest to %s: no NSEC or NSEC3", set.label(d.secrets))
		}
	}
	return nil
}

// expanded reports whether the signature is that of a wildcard, from which the name was made (RFC 4034, section 3.1.3).
func expanded(name string, sig *dns.RRSIG) bool {
	return int(sig.Labels) < dns.CountLabel(strings.TrimPrefix(name, "*."))
}

// signedSet is a set of records (RFC 2181, section 5) with its signatures.
type signedSet struct {
	name       string // in lower case
	recordType uint16
	records    []dns.RR
	signatures []*dns.RRSIG
}

func (s *signedSet) label(secrets *secret.Set) string {
	return list(secrets, s.name) + " " + typeText(s.recordType)
}

// signedSets returns the sets of records in m that must be signed: those of the answer, and in the authority section those
// that prove that there is nothing else. A server adds others, such as the name servers above a zone, without a
// signature.
func signedSets(m *dns.Msg) []*signedSet {
	answer := setsOf(m.Answer, func(uint16) bool { return true })
	var redirected []string
	for _, set := range answer {
		if set.recordType == dns.TypeDNAME {
			redirected = append(redirected, set.name)
		}
	}
	answer = slices.DeleteFunc(answer, func(s *signedSet) bool {
		// What follows from a DNAME is made up on the way (RFC 6672, section 5.3.1).
		return s.recordType == dns.TypeCNAME && len(s.signatures) == 0 && slices.ContainsFunc(redirected, func(name string) bool {
			return name != s.name && dns.IsSubDomain(name, s.name)
		})
	})
	return append(answer, setsOf(m.Ns, func(t uint16) bool {
		return t == dns.TypeSOA || t == dns.TypeNSEC || t == dns.TypeNSEC3 || t == dns.TypeDS
	})...)
}

func setsOf(section []dns.RR, wanted func(recordType uint16) bool) (sets []*signedSet) {
	type key struct {
		name       string
		recordType uint16
	}
	known := make(map[key]*signedSet)
	of := func(name string, recordType uint16) *signedSet {
		k := key{name, recordType}
		s := known[k]
		if s == nil && wanted(recordType) {
			s = &signedSet{name: name, recordType: recordType}
			known[k] = s
			sets = append(sets, s)
		}
		return s
	}
	for _, rr := range section {
		h := rr.Header()
		h.Name = strings.ToLower(h.Name) // a set has one name to package dns, and a signature is of lower case
		if sig, ok := rr.(*dns.RRSIG); ok {
			if s := of(h.Name, sig.TypeCovered); s != nil {
				s.signatures = append(s.signatures, sig)
			}
		} else if s := of(h.Name, h.Rrtype); s != nil {
			s.records = append(s.records, rr)
		}
	}
	// Signatures of what is not there prove nothing.
	return slices.DeleteFunc(sets, func(s *signedSet) bool { return len(s.records) == 0 })
}

// firstExpiry returns when the first of the signatures in the responses expires, zero where there are none.
func firstExpiry(responses []*dns.Msg, now time.Time) (first time.Time) {
	for _, m := range responses {
		for _, set := range signedSets(m) {
			for _, sig := range set.signatures {
				if end := signatureTime(sig.Expiration, now); first.IsZero() || end.Before(first) {
					first = end
				}
			}
		}
	}
	return first
}

func inTime(sig *dns.RRSIG, now time.Time) bool {
	return !now.Before(signatureTime(sig.Inception, now)) && !now.After(signatureTime(sig.Expiration, now))
}

// signatureTime returns the time that a field of a signature means: of those that it may mean the one nearest to now
// (RFC 4034, section 3.1.5).
func signatureTime(stamp uint32, now time.Time) time.Time {
	return time.Unix(now.Unix()+int64(int32(stamp-uint32(now.Unix()))), 0)
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }
