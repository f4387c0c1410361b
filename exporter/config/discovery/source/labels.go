package source

import (
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Meta begins the names of labels that are there for relabelling only.
const Meta = model.MetaLabelPrefix

// MaxValue bounds the value of a label, in bytes. An annotation may be larger, such as what kubectl has last applied;
// it then has no label, beside the one that says that it is there.
const MaxValue = 4 << 10

// LabelName makes text a part of a label's name as Prometheus does: what is no letter, digit or underscore becomes an
// underscore.
func LabelName(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, text)
}

// Builder collects the labels of targets. It is not safe for concurrent use.
type Builder struct {
	pairs   []labels.Label
	common  int // of the pairs, those that all targets have
	scratch labels.ScratchBuilder
	sorted  []labels.Label
}

// Add adds a label. A later one replaces an earlier one of the same name. Without a value there is no label.
func (b *Builder) Add(name, value string) {
	if value != "" && len(value) <= MaxValue {
		b.pairs = append(b.pairs, labels.Label{Name: name, Value: value})
	}
}

// AddMap adds, for each key, a label named by prefix and key, which is made a part of a name, and, if present is not
// empty, one that says that it is there, named by present and key.
func (b *Builder) AddMap(prefix, present string, values map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(values)) { // two keys may become one name
		name := LabelName(key)
		b.Add(prefix+name, values[key])
		if present != "" {
			b.Add(present+name, "true")
		}
	}
}

// Common makes the labels so far those that all targets have.
func (b *Builder) Common() { b.common = len(b.pairs) }

// Forget forgets the labels that not all targets have.
func (b *Builder) Forget() { b.pairs = b.pairs[:b.common] }

// Reset forgets all labels.
func (b *Builder) Reset() { b.pairs, b.common = b.pairs[:0], 0 }

// Target returns the labels with the address, and forgets those that not all targets have.
func (b *Builder) Target(address string) labels.Labels {
	b.Add(model.AddressLabel, address)
	b.sorted = append(b.sorted[:0], b.pairs...)
	b.Forget()
	slices.SortStableFunc(b.sorted, func(x, y labels.Label) int { return strings.Compare(x.Name, y.Name) })
	b.scratch.Reset()
	for i, l := range b.sorted {
		if i+1 == len(b.sorted) || b.sorted[i+1].Name != l.Name {
			b.scratch.Add(l.Name, l.Value)
		}
	}
	return b.scratch.Labels()
}
