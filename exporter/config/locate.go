package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is a node of the configuration and the line of its key or list item.
type place struct {
	node *yaml.Node
	line int
}

// locate returns the place of a path such as "expect.status[1]" below p. If the configuration has no such node, it
// returns the nearest one above it, and false.
func (p place) locate(path string) (place, bool) {
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
func (p place) step(path string) (next place, rest string, ok bool) {
	n := resolveAlias(p.node)
	if n == nil {
		return p, path, false
	}
	if inner, after, isIndex := strings.Cut(strings.TrimPrefix(path, "["), "]"); isIndex && path[0] == '[' {
		rest = strings.TrimPrefix(after, ".")
		if i, err := strconv.Atoi(inner); err == nil && n.Kind == yaml.SequenceNode {
			if i < 0 || i >= len(n.Content) {
				return p, path, false
			}
			return place{n.Content[i], n.Content[i].Line}, rest, true
		}
		if key, err := strconv.Unquote(inner); err == nil {
			inner = key
		}
		next, ok = findKey(n, inner)
		return next, rest, ok
	}
	// A key may have dots in it, as the names of hosts and files do, so the longest that is there is meant.
	for end := len(path); end > 0; end = strings.LastIndexAny(path[:end], ".[") {
		if next, ok = findKey(n, path[:end]); ok {
			return next, strings.TrimPrefix(path[end:], "."), true
		}
	}
	return p, path, false
}

// findKey returns the value of a key of a mapping, its own or one merged into it.
func findKey(n *yaml.Node, key string) (place, bool) {
	visits := 0
	return findMerged(n, key, &visits)
}

func findMerged(n *yaml.Node, key string, visits *int) (place, bool) {
	const most = 1000 // mappings, as merges can multiply and go round in circles
	n = resolveAlias(n)
	if n == nil || n.Kind != yaml.MappingNode || *visits == most {
		return place{}, false
	}
	*visits++
	merge := -1
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch k := n.Content[i]; {
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
			merge = i + 1
		case k.Kind == yaml.ScalarNode && k.Value == key:
			return place{n.Content[i+1], k.Line}, true
		}
	}
	if merge < 0 {
		return place{}, false
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
	return place{}, false
}

// resolveAlias returns what an alias stands for, and any other node as it is.
func resolveAlias(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
