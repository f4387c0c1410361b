// Package document makes a tree of YAML nodes of a file, knows the place of each, and collects what is wrong with them.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/source"
)

// Document is one file: its only YAML document.
type Document struct {
	File string // as given by the user
	Dir  string // where relative paths in it start from
	Root Place
}

// Parse returns the document in data. If dir is empty, relative paths start from the folder of the file.
func Parse(file, dir string, data []byte) (*Document, *Error) {
	root, err := parse(data)
	if err != nil {
		mistake := &Error{File: file, Line: 1, Err: err}
		if e, ok := errors.AsType[*syntaxError](err); ok {
			mistake.Line = e.line
		}
		return nil, mistake
	}
	if dir == "" {
		dir = filepath.Dir(file)
	}
	return &Document{File: file, Dir: dir, Root: PlaceOf(root)}, nil
}

// syntaxError is the reason why a file is not one YAML document with something in it.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return e.text }

// parse returns the root of the only document in data.
func parse(data []byte) (root *yaml.Node, err error) {
	if len(data) > source.MaxSize {
		return nil, source.ErrTooLarge
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
		case IsNull(doc.Content[0]): // nothing but comments, or a separator at the end
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
