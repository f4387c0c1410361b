package dnscheck

import (
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

func (v *validator) expectation() expectation {
	want := v.config.Expect
	e := expectation{rcodes: v.rcodes()}
	least := want.MinAnswers
	if least == nil && len(e.rcodes) == 1 && e.rcodes[0] == dns.RcodeSuccess {
		least = new(1)
	}
	e.answers = v.section(sectionFields{
		"answer", "expect.answers", "expect.contains", "expect.not_contains", "expect.matches", "expect.not_matches",
		"expect.min_answers", "expect.max_answers", "expect.min_ttl", "expect.max_ttl",
	}, Section{
		Records: want.Answers, Contains: want.Contains, NotContains: want.NotContains, Matches: want.Matches, NotMatches: want.NotMatches,
		Min: least, Max: want.MaxAnswers, MinTTL: want.MinTTL, MaxTTL: want.MaxTTL,
	}, func(data string) (string, error) { return canonicalRecord(v.config.Type, data) })
	v.needServer("expect.min_ttl", want.MinTTL > 0)
	v.needServer("expect.max_ttl", want.MaxTTL > 0)
	e.authority = v.otherSection("authority", &want.Authority)
	e.additional = v.otherSection("additional", &want.Additional)
	e.flags = v.flags("expect.flags", want.Flags)
	e.noFlags = v.flags("expect.no_flags", want.NoFlags)
	e.nsid = v.Pattern("expect.nsid", want.NSID)
	v.needServer("expect.nsid", want.NSID != "")
	e.sameSerial, e.maxDifference = want.SameSerial, int64(want.MaxSerialDifference)
	v.serials()
	return e
}

func (v *validator) serials() {
	want := v.config.Expect
	switch {
	case !want.SameSerial:
	case v.config.Type != "SOA":
		v.Add("expect.same_serial", "needs type SOA")
	case len(v.config.Servers) < 2:
		v.Add("expect.same_serial", "needs servers, two at least")
	}
	field.Between(&v.Mistakes, "expect.max_serial_difference", int64(want.MaxSerialDifference), 0, maxSerialDifference)
	if want.MaxSerialDifference != 0 && !want.SameSerial {
		v.Add("expect.max_serial_difference", "needs same_serial")
	}
}

// rcodes returns the codes that are good.
func (v *validator) rcodes() []int {
	want := v.config.Expect
	if len(want.Rcodes) == 0 {
		return []int{v.rcode("expect.rcode", want.Rcode)}
	}
	if want.Rcode != "" {
		v.Add("expect.rcodes", "stands beside rcode: leave only one of them")
	}
	codes := make([]int, len(want.Rcodes))
	for i, text := range want.Rcodes {
		name := field.Item("expect.rcodes", i)
		if codes[i] = v.rcode(name, text); text == "" {
			v.Add(name, "is empty")
		}
	}
	return codes
}

func (v *validator) rcode(name, text string) int {
	want := strings.ToUpper(text)
	if want == "" {
		return dns.RcodeSuccess
	}
	code, ok := dns.StringToRcode[want]
	if n, err := strconv.ParseUint(want, 10, 12); err == nil { // 12 bits with EDNS
		code, ok = int(n), true
	}
	switch {
	case !ok:
		v.Add(name, "%.40q is not a response code such as NOERROR, NXDOMAIN or REFUSED", text)
	case !v.hasServer() && code != dns.RcodeSuccess && code != dns.RcodeNameError:
		v.Add(name, "%s needs a server: the system's resolver tells only NOERROR and NXDOMAIN apart", want)
	}
	return code
}

func (v *validator) flags(name string, list []string) (flags []flag) {
	for i, text := range list {
		text = strings.ToLower(text)
		if v.OneOf(field.Item(name, i), text, "aa", "ad", "ra", "tc"); text == "" {
			v.Add(field.Item(name, i), "is empty")
		}
		flags = append(flags, flag(text))
	}
	v.needServer(name, len(list) > 0)
	return flags
}

// otherSection returns nil where nothing is expected.
func (v *validator) otherSection(name string, want *Section) *section {
	if want.isZero() {
		return nil
	}
	prefix := "expect." + name + "."
	v.needServer("expect."+name, true)
	s := v.section(sectionFields{
		name + " record", prefix + "records", prefix + "contains", prefix + "not_contains", prefix + "matches", prefix + "not_matches",
		prefix + "min", prefix + "max", prefix + "min_ttl", prefix + "max_ttl",
	}, *want, canonicalLine)
	return &s
}

func (s *Section) isZero() bool {
	return len(s.Records)+len(s.Contains)+len(s.NotContains)+len(s.Matches)+len(s.NotMatches) == 0 &&
		s.Min == nil && s.Max == nil && s.MinTTL == 0 && s.MaxTTL == 0
}

// sectionFields are what a record of a section is called, and the fields that say what is expected of it.
type sectionFields struct {
	noun, records, contains, notContains, matches, notMatches, min, max, minTTL, maxTTL string
}

func (v *validator) section(f sectionFields, want Section, canonical func(string) (string, error)) section {
	if len(want.Records) > 0 && len(want.Contains) > 0 {
		v.Add(f.contains, "means nothing beside %s, which lists all that may be there", f.records[strings.LastIndexByte(f.records, '.')+1:])
	}
	s := section{
		noun:        f.noun,
		exact:       v.records(f.records, want.Records, canonical),
		contains:    v.records(f.contains, want.Contains, canonical),
		notContains: v.records(f.notContains, want.NotContains, canonical),
		matches:     v.Patterns(f.matches, want.Matches),
		notMatches:  v.Patterns(f.notMatches, want.NotMatches),
		least:       v.count(f.min, want.Min, 0),
		most:        v.count(f.max, want.Max, anyNumber),
		minTTL:      want.MinTTL,
		maxTTL:      want.MaxTTL,
	}
	if want.Max != nil && s.most >= 0 && s.least > s.most {
		v.Add(f.max, "%d is less than the least number, which is %d", s.most, s.least)
	}
	v.NotNegative(f.minTTL, want.MinTTL)
	v.NotNegative(f.maxTTL, want.MaxTTL)
	if want.MaxTTL > 0 && want.MinTTL > want.MaxTTL {
		v.Add(f.maxTTL, "%s is less than the shortest, which is %s", want.MaxTTL, want.MinTTL)
	}
	return s
}

func (v *validator) count(name string, n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	if *n < 0 {
		v.Add(name, "%d is negative", *n)
	}
	return *n
}

// records returns the records in list in the form in which they are compared.
func (v *validator) records(name string, list []string, canonical func(string) (string, error)) []string {
	out := make([]string, 0, len(list))
	for i, s := range list {
		r, err := canonical(s)
		if err != nil {
			v.Check(field.Item(name, i), err)
			continue
		}
		out = append(out, r)
	}
	return out
}
