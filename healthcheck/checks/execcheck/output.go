package execcheck

import (
	"bytes"
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

// firstLine returns the first line of output that is not blank, for people.
func (c *checker) firstLine(output []byte) string {
	output = bytes.TrimSpace(output)
	if i := bytes.IndexAny(output, "\r\n"); i >= 0 {
		output = output[:i]
	}
	return c.secrets.Excerpt(output, maxLine)
}

func printableRune(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsPrint(r):
		return r
	default:
		return utf8.RuneError
	}
}
