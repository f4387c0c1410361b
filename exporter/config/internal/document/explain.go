package document

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// explain says in other words what the YAML parser complains about.
func explain(data []byte, err error) error {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return &syntaxError{1, err.Error()}
	}
	if strings.HasPrefix(e.Message, "unknown anchor") { // whose name may be a password that begins with *
		return &syntaxError{max(e.Mark.Line, 1), "an alias that stands for nothing: no such anchor before it; quote a text that begins with *"}
	}
	lines := splitLines(data)
	line := lines.blame(e)
	text := lines.at(line)
	if strings.Contains(e.Message, "<document start>") {
		if first := lines.firstBefore(line); strings.HasPrefix(lines.at(first), " ") {
			return &syntaxError{first, fmt.Sprintf("not valid YAML: the first key is further to the right than line %d; begin both in the same column", line)}
		}
	}
	return &syntaxError{line, "not valid YAML: " + e.Message + adviceOn(e.Message, text)}
}

// fileLines are the lines of a file.
type fileLines [][]byte

func splitLines(data []byte) fileLines { return slices.Collect(bytes.Lines(data)) }

// at returns the line with a number, from 1.
func (l fileLines) at(number int) string {
	if number < 1 || number > len(l) {
		return ""
	}
	return string(l[number-1])
}

// hasContent reports whether there is more on a line than blanks and a comment.
func (l fileLines) hasContent(number int) bool {
	text := strings.TrimSpace(l.at(number))
	return text != "" && text[0] != '#'
}

// blame returns the line that a person has to look at. The parser names the place where it could not go on, and, as
// the context, where that began.
func (l fileLines) blame(e *yaml.LoadError) int {
	line := e.Mark.Line
	switch {
	case e.ContextMsg == "while scanning a simple key", e.ContextMsg == "while scanning a quoted scalar" && strings.Contains(e.Message, "end of stream"):
		line = e.ContextMark.Line
	case strings.HasPrefix(e.ContextMsg, "while parsing a flow") && l.begins(e.Mark):
		line = l.contentBefore(line) // what is missing is missing at the end of the line before
	}
	if line = min(line, len(l)); line < 1 {
		return 1
	}
	return line
}

// begins reports whether there are only blanks before a place in its line.
func (l fileLines) begins(m yaml.Mark) bool {
	text := l.at(m.Line)
	indent := len(text) - len(strings.TrimLeft(text, " "))
	return m.Column <= indent+1
}

// contentBefore returns the last line with content before a line, or the first line.
func (l fileLines) contentBefore(line int) int {
	for line = min(line, len(l)+1) - 1; line > 1 && !l.hasContent(line); {
		line--
	}
	return line
}

// firstBefore returns the first line with content of the document that a line is in.
func (l fileLines) firstBefore(line int) int {
	first := line
	for n := line; n >= 1 && !strings.HasPrefix(l.at(n), "---"); n-- {
		if l.hasContent(n) {
			first = n
		}
	}
	return first
}

// adviceOn returns what most often helps against a problem of the parser with a line.
func adviceOn(problem, line string) string {
	content := strings.TrimLeft(line, " ")
	switch {
	case strings.HasPrefix(content, "\t") || strings.Contains(problem, "tab character"):
		return "; indent with spaces, not tabs"
	case strings.Contains(line, "${") && strings.Contains(problem, "expected ','"):
		return `; between { } or [ ], quote a text with a reference: "${NAME}"`
	case strings.Contains(problem, "cannot start any token"):
		return "; quote a text that begins with a special character such as @, % or `"
	case strings.Contains(problem, "mapping values are not allowed"):
		return `; check the indentation, and quote a text that has ": " in it`
	case strings.Contains(problem, "expected key"), strings.Contains(problem, "expected '-'"):
		return "; check the indentation of this line and of those before it"
	case strings.Contains(problem, "could not find expected ':'"):
		return `; this line may lack a ":", or a space after its ":"`
	case strings.Contains(problem, "unexpected end of stream"):
		return "; a quote that is opened here is never closed"
	case strings.Contains(problem, "escape character"):
		return `; inside "..." a backslash begins an escape: use '...' for regular expressions`
	default:
		return ""
	}
}
