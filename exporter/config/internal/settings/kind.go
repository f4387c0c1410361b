package settings

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// readKind reads the configuration of the check's kind.
func (r *Reader) readKind(c *Check) {
	kind, ok := r.onlyKind(c.mark[0])
	if !ok {
		return
	}
	from := r.Push(kind.name, -1, kind.Pos)
	defer r.Pop(from)
	defer r.recoverPanic(r.Depth())
	config := r.configOf(kind.name)
	c.kind, c.Kind = kind, kind.name
	c.mark[1], c.outside = r.Count(), len(r.expansions)
	if !document.IsNull(document.ResolveAlias(kind.Node)) { // null is a kind without settings, whose constructor says what it needs
		r.decode(kind.Node, config.Elem(), r.types.of(config.Type().Elem()))
	}
	if !r.Unreadable(c.mark[1]) {
		c.Config = config.Interface()
	}
}

// configOf returns a pointer to a zero configuration of the kind.
func (r *Reader) configOf(name string) reflect.Value {
	config, ok := r.common.configs[name]
	if !ok {
		config = reflect.New(r.common.Kinds[name])
		r.common.configs[name] = config
		r.types.of(r.common.Kinds[name]).hint = r.settingOfCheck
	}
	config.Elem().SetZero()
	return config
}

// onlyKind returns the kind of the current check, and reports none or too many.
func (r *Reader) onlyKind(before int) (kindNode, bool) {
	switch len(r.kinds) {
	case 1:
		return r.kinds[0], true
	case 0:
		// An unknown key is most likely the kind, misspelt.
		if !r.HasUnknownKey(before) {
			r.Errorf("says not what to check: add one of %s", strings.Join(r.common.names, ", "))
		}
	default:
		for _, k := range r.kinds[1:] {
			r.ReportAt(k.Pos, "", fmt.Errorf("has two kinds, %s (line %d) and %s; make it two checks", r.kinds[0].name, r.kinds[0].Line, k.name))
		}
	}
	return kindNode{}, false
}

// settingOfKind says to which kind a key belongs that was found beside the kind.
func (r *Reader) settingOfKind(mapping *yaml.Node, key string) string {
	for _, name := range r.common.names {
		if _, ok := document.FindKey(mapping, name); !ok {
			continue
		}
		if _, ok := r.types.of(r.common.Kinds[name]).index[key]; ok {
			return fmt.Sprintf("it belongs below %q: indent it further", name+":")
		}
	}
	return ""
}

// settingOfCheck says that a key belongs beside the kind that it was found below.
func (r *Reader) settingOfCheck(_ *yaml.Node, key string) string {
	if i, ok := r.check.index[key]; ok && i < len(r.check.fields) {
		return `it belongs to the check, beside "endpoint:": indent it less`
	}
	return ""
}
