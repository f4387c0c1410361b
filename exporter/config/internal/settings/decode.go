package settings

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// maxAliased bounds how many nodes are decoded through aliases: each alias repeats all below its anchor, and aliases
// in anchors multiply.
const maxAliased = 4_000_000

// decoder fills Go values from YAML nodes. Unlike package yaml it goes on after a mistake, knows the place of each, takes
// no unknown key, no repeated key and no null for a value, and knows what references stand for. It reads one file.
type decoder struct {
	*document.Cursor
	dir   string
	table *reference.Table
	types typeSet

	expansions []reference.Expansion // of what was decoded, since the last reset
	aliases    []*yaml.Node
	aliased    int  // nodes decoded through aliases
	dirDepth   int  // decoding below a type that has SetDirectory
	stepDepth  int  // decoding below a type whose texts are templates
	ofTarget   bool // references to a target may stand for what they do not stand for yet
}

// reportForeign adds a mistake that was found, and put into words, by the code of a type: with no more of an expanded
// value or a URL in it than the configuration shows.
func (d *decoder) reportForeign(err error) {
	text := reference.Redact(err.Error(), d.expansions)
	if e, ok := errors.AsType[*url.Error](err); ok {
		text = "not a valid URL: " + secret.ReplaceQuoted(e.Err.Error(), func(string) (string, bool) { return secret.Mark, true })
	}
	d.Report(errors.New(text))
}

// withoutText returns an error with the text of the scalar n, which it may repeat, cut out.
func withoutText(err error, n *yaml.Node) error {
	_, isURL := errors.AsType[*url.Error](err) // which is cut as a whole
	if isURL || n.Kind != yaml.ScalarNode || n.Value == "" || !strings.Contains(err.Error(), n.Value) {
		return err
	}
	return errors.New(strings.TrimSuffix(strings.ReplaceAll(err.Error(), n.Value, "…"), ": …"))
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
		d.Report(errTag)
		return
	}
	if d.ofTarget && n.Kind == yaml.ScalarNode && t.form != formString && t.form != formNode {
		if text := d.table.Of(n); text != nil && text.OfTarget() {
			return // what it will be is not known yet
		}
	}
	if t.setsDir {
		d.dirDepth++
	}
	if t.ofSteps {
		d.stepDepth++
	}
	d.decodeForm(n, v, t)
	if t.ofSteps {
		d.stepDepth--
	}
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
		before := d.Count()
		if d.decode(n, p.Elem(), t.elem); d.Count() == before {
			v.Set(p)
		}
	case formSlice:
		d.decodeSlice(n, v, t)
	case formMap:
		d.decodeMap(n, v, t)
	case formStruct:
		d.decodeStruct(n, v, t)
	case formUnsupported:
		d.Errorf("cannot be set in a configuration file (%s)", t.typ)
	default:
		d.decodeScalar(n, v, t)
	}
}

// enter begins to decode what an alias stands for; leave ends it.
func (d *decoder) enter(alias *yaml.Node) bool {
	if slices.Contains(d.aliases, alias.Alias) {
		d.Errorf("alias *%s stands for something that contains itself", alias.Value)
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
		d.Errorf("aliases repeat more than %d values", maxAliased)
		return false
	}
	return true
}

// decodeYAML lets the value decode itself. What it decodes goes through the decoder, so unknown keys and wrong types
// are found here, with their lines, even if the value then gives up.
func (d *decoder) decodeYAML(n *yaml.Node, v reflect.Value) {
	if document.IsNull(n) {
		d.Report(errNoValue)
		return
	}
	err := v.Addr().Interface().(yamlUnmarshaler).UnmarshalYAML(func(target any) error {
		p := reflect.ValueOf(target)
		if p.Kind() != reflect.Pointer || p.IsNil() {
			return fmt.Errorf("cannot decode into a %T", target)
		}
		before := d.Count()
		d.decode(n, p.Elem(), d.types.of(p.Elem().Type()))
		if d.Count() == before {
			return nil
		}
		return &collected{d.Take(before)}
	})
	if c, ok := errors.AsType[*collected](err); ok {
		for _, e := range c.errs {
			d.Add(e)
		}
	} else if err != nil {
		d.reportForeign(withoutText(err, n))
	}
}

// collected carries mistakes through the code of a type, which may try something else instead.
type collected struct{ errs []*document.Error }

func (c *collected) Error() string { return fmt.Sprintf("%d mistakes", len(c.errs)) }

func (d *decoder) decodeSlice(n *yaml.Node, v reflect.Value, t *typeInfo) {
	if n.Kind != yaml.SequenceNode {
		d.want("a list", n)
		return
	}
	v.Set(reflect.MakeSlice(t.typ, len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		if d.Full() {
			return
		}
		from := d.Push("", i, document.PosOf(item))
		d.decode(item, v.Index(i), t.elem)
		d.Pop(from)
	}
}
