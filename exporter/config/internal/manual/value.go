package manual

import (
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// deepest is how deep a value may be; what contains itself is deeper.
const deepest = 1000

// Value returns what a node stands for in the manner of JSON, as editors hand it to a schema: with what is merged into
// mappings, and with times as texts. It panics where an alias stands for something that contains itself.
func Value(n *yaml.Node) any { return valueOf(n, 0) }

func valueOf(n *yaml.Node, depth int) any {
	if depth > deepest {
		panic("the alias stands for something that contains itself")
	}
	n = document.ResolveAlias(n)
	switch n.Kind {
	case yaml.DocumentNode:
		return valueOf(n.Content[0], depth+1)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			list = append(list, valueOf(item, depth+1))
		}
		return list
	case yaml.MappingNode:
		m := make(map[string]any)
		addPairs(m, n, depth+1)
		return m
	default:
		return scalar(n)
	}
}

// addPairs adds the pairs of a mapping that are not there yet, and last those of what is merged into it.
func addPairs(m map[string]any, n *yaml.Node, depth int) {
	if depth > deepest {
		panic("the mapping is merged into itself")
	}
	var bases []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		_, there := m[key.Value]
		switch {
		case key.Tag == "!!merge" && value.Kind == yaml.SequenceNode:
			bases = append(bases, value.Content...)
		case key.Tag == "!!merge":
			bases = append(bases, value)
		case !there:
			m[key.Value] = valueOf(value, depth+1)
		}
	}
	for _, base := range bases {
		addPairs(m, document.ResolveAlias(base), depth+1)
	}
}

func scalar(n *yaml.Node) any {
	var v any
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool", "!!int", "!!float":
		if err := n.Decode(&v); err != nil || strings.Contains(n.Value, ":") {
			return n.Value
		}
		if i, ok := v.(int); ok {
			return float64(i)
		}
		return v
	default:
		return n.Value
	}
}
