package tree

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// json reads a document with the parser of JSON, which knows what that of YAML does not: an escaped character beyond
// U+FFFF, and tabs.
func (b *builder) json(data []byte) (*Node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	r := &jsonReader{builder: b, Decoder: dec, data: data, line: 1}
	root, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one value")
	}
	return root, nil
}

type jsonReader struct {
	*builder
	*json.Decoder
	data   []byte
	line   int // of the offset
	offset int
}

// lineNow returns the line of what was read last.
func (r *jsonReader) lineNow() int {
	to := int(r.InputOffset())
	r.line += bytes.Count(r.data[r.offset:to], []byte{'\n'})
	r.offset = to
	return r.line
}

func (r *jsonReader) value(depth int) (*Node, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	n, err := r.node(r.lineNow(), Null, depth)
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		return n, r.parts(n, v, depth)
	case string:
		n.Kind, n.text = Text, v
	case json.Number:
		n.Kind, n.text = Number, v.String()
	case bool:
		n.Kind, n.text = Bool, "false"
		if v {
			n.text = "true"
		}
	}
	return n, nil
}

// parts reads what follows an opening bracket. Of a repeated key the last value counts, as everywhere in JSON.
func (r *jsonReader) parts(n *Node, open json.Delim, depth int) error {
	n.Kind = List
	if open == '{' {
		n.Kind = Map
	}
	at := make(map[string]int)
	for r.More() {
		key, line := "", 0
		if n.Kind == Map {
			token, err := r.Token()
			if err != nil {
				return err
			}
			key, _ = token.(string)
			line = r.lineNow()
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if line > 0 {
			value.Line = line
		}
		if i, ok := at[key]; ok && n.Kind == Map {
			value.parent, value.key = n, key
			n.list[i] = value
			continue
		}
		at[key] = len(n.list)
		n.add(key, value)
	}
	_, err := r.Token()
	return err
}
