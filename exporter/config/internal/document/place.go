package document

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Pos is a position in a file, from 1.
type Pos struct{ Line, Column int }

// PosOf returns the position of a node.
func PosOf(n *yaml.Node) Pos { return Pos{n.Line, n.Column} }

// Place is a node of a document and the position of its key or list item.
type Place struct {
	Node *yaml.Node
	Pos
}

// PlaceOf returns the place of a node that has no key.
func PlaceOf(n *yaml.Node) Place { return Place{n, PosOf(n)} }

// Locate returns the place of a path such as "expect.status[1]" below p. If the configuration has no such node, it
// returns the nearest one above it, and false.
func (p Place) Locate(path string) (Place, bool) {
	for path != "" {
		next, rest, ok := p.step(path)
		if !ok {
			return p, false
		}
		p, path = next, rest
	}
	return p, true
}

// step goes down by the first key or index of a path, and returns what is left of it.
func (p Place) step(path string) (next Place, rest string, ok bool) {
	n := ResolveAlias(p.Node)
	if n == nil {
		return p, path, false
	}
	if inner, after, isIndex := strings.Cut(strings.TrimPrefix(path, "["), "]"); isIndex && path[0] == '[' {
		rest = strings.TrimPrefix(after, ".")
		if i, err := strconv.Atoi(inner); err == nil && n.Kind == yaml.SequenceNode {
			if i < 0 || i >= len(n.Content) {
				return p, path, false
			}
			return PlaceOf(n.Content[i]), rest, true
		}
		if key, err := strconv.Unquote(inner); err == nil {
			inner = key
		}
		next, ok = FindKey(n, inner)
		return next, rest, ok
	}
	// A key may have dots in it, as the names of hosts and files do, so the longest that is there is meant.
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") {
		if next, ok = FindKey(n, path[:end]); ok {
			return next, strings.TrimPrefix(path[end:], "."), true
		}
	}
	return p, path, false
}

// FindKey returns the value of a key of a mapping, its own or one merged into it.
func FindKey(n *yaml.Node, key string) (Place, bool) {
	visits := 0
	return findMerged(n, key, &visits)
}

func findMerged(n *yaml.Node, key string, visits *int) (Place, bool) {
	const most = 1000 // mappings, as merges can multiply and go round in circles
	n = ResolveAlias(n)
	if n == nil || n.Kind != yaml.MappingNode || *visits == most {
		return Place{}, false
	}
	*visits++
	merge := -1
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
			merge = i + 1
		case k.Kind == yaml.ScalarNode && k.Value == key:
			return Place{n.Content[i+1], PosOf(k)}, true
		}
	}
	if merge < 0 {
		return Place{}, false
	}
	bases := n.Content[merge : merge+1]
	if bases[0].Kind == yaml.SequenceNode {
		bases = bases[0].Content
	}
	for _, base := range bases {
		if p, ok := findMerged(base, key, visits); ok {
			return p, true
		}
	}
	return Place{}, false
}

// ResolveAlias returns what an alias stands for, and any other node as it is.
func ResolveAlias(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// IsNull reports whether a node is null, which is also what a key without a value has.
func IsNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Raw returns the text of a scalar below p as it stands in the file, where it may be a reference.
func (p Place) Raw(path string) string {
	at, ok := p.Locate(path)
	if n := ResolveAlias(at.Node); ok && n != nil {
		return n.Value
	}
	return ""
}
