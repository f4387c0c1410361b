// Package reference replaces references in the texts of a document, ${NAME}, ${NAME:-default}, ${file:path} and
// ${target.host}, and remembers what it put where, so that it can be taken out again of what is shown. It knows those to
// the steps of a check, ${step.NAME}, and leaves them to the kind.
//
// A document is not changed: its nodes go on to hold what is written, which may always be shown, and a [Table] tells
// what a node stands for.
package reference

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// Table holds what texts with references stand for, by their node. A nil Table holds nothing.
type Table struct {
	texts map[*yaml.Node]*Text
	outer *Table
}

// Of returns what the text of a scalar stands for, or nil where it has no references.
func (t *Table) Of(n *yaml.Node) *Text {
	for ; t != nil; t = t.outer {
		if text, ok := t.texts[n]; ok {
			return text
		}
	}
	return nil
}

// Expand adds what the references of a document stand for to the table, or why they stand for nothing: whoever uses
// the text tells. What is below a key of the root that begins with ignored, if that is not empty, counts only where an
// alias stands for it.
func (t *Table) Expand(d *document.Document, env *Environment, ignored string) {
	w := walker{table: t, dir: d.Dir, env: env, seen: make(map[*yaml.Node]bool)}
	root := d.Root.Node
	if root.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if ignored == "" || !strings.HasPrefix(root.Content[i].Value, ignored) {
			w.walk(root.Content[i+1])
		}
	}
}

// walker goes through a document, through what aliases stand for once.
type walker struct {
	table *Table
	dir   string
	env   *Environment
	seen  map[*yaml.Node]bool // what has an anchor
}

func (w *walker) walk(n *yaml.Node) {
	if n.Anchor != "" {
		if w.seen[n] {
			return
		}
		w.seen[n] = true
	}
	switch n.Kind {
	case yaml.AliasNode:
		w.walk(n.Alias)
	case yaml.ScalarNode:
		if strings.Contains(n.Value, "${") {
			w.table.add(n, w.env.expand(n.Value, w.dir))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			w.walk(item)
		}
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			w.walk(n.Content[i])
		}
	default:
	}
}

func (t *Table) add(n *yaml.Node, text *Text) {
	if t.texts == nil {
		t.texts = make(map[*yaml.Node]*Text)
	}
	t.texts[n] = text
}

// Copy lets one node stand for what another does.
func (t *Table) Copy(from, to *yaml.Node) {
	if text := t.Of(from); text != nil {
		t.add(to, text)
	}
}

// MaxNodes bounds the nodes of a check that [Table.Substitute] looks at, also those that aliases stand for.
const MaxNodes = 100_000

var errTooManyNodes = fmt.Errorf("a check of more than %d values cannot be made one for each target", MaxNodes)

// Substitute returns the tree at n with the references to a target replaced by what value returns for their names, such
// as host or labels.zone, and a table that knows what was replaced, and all that t knows. Trees without such references
// are shared with n. A name without a value is a mistake.
func (t *Table) Substitute(n *yaml.Node, value func(name string) (string, bool)) (*yaml.Node, *Table, error) {
	s := substitution{table: &Table{outer: t}, value: value}
	replaced := s.replace(n)
	if s.nodes > MaxNodes {
		s.err = errTooManyNodes
	}
	if s.err != nil {
		return nil, nil, s.err
	}
	return replaced, s.table, nil
}

type substitution struct {
	table *Table
	value func(name string) (string, bool)
	nodes int
	err   error
}

func (s *substitution) replace(n *yaml.Node) *yaml.Node {
	if s.nodes++; s.nodes > MaxNodes || s.err != nil {
		return n
	}
	switch n.Kind {
	case yaml.AliasNode:
		if replaced := s.replace(n.Alias); replaced != n.Alias {
			return replaced
		}
	case yaml.ScalarNode:
		if text := s.table.Of(n); text != nil && text.OfTarget() {
			return s.scalar(n, text)
		}
	default:
		var content []*yaml.Node
		for i, child := range n.Content {
			replaced := s.replace(child)
			if replaced == child {
				continue
			}
			if content == nil {
				content = slices.Clone(n.Content)
			}
			content[i] = replaced
		}
		if content != nil {
			clone := *n
			clone.Content, clone.Anchor = content, ""
			return &clone
		}
	}
	return n
}

func (s *substitution) scalar(n *yaml.Node, text *Text) *yaml.Node {
	var value, shown, raw strings.Builder
	parts := slices.Clone(text.parts)
	for i := range parts {
		p := &parts[i]
		if p.target {
			v, ok := s.value(p.text)
			if !ok {
				s.err = fmt.Errorf("the target has no %s", p.text)
				return n
			}
			*p = part{text: v, shown: v, raw: escape.Replace(v)}
		}
		raw.WriteString(p.raw)
		value.WriteString(p.text)
		shown.WriteString(p.shown)
	}
	clone := *n
	clone.Value, clone.Anchor = raw.String(), ""
	replaced := &Text{Value: value.String(), Shown: shown.String(), Expansions: slices.Clone(text.Expansions)}
	if text.OfSteps() {
		replaced.parts = parts
	}
	if len(replaced.Expansions) > 0 {
		last := &replaced.Expansions[len(replaced.Expansions)-1]
		last.Raw, last.Value = clone.Value, replaced.Value
	}
	s.table.add(&clone, replaced)
	return &clone
}

// escape makes a text of a value that stands for itself.
var escape = strings.NewReplacer("${", "$${")
