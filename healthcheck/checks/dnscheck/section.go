package dnscheck

import (
	"regexp"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

const anyNumber = -1

// section is a [Section], or that part of an [Expect], made ready.
type section struct {
	noun                         string // of one of its records
	exact, contains, notContains []string
	matches, notMatches          []*regexp.Regexp
	least, most                  int // most may be anyNumber
	minTTL, maxTTL               time.Duration
	secrets                      *secret.Set // nil: there are none
}

// closed reports whether records that were not seen could be wrong.
func (s *section) closed() bool {
	return len(s.exact)+len(s.notContains)+len(s.notMatches) > 0 || s.most >= 0
}

// verify returns the first way in which records are not as expected.
func (s *section) verify(records []record) error {
	texts := make([]string, len(records))
	for i, r := range records {
		texts[i] = r.text
	}
	switch n := len(records); {
	case n < s.least:
		return healthcheck.Errorf(healthcheck.ReasonThreshold, "%d %ss, want at least %d: %s", n, s.noun, s.least, list(s.secrets, texts...))
	case s.most >= 0 && n > s.most:
		return healthcheck.Errorf(healthcheck.ReasonThreshold, "%d %ss, want at most %d: %s", n, s.noun, s.most, list(s.secrets, texts...))
	}
	if err := s.verifyTexts(texts); err != nil {
		return err
	}
	return s.verifyTTL(records)
}

func (s *section) verifyTexts(texts []string) error {
	for _, want := range slices.Concat(s.exact, s.contains) {
		if !slices.Contains(texts, want) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "no %s is %s: %s", s.noun, list(s.secrets, want), list(s.secrets, texts...))
		}
	}
	for _, text := range texts {
		if len(s.exact) > 0 && !slices.Contains(s.exact, text) || slices.Contains(s.notContains, text) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "%s %s is not expected", s.noun, list(s.secrets, text))
		}
	}
	for _, re := range s.matches {
		if !slices.ContainsFunc(texts, re.MatchString) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "no %s matches %q: %s", s.noun, re, list(s.secrets, texts...))
		}
	}
	for _, re := range s.notMatches {
		if i := slices.IndexFunc(texts, re.MatchString); i >= 0 {
			return healthcheck.Errorf(healthcheck.ReasonBody, "%s %s matches %q", s.noun, list(s.secrets, texts[i]), re)
		}
	}
	return nil
}

func (s *section) verifyTTL(records []record) error {
	for _, r := range records {
		ttl := time.Duration(r.ttl) * time.Second
		switch {
		case ttl < s.minTTL:
			return healthcheck.Errorf(healthcheck.ReasonThreshold, "the ttl of the %s %s is %s, want at least %s", s.noun, list(s.secrets, r.text), ttl, s.minTTL)
		case s.maxTTL > 0 && ttl > s.maxTTL:
			return healthcheck.Errorf(healthcheck.ReasonThreshold, "the ttl of the %s %s is %s, want at most %s", s.noun, list(s.secrets, r.text), ttl, s.maxTTL)
		}
	}
	return nil
}

// lines returns the records of a section, each once, without those that belong to the message (RFC 6891, RFC 8945).
func lines(rrs []dns.RR) []record {
	var records []record
	seen := make(map[string]bool)
	for _, rr := range rrs {
		if t := rr.Header().Rrtype; t == dns.TypeOPT || t == dns.TypeTSIG {
			continue
		}
		text := lineOf(rr)
		if !seen[text] {
			seen[text] = true
			records = append(records, record{text: text, ttl: rr.Header().Ttl})
		}
	}
	return records
}
