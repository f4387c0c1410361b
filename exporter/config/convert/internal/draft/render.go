package draft

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// Render returns the configuration as YAML, with a comment that begins with the title. Of the variables those are left
// that it refers to.
func (d *Draft) Render(title string) ([]byte, error) {
	body := &writer{}
	d.renderBody(body)
	d.Variables = slices.DeleteFunc(d.Variables, func(v Variable) bool {
		return !bytes.Contains(body.Bytes(), []byte("${"+v.Name+"}"))
	})
	w := &writer{}
	w.comment(title)
	w.notes("", d.Head)
	if len(d.Variables) > 0 {
		w.comment("", "Secrets are not written here. Set these variables, or write ${file:...} in their place:")
		for _, v := range d.Variables {
			w.comment(fmt.Sprintf("  %s (%s:%d: %s)", v.Name, v.From.File, v.From.Line, v.From.Path))
		}
	}
	w.Write(body.Bytes())
	return w.Bytes(), body.err
}

func (d *Draft) renderBody(w *writer) {
	defaults := d.hoist()
	if defaults.Len() > 0 {
		w.section("defaults", defaults.node())
	}
	if len(d.Maintenance) > 0 {
		w.section("maintenance", list(d.Maintenance, yaml.FlowStyle))
	}
	d.renderBases(w)
	w.line("")
	if d.Len() == 0 {
		w.line("checks: []")
	} else {
		w.line("checks:")
	}
	for _, c := range d.items {
		d.renderCheck(w, c)
	}
	for _, b := range d.bases {
		if !b.told && !b.written() { // no check is left of it
			d.Head = append(d.Head, b.Notes...)
		}
	}
}

// renderBases writes the settings that more than one check uses, each under an anchor.
func (d *Draft) renderBases(w *writer) {
	first := true
	for _, b := range d.bases {
		if !b.written() {
			continue
		}
		if first {
			w.line("")
			w.comment("What several checks have in common: they take it over with <<.")
			w.line("x-shared:")
			first = false
		}
		w.notes("  ", b.Notes)
		n := b.Settings.node()
		n.Anchor = b.anchor
		w.fragment("  ", mapping(scalar(b.Name), n))
	}
}

// written reports whether the base stands by itself.
func (b *Base) written() bool { return b != nil && b.uses > 1 && b.Settings.Len() > 0 }

func (d *Draft) renderCheck(w *writer, c *Check) {
	notes := c.Notes
	settings := c.whole()
	if c.Base.written() {
		settings = c.Settings
	} else if c.Base != nil && !c.Base.told && c.Kind != "" {
		notes = slices.Concat(c.Base.Notes, notes)
		c.Base.told = true
	}
	if c.Kind != "" || len(notes)+len(c.About) > 0 {
		w.line("")
	}
	for _, about := range c.About {
		w.indented("  ", about)
	}
	w.notes("  ", notes)
	if c.Kind == "" {
		return
	}
	kind := settings.node()
	if c.Base.written() {
		alias := &yaml.Node{Kind: yaml.AliasNode, Value: c.Base.anchor, Alias: c.Base.Settings.node()}
		kind.Content = append([]*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!merge", Value: "<<"}, alias}, kind.Content...)
	}
	whole := c.common().node()
	whole.Content = append(whole.Content, scalar(c.Kind), kind)
	w.fragment("  ", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{whole}})
}

// common returns the keys of a check beside its kind.
func (c *Check) common() *Settings {
	s := &Settings{}
	s.Set("endpoint", c.Endpoint)
	if string(c.Name) != c.Endpoint {
		s.Set("name", c.Name)
	}
	s.Set("interval", c.Interval)
	s.Set("timeout", c.Timeout)
	s.Set("failing_interval", c.FailingInterval)
	if c.FailureThreshold > 1 {
		s.Set("failure_threshold", c.FailureThreshold)
	}
	labels := &Settings{}
	for _, l := range c.Labels {
		labels.Set(l.Name, l.Value)
	}
	s.Set("labels", labels)
	s.Set("maintenance", c.Maintenance)
	return s
}

// node returns settings as a mapping.
func (s *Settings) node() *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range s.entries {
		var v *yaml.Node
		switch value := e.value.(type) {
		case *Settings:
			if value.Len() == 0 {
				continue
			}
			v = value.node()
		case []*Settings:
			v = list(value, 0)
		case []string:
			v = &yaml.Node{Kind: yaml.SequenceNode}
			for _, item := range value {
				v.Content = append(v.Content, scalar(item))
			}
		case []Secret:
			v = &yaml.Node{Kind: yaml.SequenceNode}
			for _, secret := range value {
				item := scalar(secret.Text)
				item.LineComment = secret.comment
				v.Content = append(v.Content, item)
			}
		case Flow:
			v = value.node()
		default:
			v = scalar(value)
		}
		v.LineComment = e.comment
		m.Content = append(m.Content, scalar(e.key), v)
	}
	return m
}

func list(items []*Settings, style yaml.Style) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, item := range items {
		m := item.node()
		m.Style = style
		n.Content = append(n.Content, m)
	}
	return n
}

func (f Flow) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, item := range f {
		if _, err := strconv.ParseUint(string(item), 10, 16); err == nil { // a status, which needs no quotes
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: string(item)})
			continue
		}
		n.Content = append(n.Content, scalar(item))
	}
	return n
}

func mapping(content ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: content}
}

func scalar(value any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}
	switch v := value.(type) {
	case string:
		n.Value = string(Quote(v))
	case Raw:
		n.Value = string(v)
		if line, ok := strings.CutSuffix(n.Value, "\n"); ok && !strings.Contains(line, "\n") { // a line to send
			n.Style = yaml.DoubleQuotedStyle
		}
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	case int:
		n.Tag, n.Value = "!!int", strconv.Itoa(v)
	case time.Duration:
		n.Value = duration(v)
	default:
		n.Value = fmt.Sprint(v)
	}
	return n
}

// duration returns a duration as one writes it: 1m, not 1m0s.
func duration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// writer puts the parts of a file together.
type writer struct {
	bytes.Buffer
	err error
}

func (w *writer) line(text string) {
	w.WriteString(text)
	w.WriteByte('\n')
}

func (w *writer) comment(lines ...string) {
	for _, line := range lines {
		w.indented("", line)
	}
}

// indented writes a comment of one line, whatever is in the text.
func (w *writer) indented(indent, text string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	w.line(strings.TrimRight(indent+"# "+text, " "))
}

func (w *writer) notes(indent string, notes []tree.Note) {
	notes = slices.Clone(notes)
	slices.SortStableFunc(notes, func(a, b tree.Note) int {
		if a.File != b.File {
			return 0
		}
		return cmp.Compare(a.Line, b.Line)
	})
	for _, n := range notes {
		w.indented(indent, "not taken over: "+n.String())
	}
}

func (w *writer) section(key string, n *yaml.Node) {
	w.line("")
	w.fragment("", mapping(scalar(key), n))
}

// fragment writes a part of the document, indented.
func (w *writer) fragment(indent string, n *yaml.Node) {
	text, err := yaml.Dump(n, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		w.err = err
		return
	}
	for line := range bytes.Lines(text) {
		if len(bytes.TrimSpace(line)) > 0 {
			w.WriteString(indent)
		}
		w.Write(line)
	}
}
