package settings

import (
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/common/config"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// secretMark is what is shown for a secret that is written out, as Prometheus does.
const secretMark = "<secret>"

var secretType = reflect.TypeFor[config.Secret]()

// Shown returns the configuration of the kind of a check as it is written, for people: without aliases and merges, and
// with references, but without what is a secret and no reference.
func (r *Reader) Shown(c *Check) *yaml.Node {
	node := document.ResolveAlias(c.kind.Node)
	if node == nil || document.IsNull(node) {
		return &yaml.Node{Kind: yaml.MappingNode}
	}
	shape := r.common.shapes[c.Kind]
	if shape == nil {
		shape = ShapeOf(r.common.Kinds[c.Kind])
		r.common.shapes[c.Kind] = shape
	}
	return r.shownNode(node, shape.all(), new(int))
}

// maxShown bounds the nodes of one check that are shown: aliases multiply.
const maxShown = 10_000

// shownNode returns what is shown of a node that may have any of these shapes.
func (r *Reader) shownNode(n *yaml.Node, shapes []*Shape, nodes *int) *yaml.Node {
	n = document.ResolveAlias(n)
	if *nodes++; *nodes > maxShown {
		return &yaml.Node{Kind: yaml.ScalarNode, Value: "…"}
	}
	to := plain(n)
	switch n.Kind {
	case yaml.MappingNode:
		pairs := document.Pairs(n)
		for i := 0; i+1 < len(pairs); i += 2 {
			to.Content = append(to.Content, plain(pairs[i]), r.shownNode(pairs[i+1], below(shapes, pairs[i].Value), nodes))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			to.Content = append(to.Content, r.shownNode(item, below(shapes, ""), nodes))
		}
	default:
		secret := slices.ContainsFunc(shapes, func(s *Shape) bool { return s.Type == secretType })
		switch {
		case r.table.Of(n) != nil:
		case secret:
			to.Value, to.Tag, to.Style = secretMark, "!!str", 0
		case strings.Contains(n.Value, "@"):
			if u, err := url.Parse(n.Value); err == nil && u.Host != "" {
				to.Value = u.Redacted()
			}
		}
	}
	return to
}

// plain returns a node without its content, comments and anchor.
func plain(n *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style, Line: n.Line, Column: n.Column}
}

// all returns the shape, and those that a type may be given as that decodes itself.
func (s *Shape) all() []*Shape {
	all := []*Shape{s}
	for i := 0; i < len(all) && len(all) < 16; i++ {
		all = append(all, all[i].Either...)
	}
	return all
}

// below returns the shapes of the value of a key of a mapping of one of these shapes, or of the items of a list.
func below(shapes []*Shape, key string) []*Shape {
	var found []*Shape
	for _, s := range shapes {
		next := s.Others
		if s.Elem != nil {
			next = s.Elem
		}
		for _, k := range s.Keys {
			if k.Name == key {
				next = k.Shape
			}
		}
		if next != nil {
			found = append(found, next.all()...)
		}
	}
	return found
}
