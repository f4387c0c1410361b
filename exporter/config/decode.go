package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// maxAliased bounds how many nodes are decoded through aliases: each alias repeats all below its anchor, and aliases
// in anchors multiply.
const maxAliased = 4_000_000

// decoder fills Go values from YAML nodes. Unlike package yaml it goes on after a mistake, knows the line and path of
// each, takes no unknown key, no repeated key and no null for a value, and expands references in scalars. It serves
// one configuration.
type decoder struct {
	expander
	file  string
	types typeSet
	errs  errorList

	path     []segment // of the node being decoded
	line     int       // of its key or list item
	aliases  []*yaml.Node
	aliased  int // nodes decoded through aliases
	dirDepth int // decoding below a type that has SetDirectory
}

// segment is one step of a path: a key, or an index with no key.
type segment struct {
	key   string
	index int
}

func (d *decoder) push(key string, index, line int) (oldLine int) {
	d.path = append(d.path, segment{key, index})
	oldLine, d.line = d.line, line
	return oldLine
}

func (d *decoder) pop(oldLine int) {
	d.path = d.path[:len(d.path)-1]
	d.line = oldLine
}

// report adds a mistake at the current node.
func (d *decoder) report(err error) { d.reportAt(d.line, "", err) }

func (d *decoder) errorf(format string, args ...any) { d.report(fmt.Errorf(format, args...)) }

// reportAt adds a mistake at a line, at the current path and the path below it.
func (d *decoder) reportAt(line int, below string, err error) {
	if len(d.errs.errs) == maxErrors { // save the work
		d.errs.dropped++
		return
	}
	d.errs.add(&Error{File: d.file, Line: max(line, 1), Path: joinPath(formatPath(d.path), below), Err: err})
}

// reportForeign adds a mistake that was found, and put into words, by the code of a type: with no more of an expanded
// value or a URL in it than the configuration shows.
func (d *decoder) reportForeign(err error) {
	text := redact(err.Error(), d.expansions)
	if e, ok := errors.AsType[*url.Error](err); ok {
		text = "not a valid URL: " + quotedText.ReplaceAllString(e.Err.Error(), `"…"`)
	}
	d.report(errors.New(text))
}

func joinPath(path, below string) string {
	if path == "" || below == "" || below[0] == '[' {
		return path + below
	}
	return path + "." + below
}

func formatPath(path []segment) string {
	var b []byte
	for _, s := range path {
		switch {
		case s.key == "" && s.index >= 0:
			b = strconv.AppendInt(append(b, '['), int64(s.index), 10)
			b = append(b, ']')
		case plainKey(s.key):
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, s.key...)
		default:
			b = strconv.AppendQuote(append(b, '['), shorten(s.key))
			b = append(b, ']')
		}
	}
	return string(b)
}

func plainKey(key string) bool {
	for i := range len(key) {
		if !wordByte(key[i]) {
			return false
		}
	}
	return key != "" && len(key) <= 64
}

// wordByte reports whether c is an ASCII letter or digit, an underscore or a hyphen.
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// decode fills v, which is addressable, from n.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, t *typeInfo) {
	if n.Kind == yaml.AliasNode && t.form != formNode {
		if d.enter(n) {
			d.decode(n.Alias, v, t)
			d.leave()
		}
		return
	}
	if !d.afford(1) {
		return
	}
	if n.Style&yaml.TaggedStyle != 0 && !slices.Contains(knownTags, n.Tag) {
		d.errorf("the tag %s is not supported", shorten(n.Tag))
		return
	}
	if t.setsDir {
		d.dirDepth++
	}
	d.decodeForm(n, v, t)
	if t.setsDir {
		// Only the outermost: it sets those within, and a relative path must be joined once.
		if d.dirDepth--; d.dirDepth == 0 {
			v.Addr().Interface().(directorySetter).SetDirectory(d.dir)
		}
	}
}

func (d *decoder) decodeForm(n *yaml.Node, v reflect.Value, t *typeInfo) {
	switch t.form {
	case formNode:
		v.Set(reflect.ValueOf(n))
	case formYAML:
		d.decodeYAML(n, v)
	case formPointer:
		p := reflect.New(t.elem.typ)
		before := d.errs.count()
		if d.decode(n, p.Elem(), t.elem); d.errs.count() == before {
			v.Set(p)
		}
	case formSlice:
		d.decodeSlice(n, v, t)
	case formMap:
		d.decodeMap(n, v, t)
	case formStruct:
		d.decodeStruct(n, v, t)
	case formUnsupported:
		d.errorf("cannot be set in a configuration file (%s)", t.typ)
	default:
		d.decodeScalar(n, v, t)
	}
}

// enter begins to decode what an alias stands for; leave ends it.
func (d *decoder) enter(alias *yaml.Node) bool {
	if slices.Contains(d.aliases, alias.Alias) {
		d.errorf("alias *%s stands for something that contains itself", alias.Value)
		return false
	}
	d.aliases = append(d.aliases, alias.Alias)
	return true
}

func (d *decoder) leave() { d.aliases = d.aliases[:len(d.aliases)-1] }

// afford counts nodes decoded through aliases, and returns false when there are too many.
func (d *decoder) afford(nodes int) bool {
	if len(d.aliases) == 0 {
		return true
	}
	if d.aliased > maxAliased {
		return false
	}
	if d.aliased += nodes; d.aliased > maxAliased {
		d.errorf("aliases repeat more than %d values", maxAliased)
		return false
	}
	return true
}

// decodeYAML lets the value decode itself. What it decodes goes through the decoder, so unknown keys and wrong types
// are found here, with their lines, even if the value then gives up.
func (d *decoder) decodeYAML(n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		d.report(errNoValue)
		return
	}
	err := v.Addr().Interface().(yamlUnmarshaler).UnmarshalYAML(func(target any) error {
		p := reflect.ValueOf(target)
		if p.Kind() != reflect.Pointer || p.IsNil() {
			return fmt.Errorf("cannot decode into a %T", target)
		}
		before := d.errs
		d.decode(n, p.Elem(), d.types.of(p.Elem().Type()))
		if d.errs.count() == before.count() {
			return nil
		}
		c := &collected{errs: slices.Clone(d.errs.errs[len(before.errs):]), dropped: d.errs.dropped - before.dropped}
		d.errs = before
		return c
	})
	if c, ok := errors.AsType[*collected](err); ok {
		for _, e := range c.errs {
			d.errs.add(e)
		}
		d.errs.dropped += c.dropped
	} else if err != nil {
		d.reportForeign(err)
	}
}

// collected carries mistakes through the code of a type, which may try something else instead.
type collected struct {
	errs    []*Error
	dropped int
}

func (c *collected) Error() string { return fmt.Sprintf("%d mistakes", len(c.errs)+c.dropped) }

func (d *decoder) decodeSlice(n *yaml.Node, v reflect.Value, t *typeInfo) {
	if n.Kind != yaml.SequenceNode {
		d.want("a list", n)
		return
	}
	v.Set(reflect.MakeSlice(t.typ, len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		line := d.push("", i, item.Line)
		d.decode(item, v.Index(i), t.elem)
		d.pop(line)
	}
}

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
		line := d.push(key.Value, -1, key.Line)
		defer d.pop(line)
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
	if isNull(n) && t.inline == nil {
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
		line := d.push(key.Value, -1, key.Line)
		defer d.pop(line)
		switch {
		case !ok && t.inline != nil:
			d.decodeInline(n, key, value, v.FieldByIndex(t.inline.index), t.inline.info, merged)
		case !ok:
			d.path = d.path[:len(d.path)-1] // the key is no part of the path: it is a mistake in the mapping
			d.unknownKey(n, key.Value, t)
			d.path = append(d.path, segment{key.Value, -1})
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

func (d *decoder) unknownKey(mapping *yaml.Node, key string, t *typeInfo) {
	keys := t.keys()
	if suggestion(key, keys) == "" && t.hint != nil {
		if hint := t.hint(mapping, key); hint != "" {
			d.errorf("unknown key %q; %s", shorten(key), hint)
			return
		}
	}
	d.report(unknown("key", key, keys))
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
	d.errorf("the key is already there, on line %d", first)
}

// eachPair calls pair for the keys and values of a mapping, and then base for each mapping merged into it with <<.
func (d *decoder) eachPair(n *yaml.Node, merged bool, pair func(key, value *yaml.Node), base func(*yaml.Node)) {
	if !d.afford(1 + len(n.Content)/2) {
		return
	}
	var merge *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!null":
			d.reportAt(key.Line, "", errBadKey)
		case key.Tag != "!!merge":
			pair(key, value)
		case merge != nil && !merged:
			d.reportAt(key.Line, "", errTwoMerges)
		default:
			merge = value
		}
	}
	if merge != nil {
		d.merge(merge, base)
	}
}

var (
	errBadKey    = errors.New("a key must be a plain text")
	errTwoMerges = errors.New("a second <<; merge several mappings with <<: [*a, *b]")
	errNoValue   = errors.New("has no value; give it one, or remove it")
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
			d.reportAt(b.Line, "<<", errors.New("want a mapping, or a list of mappings, to merge"))
		}
	}
}

func (d *decoder) decodeScalar(n *yaml.Node, v reflect.Value, t *typeInfo) {
	text, expanded, ok := d.text(n, t)
	if !ok {
		return
	}
	// Quotes make a text of what would be a number. With references they may be needed, so they mean nothing there.
	typed := func(tags ...string) bool { return expanded || slices.Contains(tags, n.Tag) }
	switch t.form {
	case formString:
		v.SetString(text)
	case formText:
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			d.reportForeign(err)
		}
	case formDuration:
		d.decodeDuration(n, v, text)
	case formTime:
		d.decodeTime(n, v, text)
	case formBool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil || len(text) < len("true") || !typed("!!bool") {
			d.want("true or false", n)
			return
		}
		v.SetBool(b)
	case formInt, formUint:
		if !typed("!!int") {
			d.want("a whole number", n)
			return
		}
		d.decodeInteger(n, v, text)
	case formFloat:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || !typed("!!int", "!!float") {
			d.want("a number", n)
			return
		}
		v.SetFloat(f)
	default:
	}
}

func (d *decoder) decodeDuration(n *yaml.Node, v reflect.Value, text string) {
	duration, err := time.ParseDuration(text)
	if err != nil {
		days, err := model.ParseDuration(text)
		if err != nil {
			d.want("a duration with its unit, such as 30s or 1m30s", n)
			return
		}
		duration = time.Duration(days)
	}
	v.SetInt(int64(duration))
}

// decodeTime takes a time as in RFC 3339, and makes it one of UTC, so that equal times are equal values.
func (d *decoder) decodeTime(n *yaml.Node, v reflect.Value, text string) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		d.want("a time with date and offset, such as 2026-12-24T18:00:00+01:00", n)
		return
	}
	v.Set(reflect.ValueOf(t.UTC()))
}

func (d *decoder) decodeInteger(n *yaml.Node, v reflect.Value, text string) {
	base := 10
	if unsigned := strings.TrimLeft(text, "+-"); len(unsigned) > 1 && unsigned[0] == '0' {
		if unsigned[1] >= '0' && unsigned[1] <= '9' {
			d.errorf("%s could be octal or decimal; drop the leading 0", show(n))
			return
		}
		base = 0
	}
	var err error
	var outOfRange bool
	if v.CanInt() {
		var i int64
		i, err = strconv.ParseInt(text, base, 64)
		outOfRange = errors.Is(err, strconv.ErrRange) || v.OverflowInt(i)
		v.SetInt(i)
	} else {
		var u uint64
		u, err = strconv.ParseUint(text, base, 64)
		outOfRange = errors.Is(err, strconv.ErrRange) || v.OverflowUint(u) || strings.HasPrefix(text, "-")
		v.SetUint(u)
	}
	switch {
	case outOfRange:
		d.errorf("%s is out of range", show(n))
	case err != nil:
		d.want("a whole number", n)
	}
}

// text returns the text of a scalar with its references expanded. It reports what is not a scalar with a value.
func (d *decoder) text(n *yaml.Node, t *typeInfo) (text string, expanded, ok bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.want(wanted[t.form], n)
		return "", false, false
	case isNull(n):
		d.report(errNoValue)
		return "", false, false
	}
	text, expanded, err := d.expand(n.Value)
	if err != nil {
		for _, e := range flatten(err) {
			d.report(e)
		}
		return "", false, false
	}
	return text, expanded, true
}

var knownTags = []string{"!", "!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!seq", "!!map"}

var wanted = [...]string{
	formText: "a text", formString: "a text", formDuration: "a duration such as 30s", formTime: "a time such as 2026-12-24T18:00:00+01:00",
	formBool: "true or false", formInt: "a whole number", formUint: "a whole number", formFloat: "a number",
}

// want reports that n is not what is wanted.
func (d *decoder) want(what string, n *yaml.Node) {
	if isNull(n) {
		d.report(errNoValue)
		return
	}
	d.errorf("want %s, not %s", what, show(n))
}

// show returns how a message names a node: a scalar by its text in the file, which holds references, not values.
func show(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	default:
		if strings.Contains(n.Value, "${") {
			return "the value of " + shorten(n.Value)
		}
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && n.Tag != "!!str" {
			return shorten(n.Value)
		}
		return strconv.Quote(shorten(n.Value))
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
