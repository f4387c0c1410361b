package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Bounds on a file.
const (
	MaxSize  = 16 << 20 // bytes
	maxDepth = 100      // of lists and mappings in each other
	maxNodes = 1 << 20  // values, those that aliases repeat included
)

var (
	errTooLarge = fmt.Errorf("is larger than %d MiB", MaxSize>>20)
	errTooDeep  = fmt.Errorf("has more than %d lists and mappings in each other", maxDepth)
	errTooMany  = fmt.Errorf("has more than %d values, repeated ones included", maxNodes)
	errCycle    = errors.New("has an alias within what it stands for")
	errEmpty    = errors.New("is empty")
	errBinary   = errors.New("is not text in UTF-8")
)

// Parse returns the root of a document, YAML or JSON. What becomes of its values goes into the ledger. Aliases and
// merged keys (<<) are replaced by what they stand for. The error begins with the name of the file, and with the line
// where that is known.
func Parse(file string, data []byte, ledger *Ledger) (root *Node, err error) {
	fail := func(line int, err error) (*Node, error) {
		if line > 0 {
			return nil, fmt.Errorf("%s:%d: %w", file, line, err)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	switch {
	case len(data) > MaxSize:
		return fail(0, errTooLarge)
	case len(bytes.TrimSpace(data)) == 0:
		return fail(0, errEmpty)
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return fail(0, errBinary)
	}
	b := &builder{doc: &document{file: file, ledger: ledger}}
	if c := bytes.TrimSpace(data)[0]; c == '{' || c == '[' {
		if root, err := b.json(data); err == nil {
			return root, nil
		} else if errors.Is(err, errTooDeep) || errors.Is(err, errTooMany) {
			return fail(0, err)
		}
		b.nodes = 0 // flow style of YAML, or a mistake that its parser tells the line of
	}
	doc, line, err := decodeYAML(data)
	if err != nil {
		return fail(line, err)
	}
	root, err = b.yaml(doc, 0)
	if err != nil {
		return fail(0, err)
	}
	if root.Kind == Null {
		return fail(0, errEmpty)
	}
	return root, nil
}

// decodeYAML returns the root of the only document in data, or an error and its line.
func decodeYAML(data []byte) (root *yaml.Node, line int, err error) {
	defer func() {
		if r := recover(); r != nil { // a bug of the parser
			root, line, err = nil, 0, errors.New("the YAML parser gave up")
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF) && root == nil:
			return nil, 0, errEmpty
		case errors.Is(err, io.EOF):
			return root, 0, nil
		case err != nil:
			if e, ok := errors.AsType[*yaml.LoadError](err); ok { // without what it says of an anchor, which may be a password
				return nil, e.Mark.Line, errors.New("is not valid YAML")
			}
			return nil, 0, errors.New("is not valid YAML")
		case len(doc.Content) == 0 || isNull(doc.Content[0]):
		case root != nil:
			return nil, doc.Line, errors.New("has a second YAML document")
		default:
			root = doc.Content[0]
		}
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// builder makes the tree of one document.
type builder struct {
	doc     *document
	nodes   int
	aliases []*yaml.Node // that stand for what is being built
}

func (b *builder) node(line int, kind Kind, depth int) (*Node, error) {
	b.nodes++
	switch {
	case b.nodes > maxNodes:
		return nil, errTooMany
	case depth > maxDepth:
		return nil, errTooDeep
	}
	return &Node{Line: line, Kind: kind, doc: b.doc}, nil
}

func (n *Node) add(key string, value *Node) {
	value.parent, value.key, value.index = n, key, len(n.list)
	n.list = append(n.list, value)
	if n.Kind == Map {
		n.keys = append(n.keys, key)
	}
}

func (b *builder) yaml(y *yaml.Node, depth int) (*Node, error) {
	switch y.Kind {
	case yaml.AliasNode:
		for _, a := range b.aliases {
			if a == y.Alias {
				return nil, errCycle
			}
		}
		b.aliases = append(b.aliases, y.Alias)
		defer func() { b.aliases = b.aliases[:len(b.aliases)-1] }()
		return b.yaml(y.Alias, depth)
	case yaml.SequenceNode:
		n, err := b.node(y.Line, List, depth)
		if err != nil {
			return nil, err
		}
		for _, item := range y.Content {
			value, err := b.yaml(item, depth+1)
			if err != nil {
				return nil, err
			}
			n.add("", value)
		}
		return n, nil
	case yaml.MappingNode:
		n, err := b.node(y.Line, Map, depth)
		if err != nil {
			return nil, err
		}
		return n, b.pairs(n, y, make(map[string]bool, len(y.Content)/2), depth)
	default:
		n, err := b.node(y.Line, yamlKind(y), depth)
		if err != nil {
			return nil, err
		}
		n.text = y.Value
		return n, nil
	}
}

func yamlKind(y *yaml.Node) Kind {
	switch y.ShortTag() {
	case "!!null":
		return Null
	case "!!int", "!!float":
		return Number
	case "!!bool":
		return Bool
	}
	return Text
}

// pairs adds the keys of a mapping, and then those that are merged into it and that it does not have.
func (b *builder) pairs(n *Node, y *yaml.Node, seen map[string]bool, depth int) error {
	var merged []*yaml.Node
	own := make(map[string]bool, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Tag == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return fmt.Errorf("has a key on line %d that is no text", key.Line)
		}
		if own[key.Value] {
			return fmt.Errorf("has a key for the second time on line %d", key.Line)
		}
		own[key.Value] = true
		if seen[key.Value] {
			continue // merged, and given by what it was merged into
		}
		seen[key.Value] = true
		child, err := b.yaml(value, depth+1)
		if err != nil {
			return err
		}
		child.Line = key.Line
		n.add(key.Value, child)
	}
	for _, m := range merged {
		if err := b.merge(n, m, seen, depth); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the keys of a mapping, or of a list of them.
func (b *builder) merge(n *Node, y *yaml.Node, seen map[string]bool, depth int) error {
	b.nodes++
	if b.nodes > maxNodes {
		return errTooMany
	}
	if depth > maxDepth {
		return errTooDeep
	}
	switch y.Kind {
	case yaml.AliasNode:
		for _, a := range b.aliases {
			if a == y.Alias {
				return errCycle
			}
		}
		b.aliases = append(b.aliases, y.Alias)
		defer func() { b.aliases = b.aliases[:len(b.aliases)-1] }()
		return b.merge(n, y.Alias, seen, depth+1)
	case yaml.MappingNode:
		return b.pairs(n, y, seen, depth)
	case yaml.SequenceNode:
		for _, item := range y.Content {
			if err := b.merge(n, item, seen, depth+1); err != nil {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("merges what is no mapping on line %d", y.Line)
	}
}
