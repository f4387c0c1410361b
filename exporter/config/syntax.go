package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// syntaxError is the reason why a file is not one YAML document with something in it.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return e.text }

// parseDocument returns the root of the only document in data.
func parseDocument(data []byte) (root *yaml.Node, err error) {
	if len(data) > MaxSize {
		return nil, &syntaxError{1, errTooLarge.Error()}
	}
	if err := checkCharacters(data); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		err := decodeNode(dec, &doc)
		switch {
		case errors.Is(err, io.EOF) && root == nil:
			return nil, &syntaxError{1, `the file is empty; it needs at least "checks:"`}
		case errors.Is(err, io.EOF):
			return root, nil
		case err != nil:
			return nil, explain(data, err)
		case isNull(doc.Content[0]): // nothing but comments, or a separator at the end
		case root != nil:
			return nil, &syntaxError{doc.Line, `a second YAML document ("---"); the file may hold only one`}
		default:
			root = doc.Content[0]
		}
	}
}

// decodeNode turns a panic of the parser, which would be a bug there, into an error.
func decodeNode(dec *yaml.Decoder, doc *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the YAML parser gave up")
		}
	}()
	return dec.Decode(doc)
}

var errUTF16 = &syntaxError{1, "not UTF-8, but probably UTF-16; save the file as UTF-8"}

// checkCharacters finds what the parser would refuse without telling the line.
func checkCharacters(data []byte) error {
	for i := 0; i < len(data); {
		c := data[i]
		if c >= 0x20 && c < 0x7f || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		line := 1 + bytes.Count(data[:i], []byte{'\n'})
		if c < utf8.RuneSelf {
			if c == 0 && i < 2 {
				return errUTF16
			}
			return &syntaxError{line, fmt.Sprintf("control character %#02x is not allowed in YAML", c)}
		}
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1 && i == 0 && (c == 0xfe || c == 0xff):
			return errUTF16
		case r == utf8.RuneError && size == 1:
			return &syntaxError{line, "not valid UTF-8"}
		case r == '\uFEFF' && i > 0:
			return &syntaxError{line, "a byte order mark is allowed only at the very beginning"}
		case r < 0xa0 && r != 0x85 || r >= 0xfffe && r <= 0xffff:
			return &syntaxError{line, fmt.Sprintf("control character %U is not allowed in YAML", r)}
		}
		i += size
	}
	return nil
}

var (
	parserLine    = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// explain says in other words, and with a better line, what the YAML parser complains about.
func explain(data []byte, err error) error {
	match := parserLine.FindStringSubmatch(err.Error())
	if match == nil {
		return &syntaxError{1, err.Error()}
	}
	line, _ := strconv.Atoi(match[1]) // 0 without a number
	problem := match[2]
	if anchor := unknownAnchor.FindStringSubmatch(problem); anchor != nil {
		return &syntaxError{
			lineOf(data, "*"+anchor[1]),
			fmt.Sprintf("alias *%s stands for nothing: no anchor &%[1]s before it; quote a text that begins with *", shorten(anchor[1])),
		}
	}
	if strings.HasPrefix(problem, "did not find expected") {
		line = locateSyntaxError(data, err.Error(), line)
	}
	line = min(max(line, 1), 1+bytes.Count(data, []byte{'\n'}))
	text := lineAt(data, line)
	return &syntaxError{line, "not valid YAML: " + problem + adviceOn(problem, text)}
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

// locateSyntaxError returns the line of a problem for which the parser has named the beginning of the block around
// it: the last line of the shortest piece of the file that has the same problem.
func locateSyntaxError(data []byte, problem string, line int) int {
	const affordable = 1 << 20
	if len(data) > affordable {
		return line + 1
	}
	var ends []int
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	n := sort.Search(len(ends), func(i int) bool {
		var doc yaml.Node
		err := decodeNode(yaml.NewDecoder(bytes.NewReader(data[:ends[i]])), &doc)
		return err != nil && err.Error() == problem
	})
	return n + 1
}

// lineOf returns the number of the first line with the text outside of a comment line, 1 if there is none.
func lineOf(data []byte, text string) int {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if bytes.Contains(line, []byte(text)) && !bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			return n
		}
	}
	return 1
}

func lineAt(data []byte, number int) string {
	n := 0
	for line := range bytes.Lines(data) {
		if n++; n == number {
			return string(line)
		}
	}
	return ""
}
