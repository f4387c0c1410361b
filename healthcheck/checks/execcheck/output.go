package execcheck

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxLine = 200 // bytes of output in details

// capture keeps the beginning of what is written to it and counts the rest as written.
type capture struct {
	limit int
	kept  []byte
	cut   bool // there was more
}

func (c *capture) Write(p []byte) (int, error) {
	keep := min(len(p), c.limit-len(c.kept))
	c.kept = append(c.kept, p[:keep]...)
	c.cut = c.cut || keep < len(p)
	return len(p), nil
}

// firstLine returns the first line of output that is not blank, fit to be printed: at most maxLine bytes of valid
// UTF-8, without control characters.
func firstLine(output []byte) string {
	output = bytes.TrimSpace(output)
	if i := bytes.IndexAny(output, "\r\n"); i >= 0 {
		output = output[:i]
	}
	return printable(output)
}

func printable(line []byte) string {
	if len(line) > 4*maxLine { // more than can remain
		line = line[:4*maxLine]
	}
	s := strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return utf8.RuneError
		}
	}, string(line)))
	if len(s) <= maxLine {
		return s
	}
	end := maxLine - len("…")
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
