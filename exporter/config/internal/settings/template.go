package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// templates are the bodies that checks share, by name.
type templates map[string]template

type template struct {
	node   *yaml.Node
	file   string
	pos    document.Pos
	broken bool // has mistakes of its own, which were reported
}

// readTemplates reads the templates of a file, beside those that hold below the file that includes it. What is wrong with
// one is reported here, once, and not where it is used.
func (r *Reader) readTemplates(root document.Place, outer templates) templates {
	at, ok := root.Locate("templates")
	node := document.ResolveAlias(at.Node)
	if !ok || document.IsNull(node) {
		return outer
	}
	defer r.Pop(r.Push("templates", -1, at.Pos))
	if node.Kind != yaml.MappingNode {
		r.want("a mapping of names to what checks share", node)
		return outer
	}
	all := maps.Clone(outer)
	if all == nil {
		all = make(templates)
	}
	own := make(map[string]bool)
	r.eachPair(node, false, func(key, value *yaml.Node) {
		defer r.Pop(r.Push(key.Value, -1, document.PosOf(key)))
		if own[key.Value] {
			r.repeated(node, key)
			return
		}
		own[key.Value] = true
		if at, ok := document.FindKey(value, "template"); ok {
			r.ReportAt(at.Pos, "template", errors.New("a template cannot use another"))
		}
		all[key.Value] = template{node: value, file: r.Cursor.File, pos: document.PosOf(key), broken: !r.validTemplate(value)}
	}, func(*yaml.Node) { r.Report(errors.New("templates are named here one by one, without <<")) })
	return all
}

// validTemplate reports what is wrong with a template, whatever a check adds to it.
func (r *Reader) validTemplate(node *yaml.Node) bool {
	defer r.recoverPanic(r.Depth())
	before := r.Count()
	r.kinds = r.kinds[:0]
	r.ofTarget = true
	defer func() { r.ofTarget = false }()
	if document.ResolveAlias(node).Kind != yaml.MappingNode {
		r.want("a mapping with keys of a check", document.ResolveAlias(node))
		return false
	}
	var s check
	r.decode(node, reflect.ValueOf(&s).Elem(), r.check)
	if len(r.kinds) == 1 {
		r.readKind(&Check{mark: [2]int{before}})
	}
	return r.Count() == before
}

var errTemplateSize = errors.New("too large together with its template")

// withTemplate returns a check with what it has of its template, or nil if there is a mistake.
func (r *Reader) withTemplate(item *yaml.Node) *yaml.Node {
	at, ok := document.FindKey(item, "template")
	name := document.ResolveAlias(at.Node)
	if !ok || name.Kind != yaml.ScalarNode || document.IsNull(name) {
		return item // where decoding tells what is wrong
	}
	t, known := r.file.templates[name.Value]
	var err error
	switch {
	case !known:
		err = r.noSuchTemplate(name.Value)
	case t.broken && t.file == r.Cursor.File:
		return nil // which was reported
	case t.broken:
		err = fmt.Errorf("template %q has mistakes, at %s:%d", document.Shorten(name.Value), t.file, t.pos.Line)
	default:
		base, fits := t.node, true
		if t.file != r.Cursor.File { // its lines say nothing here
			base, fits = document.MoveTo(base, at.Pos, r.table.Copy)
		}
		merged, small := document.Merge(base, item)
		if fits && small {
			return merged
		}
		err = errTemplateSize
	}
	r.ReportAt(at.Pos, "template", err)
	return nil
}

// TemplateAt returns the place of a template that is in another file, as file:line, or nothing.
func (r *Reader) TemplateAt(name string) string {
	t, ok := r.file.templates[name]
	if !ok || t.file == r.Cursor.File {
		return ""
	}
	return fmt.Sprintf("%s:%d", t.file, t.pos.Line)
}

func (r *Reader) noSuchTemplate(name string) error {
	known := slices.Sorted(maps.Keys(r.file.templates))
	if s := document.Suggestion(name, known); s != "" {
		return fmt.Errorf("there is no template %q; did you mean %q?", document.Shorten(name), s)
	}
	return fmt.Errorf("there is no template %q", document.Shorten(name))
}
