package execcheck

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

const (
	maxPerformanceValues = 500 // of one run; the rest is dropped
	maxLabel             = 256 // bytes; longer ones are dropped, since cut ones would be mistaken for each other
	maxLooseLabel        = 64  // bytes of a label with blanks that is not in quotes
	maxLooseWords        = 5   // of such a label
)

// perfParser reads performance data: label=value[unit][;warn[;crit[;min[;max]]]] and so on, with blanks between. A label
// with blanks or an equals sign is in single quotes, a quote in it doubled.
//
// Plugins are not that strict, and Icinga takes what they write: commas between values, blanks around the equals sign,
// labels with blanks but without quotes, quotes that are never closed, and "a::b=1 c=2" for a::b and a::c. So does this.
// But the text of a plugin may hold a pipe too, with the lines of a log behind it, which must not become labels, least
// of all new ones in each run. So the last pipe of a line counts, and a label with blanks and no quotes is believed only
// where it looks like one and nothing else in the line is odd. What is not used is told.
type perfParser struct {
	text    string // all of the output
	values  []healthcheck.Value
	seen    map[string]struct{} // labels of values
	prefix  string              // for labels without one
	secrets *secret.Set
	dropped dropped
}

// section is the performance data in a line; a line break in a quoted label does not end it.
type section struct {
	begin, end int // behind the last pipe, and the end of the line, in the text
	items      []item
	stray      bool // there are words that belong to no value
	passed     int  // values before the last pipe
}

type item struct {
	label string
	raw   string // the value as it is written
	value float64
	ok    bool // there is a value
	loose bool // the label has blanks and no quotes
}

// unknown reports whether the plugin says that it could not find out the value.
func (it *item) unknown() bool {
	number, _, _ := strings.Cut(it.raw, ";")
	return number == "U"
}

// section reads from pos, which is behind a pipe or a line break, to the end of the line.
func (p *perfParser) section(pos int) section {
	s := section{begin: pos}
	for {
		pos += len(p.text[pos:]) - len(strings.TrimLeft(p.text[pos:], " \t\r\v\f,;"))
		switch {
		case pos == len(p.text) || p.text[pos] == '\n':
			s.end = pos
			return s
		case p.text[pos] == '|':
			pos++
			if rest := strings.TrimLeft(p.text[pos:], " \t\r"); rest == "" || rest[0] == '\n' {
				continue // a pipe that nothing follows
			}
			s.passed += len(s.items)
			s.begin, s.items, s.stray = pos, s.items[:0], false
		default:
			it, next, ok := p.item(pos)
			if ok {
				s.items = append(s.items, it)
			} else {
				s.stray = true
			}
			pos = next
		}
	}
}

// item reads a label and a value at pos and returns where to go on. It returns false where there are only words, to the
// next pipe or the end of the line.
func (p *perfParser) item(pos int) (item, int, bool) {
	label, after, quoted := cutQuoted(p.text, pos)
	if !quoted {
		n := strings.IndexAny(p.text[pos:], "=|\n")
		if n < 0 {
			return item{}, len(p.text), false
		}
		after = pos + n
		if p.text[after] != '=' {
			return item{}, after, false
		}
		label = strings.TrimPrefix(p.text[pos:after], "'")
		after++
	}
	it := item{label: cleanLabel(label)}
	it.loose = !quoted && strings.Contains(it.label, " ")
	var next int
	it.raw, next = cutValue(p.text, after)
	number, _, _ := strings.Cut(it.raw, ";")
	it.value, it.ok = performanceValue(number)
	return it, next, true
}

// cutQuoted returns the label in quotes at pos and the position behind its equals sign, or false where there is none.
func cutQuoted(text string, pos int) (label string, after int, ok bool) {
	if text[pos] != '\'' {
		return "", 0, false
	}
	var b strings.Builder
	for i := pos + 1; i < len(text); i++ {
		switch {
		case text[i] != '\'':
			b.WriteByte(text[i])
		case strings.HasPrefix(text[i:], "''"):
			b.WriteByte('\'')
			i++
		default:
			rest := strings.TrimLeft(text[i+1:], " \t")
			return b.String(), len(text) - len(rest) + 1, strings.HasPrefix(rest, "=")
		}
	}
	return "", 0, false // it is never closed
}

// cutValue returns the value at pos, which may come after blanks, and where it ends. A comma ends it too, but for one
// within a number.
func cutValue(text string, pos int) (value string, end int) {
	if rest := strings.TrimLeft(text[pos:], " \t"); beginsValue(rest) {
		pos = len(text) - len(rest)
	}
	for end = pos; end < len(text); {
		r, size := utf8.DecodeRuneInString(text[end:])
		if unicode.IsSpace(r) || r == '|' || r == ',' && !beginsDigit(text[end+1:]) {
			break
		}
		end += size
	}
	return text[pos:end], end
}

func beginsDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

func beginsValue(s string) bool {
	return beginsDigit(s) || s != "" && strings.IndexByte("+-.", s[0]) >= 0 ||
		strings.HasPrefix(s, "U") && (len(s) == 1 || strings.IndexByte(" ;,\t\r\n", s[1]) >= 0)
}

// cleanLabel makes s printable: line breaks and the like become blanks.
func cleanLabel(s string) string {
	return strings.TrimSpace(strings.Map(printableRune, s))
}

// plausible reports whether a label with blanks and no quotes may be one, such as "c:\ Used Space" or "5 min avg load".
// Times, dates and numbers of things are words of a log.
func plausible(label string) bool {
	words := strings.Fields(label)
	if len(label) > maxLooseLabel || len(words) > maxLooseWords || strings.ContainsAny(label, ";\"") {
		return false
	}
	for _, word := range words {
		digits, longest, letters := 0, 0, 0
		for _, r := range word {
			if unicode.IsLetter(r) {
				letters++
			}
			if digits++; !unicode.IsDigit(r) {
				digits = 0
			}
			longest = max(longest, digits)
		}
		if longest > 3 || letters == 0 && len(word) > 3 {
			return false
		}
	}
	return true
}

// take adds the values of s, and reports whether s is performance data at all.
func (p *perfParser) take(s *section) bool {
	clean := !s.stray
	for i := range s.items {
		clean = clean && (s.items[i].ok || s.items[i].unknown())
	}
	isData := len(s.items) == 0 && !s.stray
	for i := range s.items {
		it := &s.items[i]
		label := p.qualify(it.label)
		_, twice := p.seen[label]
		switch {
		case it.loose && (!clean || !plausible(it.label)):
			p.dropped.add(it.label + "=" + it.raw)
			continue
		case it.unknown():
		case !it.ok || label == "" || len(label) > maxLabel || p.secrets.Hide(label) != label:
			p.dropped.add(it.label + "=" + it.raw)
		case twice:
			p.dropped.add("another " + label)
		case len(p.values) == maxPerformanceValues:
			p.dropped.add(label)
		default:
			if p.seen == nil {
				p.seen = make(map[string]struct{})
			}
			p.seen[label] = struct{}{}
			p.values = append(p.values, healthcheck.Value{Measure: MeasureValue, Label: label, Value: it.value})
		}
		isData = isData || it.ok || it.unknown()
	}
	if isData && s.passed > 0 {
		p.dropped.add("what is before the last pipe")
	}
	return isData
}

// qualify returns the label with the prefix of an earlier one, as check_multi has it: "a::b=1 c=2 d::e=3".
func (p *perfParser) qualify(label string) string {
	if i := strings.LastIndex(label, "::"); i >= 0 {
		p.prefix = label[:i+2]
		return label
	}
	if label == "" {
		return ""
	}
	return p.prefix + label
}
