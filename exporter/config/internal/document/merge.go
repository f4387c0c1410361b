package document

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// maxMerged bounds the nodes that one merge looks at: aliases can multiply, and go round in circles.
const maxMerged = 100_000

// Merge returns a mapping with the keys of over, and those of base that over does not have. Where both have a mapping
// under a key, it is merged in the same way; lists are replaced as a whole. Neither is changed, and the result shares
// nodes with both. Keys that YAML merges into one with << count as its own. It returns false if there is too much.
func Merge(base, over *yaml.Node) (*yaml.Node, bool) {
	m := merger{}
	merged := m.merge(base, over)
	return merged, m.nodes <= maxMerged
}

type merger struct{ nodes int }

func (m *merger) merge(base, over *yaml.Node) *yaml.Node {
	base, over = ResolveAlias(base), ResolveAlias(over)
	if base.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode || m.nodes > maxMerged {
		return over
	}
	own, theirs := m.pairs(over), m.pairs(base)
	merged := &yaml.Node{Kind: yaml.MappingNode, Tag: over.Tag, Style: over.Style, Line: over.Line, Column: over.Column}
	for i := 0; i+1 < len(own); i += 2 {
		value := own[i+1]
		if j := keyOf(theirs, own[i].Value); j >= 0 {
			value = m.merge(theirs[j+1], value)
		}
		merged.Content = append(merged.Content, own[i], value)
	}
	for i := 0; i+1 < len(theirs); i += 2 {
		if keyOf(own, theirs[i].Value) < 0 {
			merged.Content = append(merged.Content, theirs[i], theirs[i+1])
		}
	}
	return merged
}

// keyOf returns the index of a key in keys and values, or -1.
func keyOf(pairs []*yaml.Node, key string) int {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i].Value == key {
			return i
		}
	}
	return -1
}

// pairs returns the keys and values of a mapping: its own, and then those merged into it that it does not have. What is
// wrong with it stays in it, for whoever reads it.
func (m *merger) pairs(n *yaml.Node) []*yaml.Node {
	if m.nodes += 1 + len(n.Content); m.nodes > maxMerged {
		return nil
	}
	merge := slices.IndexFunc(n.Content, func(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.Tag == "!!merge" })
	if merge < 0 || merge%2 != 0 {
		return n.Content
	}
	bases := n.Content[merge+1 : merge+2]
	if bases[0].Kind == yaml.SequenceNode {
		bases = bases[0].Content
	}
	if slices.ContainsFunc(bases, func(b *yaml.Node) bool { return ResolveAlias(b).Kind != yaml.MappingNode }) {
		return n.Content
	}
	pairs := slices.Concat(n.Content[:merge], n.Content[merge+2:])
	for _, base := range bases {
		more := m.pairs(ResolveAlias(base))
		for i := 0; i+1 < len(more); i += 2 {
			if keyOf(pairs, more[i].Value) < 0 {
				pairs = append(pairs, more[i], more[i+1])
			}
		}
	}
	return pairs
}

// MoveTo returns a copy of the tree at n whose nodes all have a position, and calls moved for each scalar. What aliases
// stand for is copied too. It returns false if there is too much.
func MoveTo(n *yaml.Node, at Pos, moved func(from, to *yaml.Node)) (*yaml.Node, bool) {
	nodes := 0
	var move func(n *yaml.Node) *yaml.Node
	move = func(n *yaml.Node) *yaml.Node {
		n = ResolveAlias(n)
		if nodes++; nodes > maxMerged {
			return n
		}
		to := *n
		to.Line, to.Column, to.Anchor, to.Content = at.Line, at.Column, "", nil
		for _, child := range n.Content {
			to.Content = append(to.Content, move(child))
		}
		if n.Kind == yaml.ScalarNode {
			moved(n, &to)
		}
		return &to
	}
	copied := move(n)
	return copied, nodes <= maxMerged
}

// Without returns a mapping without some keys, which is n itself where it has none of them. Keys that YAML merges into
// it with << count as its own.
func Without(n *yaml.Node, keys ...string) *yaml.Node {
	m := merger{}
	pairs := m.pairs(n)
	rest := &yaml.Node{Kind: yaml.MappingNode, Tag: n.Tag, Style: n.Style, Line: n.Line, Column: n.Column}
	for i := 0; i+1 < len(pairs); i += 2 {
		if !slices.Contains(keys, pairs[i].Value) {
			rest.Content = append(rest.Content, pairs[i], pairs[i+1])
		}
	}
	if len(rest.Content) == len(n.Content) {
		return n
	}
	return rest
}

// Pairs returns the keys and values of a mapping: its own, and those that YAML merges into it with <<.
func Pairs(n *yaml.Node) []*yaml.Node {
	m := merger{}
	return m.pairs(n)
}
