package secret

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"unicode/utf8"
)

// span is a part of a text that must not be shown.
type span struct {
	start, end int
	shown      string
}

// form is one way in which a value may stand in a text.
type form struct {
	text  string
	mode  mode
	shown string
	word  bool // only where no letter or digit adjoins it
	loose bool // it counts only as a whole, or cut at the end
}

type mode uint8

const (
	plain mode = iota // each character as it is, or escaped
	in64              // base64, of either alphabet, with line breaks
	inHex             // hexadecimal, of either case, with separators between bytes
)

// The units of a form that make a part of it one: at the end of a text that was cut, and anywhere.
const (
	minPart      = 3
	minPartIn64  = 4
	minPartInHex = 6
	minHalf      = 8
)

// appendForms appends the forms of v that may stand in a text of so many bytes. Of a longer value they are what may
// stand at the end of one.
func appendForms(forms []form, v value, size int) []form {
	text := v.text[:min(len(v.text), size+1)]
	f := form{text: text, shown: v.shown, word: len(v.text) < MinLength, loose: v.loose}
	forms = append(forms, f)
	if f.word {
		return forms
	}
	f.mode = inHex
	f.text = hex.EncodeToString([]byte(text))
	forms = append(forms, f)
	f.mode = in64
	for offset := range 3 {
		f.text = core64(text, offset)
		forms = append(forms, f)
	}
	return forms
}

// core64 returns those digits of the base64 of a longer text that depend on nothing but s, which begins at so many
// bytes, modulo three, of it.
func core64(s string, offset int) string {
	digits := base64.RawStdEncoding.EncodeToString(append(make([]byte, offset, offset+len(s)), s...))
	first := (offset*8 + 5) / 6
	last := (offset + len(s)) * 8 / 6
	return digits[first:last]
}

// find returns where the values stand in text, in order and without overlaps. With open set, the text may have been cut
// at its end.
func find(text string, values []value, open bool) []span {
	if text == "" || len(values) == 0 {
		return nil
	}
	s := search{text: text, open: open}
	for i := range len(text) {
		if isEscape(text[i]) {
			s.escapes = append(s.escapes, i)
		}
	}
	var forms []form
	for _, v := range values {
		forms = appendForms(forms[:0], v, len(text))
		for i := range forms {
			s.all(&forms[i])
		}
		if s.tired() {
			return []span{{0, len(text), Mark}}
		}
	}
	return merge(s.found)
}

// The steps that a search may take, of a few nanoseconds each. More are needed where a long value and the text repeat
// themselves: such a text is hidden whole.
const (
	maxSteps        = 1 << 20
	maxStepsPerByte = 1 << 6
)

type search struct {
	text    string
	open    bool
	escapes []int // where in text something may be escaped
	steps   int
	found   []span
}

func (s *search) tired() bool { return s.steps > maxSteps+len(s.text)*maxStepsPerByte }

// all finds all appearances of f.
func (s *search) all(f *form) {
	var firsts [2]byte
	n := f.firsts(&firsts)
	for _, c := range firsts[:n] {
		for i := strings.IndexByte(s.text, c); i >= 0; {
			s.at(f, i)
			next := strings.IndexByte(s.text[i+1:], c)
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
	if f.mode == inHex {
		return
	}
	for _, i := range s.escapes {
		if !slices.Contains(firsts[:n], s.text[i]) {
			s.at(f, i)
		}
	}
}

// firsts sets the bytes that an appearance of f may begin with, other than escapes, and returns their number.
func (f *form) firsts(b *[2]byte) int {
	c := f.text[0]
	b[0] = c
	other := c
	switch f.mode {
	case plain:
		if r, _ := utf8.DecodeRuneInString(f.text); r == utf8.RuneError {
			other = "\uFFFD"[0]
		}
		if c == ' ' {
			other = '+'
		}
	case in64:
		other = other64(c)
	case inHex:
		other = upper(c)
	}
	if other == c {
		return 1
	}
	b[1] = other
	return 2
}

// at notes the appearance of f that begins at i, if there is one.
func (s *search) at(f *form, i int) {
	if s.tired() {
		return
	}
	end := s.match(f, i)
	if end < 0 {
		return
	}
	if f.word && !isWord(s.text, i, end) {
		return
	}
	if f.mode == in64 { // the digits next to it hold a few bits of it
		if i > 0 && is64(s.text[i-1]) {
			i--
		}
		if end < len(s.text) && is64(s.text[end]) {
			end++
		}
	}
	s.found = append(s.found, span{i, end, f.shown})
}

// merge sorts spans and joins those that overlap. What is shown then is that of the longest.
func merge(spans []span) []span {
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	merged := spans[:0]
	longest := 0
	for _, sp := range spans {
		if len(merged) == 0 || sp.start >= merged[len(merged)-1].end {
			merged = append(merged, sp)
			longest = sp.end - sp.start
			continue
		}
		last := &merged[len(merged)-1]
		if n := sp.end - sp.start; n > longest {
			longest, last.shown = n, sp.shown
		}
		last.end = max(last.end, sp.end)
	}
	return merged
}
