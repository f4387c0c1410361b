package secret

import (
	"strings"
	"unicode/utf8"
)

// isEscape reports whether an escaped character may begin with c.
func isEscape(c byte) bool { return c == '%' || c == '\\' || c == '&' || c == '=' }

// maxDepth is how many times over a character may be escaped. Each level is looked for, so there must be a last one.
const maxDepth = 4

// unescape adds the ends of u where it stands escaped at i.
func (s *search) unescape(to *places, i int, u unit) {
	switch s.text[i] {
	case '%':
		s.percent(to, i, u)
	case '=': // quoted-printable: RFC 2045, section 6.7
		s.coded(to, i, u, code{lead: '=', leads: 1, digits: 2, base: 16})
	case '&':
		s.entity(to, i, u)
	case '\\':
		s.backslash(to, i, u)
	}
}

// code is a way to write a byte as a number.
type code struct {
	lead   byte
	leads  int // how many of them
	infix  string
	digits int
	base   rune
}

// decode returns the byte that stands for itself in c at the beginning of text, and the length of that, or 0.
func (c *code) decode(text string) (byte, int) {
	if len(text) < c.leads+len(c.infix)+c.digits {
		return 0, 0
	}
	for k := range c.leads {
		if text[k] != c.lead {
			return 0, 0
		}
	}
	digits, ok := strings.CutPrefix(text[c.leads:], c.infix)
	if !ok || len(digits) < c.digits {
		return 0, 0
	}
	v, ok := number(digits[:c.digits], c.base)
	if !ok || v > 0xff {
		return 0, 0
	}
	return byte(v), c.leads + len(c.infix) + c.digits
}

// coded adds the end of u if each of its bytes is written in c.
func (s *search) coded(to *places, i int, u unit, c code) {
	end := i
	for k := range len(u.raw) {
		b, n := c.decode(s.text[end:])
		if n == 0 || b != u.raw[k] {
			return
		}
		end += n
	}
	to.add(end)
}

// number returns the number that is all of the digits.
func number(digits string, base rune) (v rune, ok bool) {
	for k := range len(digits) {
		d := rune(digits[k])
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case d >= 'a' && d <= 'f':
			d -= 'a' - 10
		case d >= 'A' && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, false
		}
		if v = v*base + d; d >= base || v > utf8.MaxRune {
			return 0, false
		}
	}
	return v, digits != ""
}

// percent adds what is percent-encoded (RFC 3986, section 2.1), once or several times.
func (s *search) percent(to *places, i int, u unit) {
	const infix = "252525"
	for depth := range maxDepth {
		c := code{lead: '%', leads: 1, infix: infix[:2*depth], digits: 2, base: 16}
		s.coded(to, i, u, c)
		if u.r == ' ' { // a plus sign in a query, and then again
			s.coded(to, i, unit{'+', "+"}, c)
		}
		if !strings.HasPrefix(s.text[i+1+2*depth:], "25") {
			return
		}
	}
}

// entity adds what is an entity of HTML, the ampersand of which may be one too.
func (s *search) entity(to *places, i int, u unit) {
	start := i + 1
	for range maxDepth {
		rest := s.text[start:min(len(s.text), start+longestEscape)]
		name, _, ok := strings.Cut(rest, ";")
		if !ok {
			return
		}
		start += len(name) + 1
		if r, ok := entityRune(name); ok && r == u.r {
			to.add(start)
		}
		if name != "amp" {
			return
		}
	}
}

// entityRune returns what stands between an ampersand and a semicolon: a number, or what escapes HTML itself.
func entityRune(name string) (rune, bool) {
	if digits, ok := strings.CutPrefix(name, "#"); ok {
		if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
			return number(digits[1:], 16)
		}
		return number(digits, 10)
	}
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	case "nbsp":
		return ' ', true
	}
	return 0, false
}

// backslash adds what follows one or more backslashes: more than one where a text was escaped more than once.
func (s *search) backslash(to *places, i int, u unit) {
	run := 1
	for i+run < len(s.text) && s.text[i+run] == '\\' && run < len(to.list)-1 {
		run++
	}
	if u.r == '\\' {
		for n := 2; n <= run; n++ {
			to.add(i + n)
		}
	}
	rest := s.text[i+run:]
	if rest == "" {
		return
	}
	switch {
	case !alphanumeric(u.r) && strings.HasPrefix(rest, u.raw):
		to.add(i + run + len(u.raw))
	case u.r < ' ' && rest[0] == letterOf(u.r):
		to.add(i + run + 1)
	}
	switch c := rest[0]; {
	case c == 'x':
		s.coded(to, i, u, code{lead: '\\', leads: run, infix: "x", digits: 2, base: 16})
	case c >= '0' && c <= '9':
		s.coded(to, i, u, code{lead: '\\', leads: run, digits: 3, base: 8})
		s.coded(to, i, u, code{lead: '\\', leads: run, digits: 3, base: 10}) // RFC 1035, section 5.1
	case c == 'u', c == 'U':
		s.codePoint(to, i, run, u.r)
	}
}

func alphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// letterOf returns the letter that stands for a control character in strings of JSON, Go, C and shells, or a byte that
// stands nowhere.
func letterOf(r rune) byte {
	switch r {
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\v':
		return 'v'
	case '\a':
		return 'a'
	case 0x1b:
		return 'e'
	case 0:
		return '0'
	}
	return 0xff
}

// codePoint adds r as \uXXXX, two of them for what is beyond 16 bits, \u{X} or \UXXXXXXXX, behind a run of backslashes
// at i.
func (s *search) codePoint(to *places, i, run int, r rune) {
	at := i + run + 1
	rest := s.text[at:]
	if s.text[at-1] == 'U' {
		if v, ok := fixed(rest, 8); ok && v == r {
			to.add(at + 8)
		}
		return
	}
	if braced, ok := strings.CutPrefix(rest, "{"); ok {
		digits, _, closed := strings.Cut(braced[:min(len(braced), longestEscape)], "}")
		if v, ok := number(digits, 16); closed && ok && v == r {
			to.add(at + len(digits) + 2)
		}
		return
	}
	v, ok := fixed(rest, 4)
	switch {
	case !ok:
	case v == r:
		to.add(at + 4)
	case r > 0xffff && v == 0xd800+(r-0x10000)>>10:
		low := at + 4 + run + 1
		if low >= len(s.text) || s.text[at+4:low-1] != s.text[i:i+run] || s.text[low-1] != 'u' {
			return
		}
		if v, ok := fixed(s.text[low:], 4); ok && v == 0xdc00+(r-0x10000)&0x3ff {
			to.add(low + 4)
		}
	}
}

// fixed returns the hexadecimal number that text begins with.
func fixed(text string, digits int) (rune, bool) {
	if len(text) < digits {
		return 0, false
	}
	return number(text[:digits], 16)
}
