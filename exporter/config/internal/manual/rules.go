package manual

import (
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// rules adds what the decoder says of no type and in no list. A test holds it against the decoder.
func (m *Manual) rules(n *Node) {
	if n.Shape.Type.String() == "maintenance.Window" {
		n.Ways = []Way{{[]string{"cron", "duration"}, []string{"timezone"}}, {Keys: []string{"from", "to"}}}
	}
	if p, ok := reflectNew(n).(interface{ Pattern() string }); ok {
		n.Pattern = p.Pattern()
	}
	if n.parent == nil {
		return
	}
	switch n.parent.String() + "." + n.Name {
	case "settings.check.endpoint":
		n.Pattern, n.MaxLength = `^[a-zA-Z0-9._-]*[a-zA-Z0-9_-][a-zA-Z0-9._-]*$`, 128
	case "settings.file.labels", "settings.defaults.labels", "settings.check.labels":
		n.NamePattern, n.NotNames = `^(?:[a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]*$|^_$`, healthcheck.ReservedLabels()
	case "settings.file.checks":
		n.Holds, n.Example = m.Check, "[{endpoint: web, http: {url: https://example.com/}}]"
	case "settings.file.templates":
		n.Holds, n.Named, n.Example = m.Check, true, "{web: {interval: 15s, http: {keep_alive: true}}}"
	}
	if n.Name == "min_version" || n.Name == "max_version" {
		n.Choices = tlsVersions()
	}
}

// example returns an example as a value, nil if there is none.
func (n *Node) example() any {
	switch {
	case n.Example != "":
		return n.Value(n.Example)
	case n.Shared != nil:
		return n.Shared.example()
	case n.Shape.Sort == settings.SortBool:
		return n.Default != "true"
	case len(n.Choices) > 0:
		return n.Choices[len(n.Choices)-1]
	case n.Shape.Sort == settings.SortKeys:
		return n.Least(nil)
	case n.Elem != nil && n.Shape.Sort == settings.SortList && n.Elem.example() != nil:
		return []any{n.Elem.example()}
	}
	return nil
}

// Value returns what a text in YAML stands for in a node.
func (n *Node) Value(text string) any {
	if s := n.Shape.Sort; s == settings.SortText || s == settings.SortOwnText || s == settings.SortDuration || s == settings.SortTime {
		return text
	}
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		panic("the tag " + text + ": " + err.Error())
	}
	v := Value(&root)
	return v
}
