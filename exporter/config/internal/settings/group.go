package settings

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
)

// Group is a check that stands for one for each of its targets.
type Group struct {
	Spec  discovery.Spec
	Place document.Place
	Index int
	body  *yaml.Node // the check without where its targets come from
}

// isPlain reports whether a check has none of the keys that make it more than what it says itself. Most are plain, and
// there may be many.
func isPlain(item *yaml.Node) bool {
	item = document.ResolveAlias(item)
	if item.Kind != yaml.MappingNode {
		return true
	}
	for i := 0; i < len(item.Content); i += 2 {
		switch key := item.Content[i]; {
		case key.Tag == "!!merge", key.Value == "template", slices.Contains(targetKeys, key.Value):
			return false
		}
	}
	return true
}

// groupKeys are the keys of a check that say where its targets come from.
type groupKeys struct {
	// Targets makes one check for each target of these sources. ${target.host} and the like refer to it.
	Targets []discovery.Config `yaml:"targets" example:"[{static: [a.example.com:443]}]"`
	// Relabel lists rules for the labels of targets, as in Prometheus: which targets there are, and what they are called.
	Relabel []*relabel.Config `yaml:"relabel" example:"[{source_labels: [env], regex: prod, action: keep}]"`
	// MaxTargets is how many targets may become checks; of more, those stay that come first by address.
	MaxTargets int `yaml:"max_targets" default:"10000" example:"500"`
}

var (
	targetKeys = []string{"targets", "relabel", "max_targets"}

	errNeedsTargets = errors.New(`says something of targets, and there are no "targets:"`)
	errSameEndpoint = errors.New("is the same for each target: refer to the target in it, as in web-${target.host}")
)

// Group reads the check with the index i if it is one for targets, and else returns false. The group is nil if there is
// a mistake in it.
func (r *Reader) Group(i int, item *yaml.Node) (g *Group, is bool) {
	if r.plain {
		return nil, false
	}
	if _, is = document.FindKey(item, "targets"); !is {
		return nil, false
	}
	defer r.Pop(r.Push("checks", -1, r.list))
	defer r.Pop(r.Push("", i, document.PosOf(item)))
	defer r.recoverPanic(r.Depth())
	before := r.Count()
	r.expansions = append(r.expansions[:0], r.file.Expansions...)
	g = &Group{Place: document.PlaceOf(item), Index: i, body: document.Without(item, targetKeys...)}
	var keys groupKeys
	r.decodeKey(item, "targets", reflect.ValueOf(&keys.Targets).Elem())
	r.decodeKey(item, "relabel", reflect.ValueOf(&keys.Relabel).Elem())
	r.decodeKey(item, "max_targets", reflect.ValueOf(&keys.MaxTargets).Elem())
	g.Spec = discovery.Spec{Check: g.Place.Raw("endpoint"), Sources: keys.Targets, Relabel: keys.Relabel, MaxTargets: keys.MaxTargets}
	if r.Count() == before {
		if err := g.Spec.Validate(); err != nil {
			for _, e := range document.Flatten(err) {
				r.reportBelow(g.Place, e, before)
			}
		}
	}
	if endpoint, ok := g.Place.Locate("endpoint"); ok {
		if text := r.table.Of(document.ResolveAlias(endpoint.Node)); text == nil || text.Err == nil && !text.OfTarget() {
			r.ReportAt(endpoint.Pos, "endpoint", errSameEndpoint)
		}
	}
	if !r.validTemplate(g.body) || r.Count() > before {
		return nil, true
	}
	return g, true
}

// decodeKey reads what is below one key of a mapping.
func (r *Reader) decodeKey(mapping *yaml.Node, key string, v reflect.Value) {
	at, ok := document.FindKey(mapping, key)
	if !ok {
		return
	}
	defer r.Pop(r.Push(key, -1, at.Pos))
	r.decode(at.Node, v, r.types.of(v.Type()))
}

// OfTarget reads the check of a group for one of its targets, as [Reader.Check] does.
func (r *Reader) OfTarget(g *Group, t discovery.Target) *Check {
	node, table, err := r.common.Table.Substitute(g.body, func(name string) (string, bool) { return valueOf(t, name) })
	if err != nil {
		defer r.Pop(r.Push("checks", -1, r.list))
		r.ReportAt(g.Place.Pos, fmt.Sprintf("[%d]", g.Index), err)
		return nil
	}
	outer := r.table
	r.table = table
	defer func() { r.table = outer }()
	r.plain = true // the keys that make it a group are off
	return r.read(g.Index, node, true)
}

// valueOf returns what a reference to a target stands for. As in Prometheus, a label that is not there is empty.
func valueOf(t discovery.Target, name string) (string, bool) {
	switch name {
	case "address":
		return t.Address, true
	case "host":
		return t.Host(), true
	case "port":
		port := t.Port()
		return port, port != ""
	}
	return t.Labels[strings.TrimPrefix(name, "labels.")], true
}

// Sample returns a target to try a group with that has none yet, and false if it would say nothing: where there are
// references to labels, of which nothing is known.
func (r *Reader) Sample(g *Group) (discovery.Target, bool) {
	known := true
	_, _, err := r.common.Table.Substitute(g.body, func(name string) (string, bool) {
		known = known && !strings.HasPrefix(name, "labels.")
		return "1", true
	})
	return discovery.Target{Address: "target.example:80"}, known && err == nil
}
