package dnscheck

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Bounds on what a server may make us do (CVE-2023-50387).
const (
	maxSigners  = 8  // zones whose keys are asked for in a run
	maxAttempts = 64 // signatures that are computed
)

// verifier verifies signatures of one response by the keys that its server has.
type verifier struct {
	session
	options  options
	now      time.Time
	zones    map[string][]*dns.DNSKEY
	attempts int
	secrets  *secret.Set // nil: there are none
}

var errAttempts = healthcheck.Errorf(healthcheck.ReasonProtocol, "there are too many signatures and keys to verify")

// verify wants one right signature of each set.
func (v *verifier) verify(ctx context.Context, sets []*signedSet) error {
	for _, set := range sets {
		if err := v.verifySet(set, func(zone string) ([]*dns.DNSKEY, error) { return v.keys(ctx, zone) }); err != nil {
			return err
		}
	}
	return nil
}

// verifySet wants one right signature of the set by a key of the zone that signed it.
func (v *verifier) verifySet(set *signedSet, keysOf func(zone string) ([]*dns.DNSKEY, error)) error {
	why := errors.New("there is none within its time")
	for _, sig := range set.signatures {
		zone := strings.ToLower(sig.SignerName)
		if !inTime(sig, v.now) {
			continue
		}
		if !dns.IsSubDomain(zone, set.name) {
			why = errors.New("it is by a zone that the name is not in")
			continue
		}
		keys, err := keysOf(zone)
		if err != nil {
			return err
		}
		why = errors.New("the zone has no such key")
		for _, key := range keys {
			if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if v.attempts++; v.attempts > maxAttempts {
				return errAttempts
			}
			if err = sig.Verify(key, set.records); err == nil {
				return nil
			}
			why = errors.New("it is not by the key")
			if errors.Is(err, dns.ErrAlg) {
				why = errors.New("its algorithm is not supported")
			}
		}
	}
	return healthcheck.Errorf(healthcheck.ReasonBody, "no signature of %s is right: %w", set.label(v.secrets), why)
}

// keys returns the keys of a zone, of which one has signed them all.
func (v *verifier) keys(ctx context.Context, zone string) ([]*dns.DNSKEY, error) {
	if keys, ok := v.zones[zone]; ok {
		return keys, nil
	}
	if len(v.zones) == maxSigners {
		return nil, errAttempts
	}
	l, err := newLookup(zone, dns.TypeDNSKEY, v.options)
	if err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "a signature is by a zone with a name that is none")
	}
	m, err := v.query(ctx, &l)
	if err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonOf(err), "ask for the keys of %s: %w", list(v.secrets, zone), err)
	}
	sets := setsOf(m.Answer, func(t uint16) bool { return t == dns.TypeDNSKEY })
	i := slices.IndexFunc(sets, func(s *signedSet) bool { return s.name == zone })
	if i < 0 {
		return nil, healthcheck.Errorf(healthcheck.ReasonBody, "the server has no keys of %s: rcode %s", list(v.secrets, zone), rcodeText(m.Rcode))
	}
	var keys []*dns.DNSKEY
	for _, rr := range sets[i].records {
		if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.REVOKE == 0 { // RFC 5011, section 2.1
			keys = append(keys, key)
		}
	}
	if err := v.verifySet(sets[i], func(string) ([]*dns.DNSKEY, error) { return keys, nil }); err != nil {
		return nil, err
	}
	if v.zones == nil {
		v.zones = make(map[string][]*dns.DNSKEY)
	}
	v.zones[zone] = keys
	return keys, nil
}
