// Package manual makes the JSON Schema of the configuration and the reference of its keys and of the metrics, from what
// the program itself goes by:
//
//   - the shapes of the settings are those that the decoder has of their Go types, with all that it takes for them;
//   - which keys are required, which values there are to choose from, and how large a number may be, is asked of the
//     decoder and of the constructors of the kinds: they are given something wrong, and say what they want;
//   - sentences are the doc comments of the fields; defaults and examples are in their tags, default:"30s" and
//     example:"15s", in YAML;
//   - what types of other modules do not say is in foreign.go, and nowhere else.
//
// It is for the generator and for tests. No program imports it.
package manual

import (
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
)

// Manual is what there is to say of a configuration.
type Manual struct {
	File   *Node
	Check  *Node // without its kind
	Kinds  []*Node
	Shared []*Node  // types that are in several places, in the order in which they are met
	Lacks  []string // keys without a sentence or an example

	comments *comments
	prober   *prober
	shared   map[reflect.Type]*Node
}

// Node is what may stand somewhere in a configuration.
type Node struct {
	Name  string // the key, or a name for a shared type
	Shape *settings.Shape

	parent reflect.Type
	Doc    []string // sentences, with keys in backquotes
	// Default and Example are YAML; empty where there is none.
	Default, Example string
	Required         bool
	Refused          bool // known to the decoder, and never taken

	Keys   []*Node // of a mapping with keys of its own
	Others *Node   // of all other keys
	Elem   *Node   // of a list, or a mapping with keys of the user's choice
	Either []*Node // of a type that takes several sorts of values
	Shared *Node   // stands for this
	Holds  *Node   // of a node that is read later: its items, or its values
	Named  bool    // the latter, with names of the user's choice

	// What the decoder says when it is given something wrong.
	Choices []string
	AnyCase bool // of the choices
	Low,    // in the words of the decoder; empty: no bound
	High string
	Zero     bool // 0 is taken though it is below Low
	MaxItems int
	// Ways are sets of keys of which exactly one must be there.
	Ways []Way

	// Names of a mapping's keys and values of a text, as regular expressions.
	NamePattern, Pattern string
	NotNames             []string
	MaxLength            int
}

// Way is a set of keys that belong together, and those that may be beside them.
type Way struct{ Keys, Also []string }

// Options tell what to describe. The zero Options describe the program.
type Options struct {
	Kinds  map[string]reflect.Type // configurations; nil means those of all kinds
	Config config.Options          // with which such a configuration is read
	Dir    string                  // of the module, where the sources are
}

// New describes the configuration.
func New(o Options) (*Manual, error) {
	if o.Kinds == nil {
		o.Kinds = allKinds()
	}
	m := &Manual{comments: newComments(o.Dir), prober: &prober{o.Config}, shared: make(map[reflect.Type]*Node)}
	fileType, checkType := settings.Types()
	base, err := m.describeKinds(o.Kinds)
	if err != nil {
		return nil, err
	}
	m.Check = &Node{Name: "check", Shape: settings.ShapeOf(checkType)}
	at := place{wrap: func(v any) any { return map[string]any{"checks": []any{v}} }, path: "checks[0]", home: checkType.PkgPath(), base: base}
	if err := m.describe(m.Check, at); err != nil {
		return nil, err
	}
	m.File = &Node{Name: "file", Shape: settings.ShapeOf(fileType)}
	at = place{wrap: func(v any) any { return v }, home: fileType.PkgPath()}
	if err := m.describe(m.File, at); err != nil {
		return nil, err
	}
	m.findLacks()
	return m, nil
}

// describeKinds describes the kinds. It returns a check that can be read.
func (m *Manual) describeKinds(kinds map[string]reflect.Type) (base map[string]any, err error) {
	check := place{
		wrap: func(v any) any { return map[string]any{"checks": []any{v}} },
		path: "checks[0]", base: map[string]any{"endpoint": "a"},
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		n := &Node{Name: name, Shape: settings.ShapeOf(kinds[name])}
		src, err := m.comments.of(n.Shape.Type.PkgPath())
		if err != nil {
			return nil, err
		}
		if words := strings.SplitN(src.synopsis, " ", 3); len(words) == 3 && words[0] == "Package" {
			n.Doc = []string{capital(words[2])}
		}
		at := check.below(name)
		at.home = n.Shape.Type.PkgPath()
		if err := m.describe(n, at); err != nil {
			return nil, err
		}
		m.Kinds = append(m.Kinds, n)
		if example := n.Least(nil); base == nil && len(m.prober.ask(at.wrap(example))) == 0 {
			base = map[string]any{"endpoint": "a", name: example}
		}
	}
	return base, nil
}

// describe fills in what is below a node, which is at a place.
func (m *Manual) describe(n *Node, at place) error {
	m.rules(n)
	m.learn(n, at)
	switch n.Shape.Sort {
	case settings.SortList:
		n.Elem = &Node{Name: "[]", Shape: plain(n.Shape.Elem)}
		err := m.refer(n.Elem, at.item())
		m.learnLength(n, at)
		return err
	case settings.SortMap:
		n.Elem = &Node{Name: "*", Shape: plain(n.Shape.Elem)}
		return m.refer(n.Elem, at.below("x"))
	case settings.SortKeys:
		return m.describeKeys(n, at)
	case settings.SortOwn:
		for _, shape := range n.Shape.Either {
			either := &Node{Shape: plain(shape)}
			n.Either = append(n.Either, either)
			if err := m.refer(either, at); err != nil {
				return err
			}
		}
		return nil
	default:
		return nil
	}
}

// plain returns the shape of what a type asks for that decodes itself, under its own name.
func plain(s *settings.Shape) *settings.Shape {
	for s.Sort == settings.SortOwn && len(s.Either) == 1 {
		inner, own := *s.Either[0], s.Type
		inner.Keys = slices.Clone(inner.Keys)
		for i := range inner.Keys {
			if inner.Keys[i].Owner == inner.Type {
				inner.Keys[i].Owner = own
			}
		}
		inner.Type, inner.Null = own, false
		s = &inner
	}
	return s
}

func (m *Manual) describeKeys(n *Node, at place) error {
	for i := range n.Shape.Keys {
		k := &n.Shape.Keys[i]
		src, err := m.comments.of(k.Owner.PkgPath())
		if err != nil {
			return err
		}
		tag := k.Field.Tag
		child := &Node{
			Name: k.Name, Shape: plain(k.Shape), parent: n.Shape.Type,
			Doc: src.sentences(k.Owner.Name(), k.Field.Name), Default: tag.Get("default"), Example: tag.Get("example"),
		}
		child.take(foreign[k.Owner.String()+"."+k.Field.Name])
		n.Keys = append(n.Keys, child)
	}
	m.rules(n)
	m.require(n, at)
	for _, child := range n.Keys {
		if err := m.refer(child, at.with(n.Least(child)).below(child.Name)); err != nil {
			return err
		}
	}
	if n.Shape.Others == nil {
		return nil
	}
	n.Others = &Node{Name: "*", Shape: plain(n.Shape.Others)}
	return m.refer(n.Others, at.below("x"))
}

// refer describes a node, or refers to what all places share: types with keys of another package.
func (m *Manual) refer(n *Node, at place) error {
	t := n.Shape.Type
	if n.Shape.Sort != settings.SortKeys || t.PkgPath() == at.home {
		return m.describe(n, at)
	}
	shared, ok := m.shared[t]
	if !ok {
		shared = &Node{Name: nameOf(t), Shape: n.Shape}
		m.shared[t] = shared
		m.Shared = append(m.Shared, shared)
		at.home = ""
		if err := m.describe(shared, at); err != nil {
			return err
		}
	}
	n.Shared = shared
	return nil
}

// nameOf returns a name for a type in the manner of keys.
func nameOf(t reflect.Type) string {
	name := t.Name()
	if name == "Config" {
		name = path.Base(t.PkgPath()) + name
	}
	return snake(strings.ReplaceAll(name, "OAuth", "Oauth"))
}

func snake(name string) string {
	return strings.ToLower(humps.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}

var humps = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

// Least returns the least that a mapping must hold where it also has a key.
func (n *Node) Least(beside *Node) map[string]any {
	m := make(map[string]any)
	for _, k := range n.Keys {
		needed := k.Required
		for i, way := range n.Ways {
			needed = needed || slices.Contains(way.Keys, k.Name) && (beside == nil && i == 0 || beside != nil && slices.Contains(slices.Concat(way.Keys, way.Also), beside.Name))
		}
		if needed {
			m[k.Name] = k.example()
		}
	}
	return m
}

// findLacks notes what a reader would miss.
func (m *Manual) findLacks() {
	var look func(path string, n *Node)
	look = func(path string, n *Node) {
		for _, k := range n.Keys {
			at := strings.TrimPrefix(path+"."+k.Name, ".")
			if len(k.Doc) == 0 {
				m.Lacks = append(m.Lacks, at+": a sentence")
			}
			if !k.Refused && k.Shared == nil && len(k.Keys) == 0 && k.Example == "" && k.example() == nil {
				m.Lacks = append(m.Lacks, at+": an example")
			}
			look(at, k)
		}
		if n.Elem != nil {
			look(path+"[]", n.Elem)
		}
	}
	look("", m.File)
	for _, n := range slices.Concat([]*Node{m.Check}, m.Kinds, m.Shared) {
		if len(n.Doc) == 0 && slices.Contains(m.Kinds, n) {
			m.Lacks = append(m.Lacks, n.Name+": a sentence")
		}
		look(n.Name, n)
	}
}
