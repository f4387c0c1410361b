package secret

import (
	"strings"
	"unicode/utf8"
)

// match returns the end of the longest appearance of f that begins at start, or -1. A part of f is one too where the
// text ends, or where it is long.
//
// A character may be escaped in more than one way at the same place (two backslashes are one, or two), so all the
// places that the characters so far may have led to are kept.
func (s *search) match(f *form, start int) int {
	at := places{n: 1}
	at.list[0] = start
	units, far, cut := 0, start, false
	for i := 0; i < len(f.text); units++ {
		u, n := nextUnit(f.text[i:])
		i += n
		var next places
		for _, p := range at.list[:at.n] {
			s.step(&next, f.mode, p, u)
			cut = cut || s.cutAt(p)
			if q := s.gap(f.mode, units, p); q > p {
				s.step(&next, f.mode, q, u)
				cut = cut || s.cutAt(q)
			}
		}
		if s.steps += at.n; next.n == 0 {
			return s.part(f, units, start, far, cut)
		}
		at, cut, far = next, false, next.max()
	}
	return far
}

// part returns the end of what matched of f, its first units up to far, or -1 if that is no part to be hidden.
func (s *search) part(f *form, units, start, far int, cut bool) int {
	least := [...]int{plain: minPart, in64: minPartIn64, inHex: minPartInHex}[f.mode]
	switch {
	case f.word:
	case s.open && cut && units >= least:
		return len(s.text)
	case !f.loose && units >= minHalf && units*2 >= utf8.RuneCountInString(f.text) && far > start:
		return far
	}
	return -1
}

// cutAt reports whether the text ends at i, or within what may be the beginning of an escaped character there.
func (s *search) cutAt(i int) bool {
	rest := s.text[i:]
	return rest == "" || len(rest) < longestEscape && isEscape(rest[0]) && !strings.ContainsAny(rest, " \t\r\n")
}

const longestEscape = 12

// places are where in the text the next character may begin, each once. More than fit are runs of backslashes that
// nobody writes.
type places struct {
	list [12]int
	n    int
}

func (p *places) add(i int) {
	for _, q := range p.list[:p.n] {
		if q == i {
			return
		}
	}
	if p.n < len(p.list) {
		p.list[p.n] = i
		p.n++
	}
}

func (p *places) max() int {
	m := p.list[0]
	for _, q := range p.list[1:p.n] {
		m = max(m, q)
	}
	return m
}

// unit is a character to look for.
type unit struct {
	r   rune // utf8.RuneError for a byte that is part of none
	raw string
}

func nextUnit(s string) (unit, int) {
	r, n := utf8.DecodeRuneInString(s)
	return unit{r, s[:n]}, n
}

// step adds the ends of u where it stands at i.
func (s *search) step(to *places, m mode, i int, u unit) {
	if i >= len(s.text) {
		return
	}
	c := s.text[i]
	switch {
	case strings.HasPrefix(s.text[i:], u.raw):
		to.add(i + len(u.raw))
	case m == plain && u.r == utf8.RuneError && strings.HasPrefix(s.text[i:], "\uFFFD"): // which JSON makes of it
		to.add(i + len("\uFFFD"))
	case m == in64 && c == other64(u.raw[0]), m == inHex && c == upper(u.raw[0]), m == plain && c == '+' && u.r == ' ':
		to.add(i + 1)
	case m == plain && u.r == '\r':
		to.add(i) // as most others end lines
	}
	if m == plain && (u.r == '\n' || u.r == '\r') && strings.HasPrefix(s.text[i:], "\r\n") { // as mail and HTTP do
		to.add(i + 2)
	}
	if m != inHex && isEscape(c) {
		s.unescape(to, i, u)
	}
}

// gap returns the end of what may stand at i, after some units and before the next: line breaks in base64, escaped or
// not, and in quoted-printable, and separators between the bytes of hexadecimal.
func (s *search) gap(m mode, units, i int) int {
	if units == 0 || i >= len(s.text) {
		return i
	}
	switch m {
	case in64:
		for range maxDepth {
			i += lineBreak(s.text[i:])
		}
	case inHex:
		if units%2 == 0 && strings.IndexByte(" :-,", s.text[i]) >= 0 {
			return i + 1
		}
	case plain:
		if s.text[i] == '=' {
			for _, soft := range []string{"=\r\n", "=\n"} {
				if strings.HasPrefix(s.text[i:], soft) {
					return i + len(soft)
				}
			}
		}
	}
	return i
}

// lineBreak returns the length of the part of a line break, or of a folded line, that s begins with.
func lineBreak(s string) int {
	switch {
	case s == "":
	case s[0] == '\r', s[0] == '\n', s[0] == ' ', s[0] == '\t':
		return 1
	case strings.HasPrefix(s, `\r`), strings.HasPrefix(s, `\n`):
		return 2
	case strings.HasPrefix(s, "%0D"), strings.HasPrefix(s, "%0A"):
		return 3
	}
	return 0
}

func is64(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("+/-_", c) >= 0
}

// other64 returns the digit that the other alphabet of base64 (RFC 4648, section 5) has for c.
func other64(c byte) byte {
	switch c {
	case '+':
		return '-'
	case '/':
		return '_'
	}
	return c
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
