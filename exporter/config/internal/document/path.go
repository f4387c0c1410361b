package document

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Segment is one step of a path: a key, or an index with no key.
type Segment struct {
	Key   string
	Index int
}

// JoinPath returns the path of what has one path below another.
func JoinPath(path, below string) string {
	if path == "" || below == "" || below[0] == '[' {
		return path + below
	}
	return path + "." + below
}

// FormatPath returns a path as it is shown, such as checks[2].http.url.
func FormatPath(path []Segment) string {
	var b []byte
	for _, s := range path {
		switch {
		case s.Key == "" && s.Index >= 0:
			b = strconv.AppendInt(append(b, '['), int64(s.Index), 10)
			b = append(b, ']')
		case PlainKey(s.Key):
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, s.Key...)
		default:
			b = strconv.AppendQuote(append(b, '['), firstWord(s.Key))
			b = append(b, ']')
		}
	}
	return string(b)
}

// firstWord returns what is shown of a key that is no plain word: "Authorization: Bearer x" without a value is a key to
// YAML, and a secret to whoever wrote it.
func firstWord(key string) string {
	if i := strings.IndexAny(key, " :="); i >= 0 {
		return Shorten(key[:i]) + "…"
	}
	return Shorten(key)
}

// PlainKey reports whether a key is a word that may be shown.
func PlainKey(key string) bool {
	for i := range len(key) {
		if !WordByte(key[i]) {
			return false
		}
	}
	return key != "" && len(key) <= 64
}

// WordByte reports whether c is an ASCII letter or digit, an underscore or a hyphen.
func WordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// Shorten cuts a text to what fits into a message.
func Shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	n := limit
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
