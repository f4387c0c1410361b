package config

import (
	"context"
	"io"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// redactor puts references back where a text, which somebody else wrote, shows what they stand for: in full, escaped,
// line by line, and, within quotes, in part.
type redactor struct {
	replacements []replacement // of the longest value first
	expansions   []expansion
	minPart      int // bytes of the shortest part that is looked for within quotes
}

type replacement struct{ value, raw string }

// Outside of quotes, values of fewer bytes are looked for as words only, and not at all.
const (
	minRedacted     = 4
	minRedactedWord = 2
)

// newRedactor returns a redactor of texts of up to so many bytes.
func newRedactor(expansions []expansion, limit, minPart int) *redactor {
	r := &redactor{expansions: expansions, minPart: minPart}
	for _, e := range expansions {
		for _, value := range appearances(e.value, limit) {
			literal := value != e.value && strings.Contains(e.raw, value) // a line without a reference
			if len(value) >= minRedactedWord && !literal {
				r.replacements = append(r.replacements, replacement{value, shorten(e.raw)})
			}
		}
	}
	slices.SortStableFunc(r.replacements, func(a, b replacement) int { return len(b.value) - len(a.value) })
	r.replacements = slices.Compact(r.replacements)
	return r
}

// redact redacts the text of an error.
func redact(text string, expansions []expansion) string {
	if len(expansions) == 0 {
		return text
	}
	return newRedactor(expansions, len(text), 1).redact(text)
}

// redactFiles is redact for what came from files only: variables often hold what a reader wants to see, such as a
// host's name, files hardly ever.
func redactFiles(text string, expansions []expansion) string {
	for i, e := range expansions {
		if e.file {
			text = newRedactor(expansions[i:i+1], len(text), 1).redactWhole(text)
		}
	}
	return text
}

func (r *redactor) redact(text string) string { return r.redactQuoted(r.redactWhole(text)) }

func (r *redactor) redactWhole(text string) string {
	original := text
	for _, p := range r.replacements {
		switch {
		case !strings.Contains(original, p.value):
		case len(p.value) >= minRedacted:
			text = strings.ReplaceAll(text, p.value, p.raw)
		default:
			text = replaceWord(text, p.value, p.raw)
		}
	}
	return text
}

// replaceWord replaces old where no letter or digit adjoins it.
func replaceWord(text, old, replacement string) string {
	var b strings.Builder
	rest := text
	for {
		i := strings.Index(rest, old)
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:i])
		before, _ := utf8.DecodeLastRuneInString(text[:len(text)-len(rest)+i])
		rest = rest[i+len(old):]
		after, _ := utf8.DecodeRuneInString(rest)
		if partOfWord(before) || partOfWord(after) {
			b.WriteString(old)
		} else {
			b.WriteString(replacement)
		}
	}
}

func partOfWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// appearances returns the forms in which a text of limited length may show a value.
func appearances(value string, limit int) []string {
	var forms []string
	if len(value) <= limit {
		quoted := strconv.Quote(value)
		forms = append(forms, value, quoted[1:len(quoted)-1], url.QueryEscape(value), url.PathEscape(value), url.User(value).String())
	}
	if strings.Contains(value, "\n") {
		for line := range strings.Lines(value) {
			if line = strings.TrimSpace(line); len(line) <= limit {
				forms = append(forms, line)
			}
		}
	}
	return forms
}

var quotedText = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")

func (r *redactor) redactQuoted(text string) string {
	return quotedText.ReplaceAllStringFunc(text, func(quoted string) string {
		part, err := strconv.Unquote(quoted)
		if err != nil {
			part = quoted[1 : len(quoted)-1]
		}
		if len(part) < r.minPart {
			return quoted
		}
		for _, e := range r.expansions {
			if strings.Contains(e.raw, part) {
				return quoted
			}
		}
		for _, e := range r.expansions {
			if strings.Contains(e.value, part) {
				return quoted[:1] + shorten(e.raw) + quoted[:1]
			}
		}
		return quoted
	})
}

// withoutSecrets returns the checker with details that show nothing of what its configuration got from these
// expansions, but for variables that its target shows anyway.
func withoutSecrets(c healthcheck.Checker, expansions []expansion, target string) healthcheck.Checker {
	var secrets []expansion
	for _, e := range expansions {
		var secret bool
		if e.whole {
			secret = slices.ContainsFunc(secrets, func(s expansion) bool { return strings.Contains(e.raw, s.raw) })
		} else {
			secret = e.file || replaceWord(target, e.value, "") == target
		}
		if secret {
			secrets = append(secrets, e)
		}
	}
	if len(secrets) == 0 {
		return c
	}
	checker := redactedChecker{c, newRedactor(secrets, math.MaxInt, minRedacted)}
	if closer, ok := c.(io.Closer); ok {
		return &redactedCloser{checker, closer}
	}
	return &checker
}

// redactedChecker is a checker whose details are redacted.
type redactedChecker struct {
	inner    healthcheck.Checker
	redactor *redactor
}

// Check implements healthcheck.Checker.
func (c *redactedChecker) Check(ctx context.Context) healthcheck.Result {
	result := c.inner.Check(ctx)
	if result.Details != "" {
		result.Details = c.redactor.redact(result.Details)
	}
	return result
}

// redactedCloser is a redactedChecker that has to be closed.
type redactedCloser struct {
	redactedChecker
	io.Closer
}
