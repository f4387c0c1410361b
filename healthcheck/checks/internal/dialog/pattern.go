package dialog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/template"
)

// pattern is what bytes begin with.
type pattern struct {
	value, mask []byte // of the same length: what the bytes are, in the bits that count
	groups      []group
}

// group is a part of a pattern that is captured.
type group struct {
	name       string
	start, end int
}

var errPattern = errors.New("is not hexadecimal: want two digits or question marks for each byte, or {NAME:4} for 4 bytes to capture")

// parsePattern reads a pattern. Its errors do not repeat it.
func parsePattern(text string) (*pattern, error) {
	p := new(pattern)
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimLeftFunc(text, unicode.IsSpace) {
		if inner, ok := strings.CutPrefix(text, "{"); ok {
			inner, after, closed := strings.Cut(inner, "}")
			if !closed {
				return nil, errPattern
			}
			if err := p.addGroup(inner); err != nil {
				return nil, err
			}
			text = after
			continue
		}
		if len(text) < 2 {
			return nil, errPattern
		}
		high, highMask, ok1 := digit(text[0])
		low, lowMask, ok2 := digit(text[1])
		if !ok1 || !ok2 {
			return nil, errPattern
		}
		p.value, p.mask = append(p.value, high<<4|low), append(p.mask, highMask<<4|lowMask)
		text = text[2:]
	}
	switch {
	case len(p.value) == 0:
		return nil, errPattern
	case len(p.value) > maxRead:
		return nil, fmt.Errorf("stands for more than %d bytes", maxRead)
	}
	return p, nil
}

// digit returns the four bits of a digit, and which of them count.
func digit(c byte) (value, mask byte, ok bool) {
	if c == '?' {
		return 0, 0, true
	}
	v, err := strconv.ParseUint(string(rune(c)), 16, 4)
	return byte(v), 0xf, err == nil
}

// addGroup adds what stands in braces.
func (p *pattern) addGroup(text string) error {
	name, length, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || !template.IsName(name) {
		return errPattern
	}
	if n < 1 || n > maxCapture {
		return fmt.Errorf("can capture 1 to %d bytes", maxCapture)
	}
	for _, g := range p.groups {
		if g.name == name {
			return errors.New("has a name twice")
		}
	}
	p.groups = append(p.groups, group{name, len(p.value), len(p.value) + n})
	p.value, p.mask = append(p.value, make([]byte, n)...), append(p.mask, make([]byte, n)...)
	return nil
}

// comparison says whether bytes begin with a pattern.
type comparison int

const (
	other comparison = iota // they do not
	short                   // so far, but there are too few
	same
)

func (p *pattern) compare(b []byte) comparison {
	n := min(len(b), len(p.value))
	for i := range n {
		if b[i]&p.mask[i] != p.value[i] {
			return other
		}
	}
	if n < len(p.value) {
		return short
	}
	return same
}
