package dialog

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// expectation is what an answer is to be, and not to be.
type expectation struct {
	re     *regexp.Regexp // nil: see hex
	hex    *pattern
	lines  bool // re is for a line
	reject []*regexp.Regexp
	groups []string // of re, by their number; nil: it has no names
	secret []string // names of groups
	wanted string   // in words: what did not come
}

// expectation returns what a step expects, or nil.
func (c *compiler) expectation(s *Step) *expectation {
	e := &expectation{reject: c.m.Patterns(c.name+".reject", s.Reject)}
	switch {
	case s.Expect != "":
		e.lines = true
		e.re = c.m.Pattern(c.name+".expect", s.Expect)
		e.wanted = fmt.Sprintf("no line matches %q", s.Expect)
	case s.ExpectBytes != "":
		e.re = c.m.Pattern(c.name+".expect_bytes", s.ExpectBytes)
		e.wanted = fmt.Sprintf("no answer matches %q", s.ExpectBytes)
	case s.ExpectHex != "":
		var err error
		e.hex, err = parsePattern(s.ExpectHex)
		c.m.Check(c.name+".expect_hex", err)
		e.wanted = fmt.Sprintf("no answer begins with %.100s", strings.Join(strings.Fields(s.ExpectHex), " "))
	case len(s.Reject) == 0:
		return nil
	}
	if e.re != nil && slices.ContainsFunc(e.re.SubexpNames(), func(name string) bool { return name != "" }) {
		e.groups = e.re.SubexpNames()
	}
	return e
}

// captures returns the names of what is captured.
func (e *expectation) captures() (names []string) {
	for _, name := range e.groups {
		if name != "" {
			names = append(names, name)
		}
	}
	if e.hex != nil {
		for _, g := range e.hex.groups {
			names = append(names, g.name)
		}
	}
	return names
}

// match reports whether b is what is expected, and where that ends, and keeps what it captures.
func (e *expectation) match(b []byte, k *keeper) (end int, ok bool, err error) {
	switch {
	case e.hex != nil:
		if e.hex.compare(b) != same {
			return 0, false, nil
		}
		for _, g := range e.hex.groups {
			if err := k.keep(e, g.name, b[g.start:g.end]); err != nil {
				return 0, false, err
			}
		}
		return len(e.hex.value), true, nil
	case e.groups == nil && e.lines:
		return len(b), e.re.Match(b), nil
	case e.groups == nil:
		at := e.re.FindIndex(b)
		if at == nil {
			return 0, false, nil
		}
		return at[1], true, nil
	}
	at := e.re.FindSubmatchIndex(b)
	if at == nil {
		return 0, false, nil
	}
	for i, name := range e.groups {
		if name == "" {
			continue
		}
		var value []byte
		if at[2*i] >= 0 {
			value = b[at[2*i]:at[2*i+1]]
		}
		if slices.Contains(e.secret, name) {
			k.secretEnd = max(k.secretEnd, at[2*i+1])
		}
		if err := k.keep(e, name, value); err != nil {
			return 0, false, err
		}
	}
	return at[1], true, nil
}

// rejected returns why b ends the run, or nil.
func (e *expectation) rejected(b []byte) error {
	for _, re := range e.reject {
		at := re.FindIndex(b)
		if at == nil {
			continue
		}
		if !e.lines && len(e.secret) > 0 { // which may be there in another form; it is not what is rejected
			b = b[at[0]:at[1]]
		}
		return &rejection{re: re, what: bytes.Clone(b)}
	}
	return nil
}

// rejection is what a peer has sent and should not have.
type rejection struct {
	re   *regexp.Regexp
	what []byte
}

func (r *rejection) Error() string { return "rejected by " + r.re.String() }

// linesOf calls f for each line of a datagram, also one without an end, until that returns false.
func linesOf(b []byte, f func(line []byte) bool) {
	for len(b) > 0 {
		line, rest, _ := bytes.Cut(b, []byte("\n"))
		if !f(bytes.TrimSuffix(line, []byte("\r"))) {
			return
		}
		b = rest
	}
}

// maxCapture is the longest that is captured, in bytes.
const maxCapture = 4 << 10

// keeper has what was captured in a run.
type keeper struct {
	values    map[string]string
	secrets   [2]*secret.Set // of the check, which knows those of the last runs; and of this run, which forgets none of its own
	secretEnd int            // where in the answer the last secret of a step ends
	open      bool           // a secret may go on with what comes next
}

// newKeeper returns that of a run, and the set that hides what is captured in it.
func (s *Script) newKeeper(of *secret.Set) (keeper, *secret.Set) {
	if !s.captures {
		return keeper{}, of
	}
	own := of.Within()
	return keeper{secrets: [2]*secret.Set{of, own}}, own
}

func (k *keeper) keep(e *expectation, name string, value []byte) error {
	if len(value) > maxCapture {
		return healthcheck.Errorf(healthcheck.ReasonBody, "what is to be captured as %s is longer than %d bytes", name, maxCapture)
	}
	if k.values == nil {
		k.values = make(map[string]string)
	}
	k.values[name] = string(value)
	if slices.Contains(e.secret, name) {
		for _, set := range k.secrets {
			set.Learn(string(value))
		}
	}
	return nil
}
