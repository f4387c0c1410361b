package config

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
)

// explained is what is shown of a check beside what it is.
type explained struct {
	place   document.Place // of the check together with its template
	kind    *yaml.Node
	windows []maintenance.Window
	file    *file
	// What comes from a template of another file stands where the check names it.
	template document.Pos
	shared   string // where that template is
}

func explain(f *file, c *settings.Check) *explained {
	e := &explained{place: c.Place, windows: c.Windows, file: f}
	if c.Config != nil {
		e.kind = f.reader.Shown(c)
	}
	if at, ok := c.Place.Locate("template"); ok {
		e.template, e.shared = at.Pos, f.reader.TemplateAt(c.Place.Raw("template"))
	}
	return e
}

// Explain writes the effective configuration as YAML: defaults, templates and targets filled in, secrets as their
// references. The checks have to be loaded with [Options.Explain]. If endpoint is not empty it is that check alone, and
// comments say where each value comes from; there being none is an error that has the nearest names.
func (c *Config) Explain(w io.Writer, endpoint string) error {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.Checks {
		check := &c.Checks[i]
		if check.explained == nil || endpoint != "" && check.Endpoint != endpoint {
			continue
		}
		list.Content = append(list.Content, check.node(endpoint != ""))
	}
	if endpoint != "" && len(list.Content) == 0 {
		return noCheck(endpoint, c.Checks)
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	if endpoint == "" {
		pair(root, "name", text(c.Name), c.Name != "")
		pair(root, "version", text(c.Version), c.Version != "")
	}
	pair(root, "checks", list, true)
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return err
	}
	return enc.Close()
}

func noCheck(endpoint string, checks []Check) error {
	names := make([]string, len(checks))
	for i := range checks {
		names[i] = checks[i].Endpoint
	}
	if s := document.Suggestion(endpoint, names); s != "" {
		return fmt.Errorf("no check has the endpoint %q; did you mean %q?", document.Shorten(endpoint), s)
	}
	return fmt.Errorf("no check has the endpoint %q", document.Shorten(endpoint))
}

// pair adds a key and its value to a mapping, if there is one.
func pair(mapping *yaml.Node, key string, value *yaml.Node, there bool) {
	if there {
		mapping.Content = append(mapping.Content, text(key), value)
	}
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

func scalar(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }

// node returns the check as YAML, with comments that say where each value comes from.
func (c *Check) node(origins bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key string, value *yaml.Node, there bool) {
		if there && origins {
			value.LineComment = c.origin(key)
		}
		pair(n, key, value, there)
	}
	add("endpoint", text(c.Endpoint), true)
	add("name", text(c.Name), true)
	add("interval", scalar(c.Interval.String()), true)
	add("timeout", scalar(c.Timeout.String()), true)
	add("initial_delay", scalar(c.InitialDelay.String()), c.InitialDelay > 0)
	add("failing_interval", scalar(c.FailingInterval.String()), c.FailingInterval > 0)
	add("failure_threshold", scalar(strconv.Itoa(c.FailureThreshold)), true)
	add("success_threshold", scalar(strconv.Itoa(c.SuccessThreshold)), true)
	add("optional", scalar("true"), c.Optional)
	add("depends_on", texts(c.DependsOn), len(c.DependsOn) > 0)
	labels := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		value := text(c.Labels[name])
		if origins {
			value.LineComment = c.labelOrigin(name)
		}
		pair(labels, name, value, true)
	}
	pair(n, "labels", labels, len(c.Labels) > 0)
	pair(n, "maintenance", windowsNode(c.explained.windows), len(c.explained.windows) > 0)
	metrics := &yaml.Node{Kind: yaml.MappingNode}
	pair(metrics, "profile", text(c.Metrics), true)
	pair(n, "metrics", metrics, c.Metrics != "")
	if c.explained.kind != nil {
		if origins {
			c.comment(c.explained.kind)
		}
		pair(n, c.Kind, c.explained.kind, true)
	}
	return n
}

func texts(list []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, s := range list {
		n.Content = append(n.Content, text(s))
	}
	return n
}

func windowsNode(windows []maintenance.Window) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, w := range windows {
		n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		pair(n, "cron", text(w.Cron), w.Cron != "")
		pair(n, "duration", scalar(w.Duration.String()), w.Duration > 0)
		pair(n, "timezone", text(w.Timezone), w.Timezone != "")
		pair(n, "from", text(w.From.Format(time.RFC3339)), !w.From.IsZero())
		pair(n, "to", text(w.To.Format(time.RFC3339)), !w.To.IsZero())
		list.Content = append(list.Content, n)
	}
	return list
}

// origin returns where a key of the check comes from.
func (c *Check) origin(key string) string {
	if at, ok := c.explained.place.Locate(key); ok {
		return c.at(at.Pos)
	}
	f := c.explained.file
	if at, ok := f.document.Root.Locate("defaults." + key); ok {
		return "defaults, " + c.at(at.Pos)
	}
	if f.outer != nil {
		if at, ok := f.outer.document.Root.Locate("defaults." + key); ok {
			return fmt.Sprintf("defaults, %s:%d", f.outer.path, at.Line)
		}
	}
	return "default"
}

// labelOrigin returns where a label comes from.
func (c *Check) labelOrigin(name string) string {
	path := document.FormatPath([]document.Segment{{Key: "labels", Index: -1}, {Key: name, Index: -1}})
	if at, ok := c.explained.place.Locate(path); ok {
		return c.at(at.Pos)
	}
	for f := c.explained.file; f != nil; f = f.outer {
		for _, path := range []string{"defaults." + path, path} {
			if at, ok := f.document.Root.Locate(path); ok {
				return fmt.Sprintf("%s:%d", f.path, at.Line)
			}
		}
	}
	return "default"
}

func (c *Check) at(p document.Pos) string {
	if c.explained.shared != "" && p == c.explained.template {
		return "template, " + c.explained.shared
	}
	return fmt.Sprintf("%s:%d", c.File, p.Line)
}

// comment says of each scalar where it comes from.
func (c *Check) comment(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		n.Style &^= yaml.FlowStyle
		for i := 1; i < len(n.Content); i += 2 {
			if value := n.Content[i]; value.Kind == yaml.ScalarNode || value.Style&yaml.FlowStyle != 0 && value.Kind == yaml.SequenceNode {
				value.LineComment = c.at(document.PosOf(n.Content[i-1]))
			} else {
				c.comment(value)
			}
		}
		return
	}
	for _, item := range n.Content {
		c.comment(item)
	}
}
