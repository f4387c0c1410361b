package secret

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Hide returns text, which is complete, without the values.
func (s *Set) Hide(text string) string { return replace(text, find(text, s.values(), false)) }

func replace(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, sp := range spans {
		b.WriteString(text[at:sp.start])
		b.WriteString(sp.shown)
		at = sp.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// HideQuoted is Hide for texts of parsers and libraries, which quote what they do not understand: what stands in quotes
// is hidden also where it is a part of a value, of no fewer bytes than least.
func (s *Set) HideQuoted(text string, least int) string {
	values := s.values()
	if len(values) == 0 || text == "" {
		return text
	}
	text = replace(text, find(text, values, false))
	return ReplaceQuoted(text, func(part string) (shown string, ok bool) {
		switch {
		case len(part) < least, s.isPublic(part),
			slices.ContainsFunc(values, func(v value) bool { return strings.Contains(v.shown, part) }):
			return "", false
		}
		for _, v := range slices.Backward(values) { // the shortest is what was meant
			if !v.loose && strings.Contains(v.text, part) {
				return v.shown, true
			}
		}
		return "", false
	})
}

// ReplaceQuoted returns text with what stands between double quotes or backquotes, unless it is empty, replaced by what
// shown returns for it, unquoted, if that is ok.
func ReplaceQuoted(text string, shown func(part string) (string, bool)) string {
	return quotedText.ReplaceAllStringFunc(text, func(quoted string) string {
		part, err := strconv.Unquote(quoted)
		if err != nil {
			part = quoted[1 : len(quoted)-1]
		}
		if part == "" {
			return quoted
		}
		if text, ok := shown(part); ok {
			return quoted[:1] + text + quoted[:1]
		}
		return quoted
	})
}

var quotedText = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")

// Fail is [healthcheck.Fail] with details that show none of the values, whatever text of a library err repeats.
func (s *Set) Fail(err error) healthcheck.Result {
	result := healthcheck.Fail(err)
	result.Details = s.HideQuoted(result.Details, MinLength)
	return result
}

// HidePanic is to be deferred by a run. A panic goes on, with a text that shows none of the values where its own does:
// who recovers from it shows that.
//
//	defer c.secrets.HidePanic()
func (s *Set) HidePanic() {
	if p := recover(); p != nil {
		Repanic(p, func(text string) string { return s.HideQuoted(text, MinLength) })
	}
}

// Repanic panics with p, or with its text where hide changes that. The stack is still that of the first panic to who
// looks at it before the deferred call that has recovered p returns.
func Repanic(p any, hide func(text string) string) {
	text := fmt.Sprint(p)
	if hidden := hide(text); hidden != text {
		panic(hidden)
	}
	panic(p)
}

// window is how much of a text is looked at for each byte of an excerpt. Blanks, which are drawn together, and values,
// which are hidden, make excerpts shorter than what they are of.
const window = 8

// Excerpt returns the beginning of text, which a peer has a hand in, for people: valid UTF-8 on one line, with blanks
// drawn together and a question mark for each character that cannot be printed, of no more than limit bytes and a
// [Mark]. The text may have been cut anywhere.
func (s *Set) Excerpt(text []byte, limit int) string {
	n := min(len(text), window*limit)
	for range utf8.UTFMax { // no further: it may be no text at all
		if n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
	}
	whole := string(text[:n])
	spans := find(whole, s.values(), true)
	e := excerpt{limit: limit}
	at := 0
	for _, sp := range spans {
		e.write(whole[at:sp.start])
		e.writeShown(sp.shown)
		at = sp.end
	}
	e.write(whole[at:])
	if len(whole) < len(text) {
		e.end()
	}
	return e.b.String()
}

// excerpt is a text for people while it is made.
type excerpt struct {
	b     strings.Builder
	limit int
	blank bool // one is due
	full  bool
}

func (e *excerpt) write(text string) {
	for i := 0; i < len(text) && !e.full; {
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		switch {
		case unicode.IsSpace(r):
			e.blank = e.b.Len() > 0
			continue
		case r == utf8.RuneError && n == 1, !unicode.IsPrint(r):
			r = '?'
		}
		e.put(string(r))
	}
}

func (e *excerpt) writeShown(shown string) {
	if !e.full && (e.blank || !strings.HasSuffix(e.b.String(), shown)) {
		e.put(shown)
	}
}

// put appends what is not to be cut.
func (e *excerpt) put(s string) {
	n := len(s)
	if e.blank {
		n++
	}
	if e.b.Len()+n > e.limit {
		e.end()
		return
	}
	if e.blank {
		e.b.WriteByte(' ')
		e.blank = false
	}
	e.b.WriteString(s)
}

// end marks that there was more.
func (e *excerpt) end() {
	if !e.full && !strings.HasSuffix(e.b.String(), Mark) {
		e.b.WriteString(Mark)
	}
	e.full = true
}
