package settings

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

func (d *decoder) decodeMap(n *yaml.Node, v reflect.Value, t *typeInfo) {
	if n.Kind != yaml.MappingNode {
		d.want("a mapping of keys to values", n)
		return
	}
	v.Set(reflect.MakeMapWithSize(t.typ, len(n.Content)/2))
	d.decodeEntries(n, v, t, false)
}

func (d *decoder) decodeEntries(n *yaml.Node, v reflect.Value, t *typeInfo, merged bool) {
	d.eachPair(n, merged, func(key, value *yaml.Node) {
		name := key.Value
		if onlyKey(n, value) {
			name = "…"
		}
		from := d.Push(name, -1, document.PosOf(key))
		defer d.Pop(from)
		d.decodeEntry(n, key, value, v, t, merged)
	}, func(base *yaml.Node) { d.decodeEntries(base, v, t, true) })
}

// decodeEntry adds one key of the mapping n to the map m.
func (d *decoder) decodeEntry(n, key, value *yaml.Node, m reflect.Value, t *typeInfo, merged bool) {
	k := reflect.ValueOf(key.Value).Convert(t.typ.Key())
	if m.MapIndex(k).IsValid() {
		if !merged {
			d.repeated(n, key)
		}
		return
	}
	elem := reflect.New(t.elem.typ).Elem()
	d.decode(value, elem, t.elem)
	m.SetMapIndex(k, elem)
}

// maxKeys is the number of keys that a struct may have.
const maxKeys = 256

// keySet tells which of a struct's keys a mapping has had.
type keySet [maxKeys / 64]uint64

// add returns false if i is in the set already.
func (s *keySet) add(i int) bool {
	word, bit := &s[i/64%len(s)], uint64(1)<<(i%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// decodeStruct takes null for a mapping without keys: what is left when all of them are commented out.
func (d *decoder) decodeStruct(n *yaml.Node, v reflect.Value, t *typeInfo) {
	if document.IsNull(n) && t.inline == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.want("a mapping of keys to values", n)
		return
	}
	var seen keySet
	d.decodeFields(n, v, t, &seen, false)
}

func (d *decoder) decodeFields(n *yaml.Node, v reflect.Value, t *typeInfo, seen *keySet, merged bool) {
	d.eachPair(n, merged, func(key, value *yaml.Node) {
		i, ok := t.index[key.Value]
		from := d.Push(key.Value, -1, document.PosOf(key))
		defer d.Pop(from)
		switch {
		case !ok && t.ignored != "" && strings.HasPrefix(key.Value, t.ignored):
		case !ok && t.inline != nil:
			d.decodeInline(n, key, value, v.FieldByIndex(t.inline.index), t.inline.info, merged)
		case !ok:
			d.ReportAbove(d.unknownKey(n, key, value, t))
		case !seen.add(i):
			if !merged {
				d.repeated(n, key)
			}
		case i < len(t.fields):
			f := &t.fields[i]
			d.decode(value, v.FieldByIndex(f.index), f.info)
		default:
			t.extra(t.extras[i-len(t.fields)], key, value)
		}
	}, func(base *yaml.Node) { d.decodeFields(base, v, t, seen, true) })
}

func (d *decoder) decodeInline(n, key, value *yaml.Node, m reflect.Value, t *typeInfo, merged bool) {
	if m.IsNil() {
		m.Set(reflect.MakeMap(t.typ))
	}
	d.decodeEntry(n, key, value, m, t, merged)
}

func (d *decoder) unknownKey(mapping, key, value *yaml.Node, t *typeInfo) error {
	keys := t.keys()
	if document.Suggestion(key.Value, keys) == "" && t.hint != nil {
		if hint := t.hint(mapping, key.Value); hint != "" {
			return fmt.Errorf("unknown key %q; %s", document.Shorten(key.Value), hint)
		}
	}
	return document.UnknownKey(key.Value, keys, !document.PlainKey(key.Value) || onlyKey(mapping, value))
}

// onlyKey reports whether a key stands alone in a flow mapping: {x} and {Bearer x} are keys without values to YAML, and
// may be secrets to whoever wrote them.
func onlyKey(mapping, value *yaml.Node) bool {
	return mapping.Style&yaml.FlowStyle != 0 && document.IsNull(value)
}

// repeated reports a key that the mapping has already had.
func (d *decoder) repeated(mapping, key *yaml.Node) {
	first := 0
	for i := 0; i < len(mapping.Content); i += 2 {
		if k := mapping.Content[i]; k.Value == key.Value {
			first = k.Line
			break
		}
	}
	d.Errorf("the key is already there, on line %d", first)
}

// eachPair calls pair for the keys and values of a mapping, and then base for each mapping merged into it with <<.
func (d *decoder) eachPair(n *yaml.Node, merged bool, pair func(key, value *yaml.Node), base func(*yaml.Node)) {
	if !d.afford(1 + len(n.Content)/2) {
		return
	}
	var merge *yaml.Node
	for i := 0; i+1 < len(n.Content) && !d.Full(); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!null":
			d.ReportAt(document.PosOf(key), "", errBadKey)
		case strings.Contains(key.Value, "${"):
			d.ReportAt(document.PosOf(key), "", errKeyReference)
		case key.Tag != "!!merge":
			pair(key, value)
		case merge != nil && !merged:
			d.ReportAt(document.PosOf(key), "", errTwoMerges)
		default:
			merge = value
		}
	}
	if merge != nil && !d.Full() {
		d.merge(merge, base)
	}
}

var (
	errBadKey    = errors.New("a key must be a plain text")
	errTwoMerges = errors.New("a second <<; merge several mappings with <<: [*a, *b]")
	errNoValue   = errors.New("has no value; give it one, or remove it")
	// Neither says what is there: a password may begin with such a character.
	errTag          = errors.New("this tag is not supported; a text that begins with ! needs quotes")
	errKeyReference = errors.New("a key cannot hold a reference: ${...} is replaced in values only")
)

func (d *decoder) merge(n *yaml.Node, base func(*yaml.Node)) {
	bases := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		bases = n.Content
	}
	for _, b := range bases {
		switch {
		case b.Kind == yaml.AliasNode && b.Alias.Kind == yaml.MappingNode:
			if d.enter(b) {
				base(b.Alias)
				d.leave()
			}
		case b.Kind == yaml.MappingNode:
			base(b)
		default:
			d.ReportAt(document.PosOf(b), "<<", errors.New("want a mapping, or a list of mappings, to merge"))
		}
	}
}
