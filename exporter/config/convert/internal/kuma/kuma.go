// Package kuma converts backups and exports of uptime-kuma: the JSON of its backup (version 1), and lists of monitors as
// its API returns them (versions 1 and 2).
//
// The format is that of Monitor.toJSON in uptime-kuma's server/model/monitor.js; what a monitor does, its function start.
package kuma

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// defaultInterval is that of a monitor that says nothing.
const defaultInterval = time.Minute

type converter struct {
	draft   *draft.Draft
	byID    map[string]*tree.Node // monitors
	proxies map[string]*tree.Node
}

// IsMonitor reports whether the first item of a list is a monitor.
func IsMonitor(list *tree.Node) bool {
	parts := list.Parts()
	return len(parts) > 0 && parts[0].Has("type") && parts[0].Has("name") && (parts[0].Has("interval") || parts[0].Has("accepted_statuscodes"))
}

// Convert adds a check for each monitor.
func Convert(d *draft.Draft, roots []*tree.Node) {
	c := &converter{draft: d, byID: make(map[string]*tree.Node), proxies: make(map[string]*tree.Node)}
	var monitors []*tree.Node
	for _, root := range roots {
		monitors = append(monitors, c.monitors(root.Use())...)
	}
	for _, m := range monitors {
		c.byID[m.Peek("id")] = m
	}
	for _, m := range monitors {
		c.monitor(m)
	}
	for _, root := range roots {
		c.rest(root)
		root.Sweep()
	}
}

// monitors returns the monitors of a file: a list, or the values of a mapping by their numbers.
func (c *converter) monitors(root *tree.Node) []*tree.Node {
	for _, p := range root.At("proxyList").Parts() {
		c.proxies[p.Peek("id")] = p
	}
	if root.Kind == tree.List {
		return root.Parts()
	}
	return root.Get("monitorList").Parts()
}

// rest takes what is in a file beside monitors.
func (c *converter) rest(root *tree.Node) {
	root.IgnoreKeys("it is that of uptime-kuma", "version")
	if n := root.At("notificationList"); len(n.Parts()) > 0 {
		n.Refuse("notifications are sent by Alertmanager")
	} else {
		n.Ignore("it is empty")
	}
	for _, p := range root.Get("proxyList").Parts() {
		if p.Fate() == tree.Unseen {
			p.Ignore("no monitor that is taken over uses it")
		}
	}
}

// place stands where a check would be.
func (c *converter) place(n *tree.Node, format string, args ...any) {
	place := &draft.Check{From: n}
	if name := n.Peek("name"); name != "" {
		place.About = []string{fmt.Sprintf("%.200s:", name)}
	}
	back := c.draft.Ledger.At(&place.Notes)
	defer back()
	n.Refuse(format, args...)
	c.draft.Add(place)
}

// makers make checks of types of monitors.
var makers = map[string]func(*monitor, *draft.Settings){
	"http":       (*monitor).http,
	"keyword":    (*monitor).http,
	"json-query": (*monitor).http,
	"port":       (*monitor).port,
	"dns":        (*monitor).dns,
}

// monitor converts a monitor.
func (c *converter) monitor(n *tree.Node) {
	kind := n.Peek("type")
	if n.Kind != tree.Map {
		n.Refuse("want a monitor here")
		return
	}
	if kind == "group" {
		n.Ignore("its members have its name in the label group")
		return
	}
	if active, ok := n.Bool("active"); ok && !active {
		c.place(n, "it is paused")
		return
	}
	maker := makers[kind]
	switch upside, _ := n.Bool("upsideDown"); {
	case maker == nil:
		c.place(n, "there is no kind of check for the type %.30q", kind)
		return
	case upside:
		c.place(n, "it is upside down: a check that is OK when it fails is not known here")
		return
	}
	m := &monitor{converter: c, node: n, kind: kind}
	m.convert(maker)
}

// monitor is a monitor on its way to a check.
type monitor struct {
	*converter
	node  *tree.Node
	kind  string
	check *draft.Check
}

func (m *monitor) convert(protocol func(*monitor, *draft.Settings)) {
	n := m.node.Use()
	name := n.Text("name")
	n.Get("type")
	m.check = &draft.Check{From: n, Name: draft.Quote(name), Settings: &draft.Settings{}}
	back := m.draft.Ledger.At(&m.check.Notes)
	defer back()
	groups := m.groups()
	m.check.Endpoint = m.draft.Endpoint(n.Peek("id")+" "+name, append(slices.Clone(groups), name)...)
	if len(groups) > 0 {
		m.label(n.Get("parent"), "group", strings.Join(groups, "/"))
	}
	m.times()
	for _, tag := range n.List("tags") {
		m.tag(tag)
	}
	if about := n.Text("description"); about != "" {
		m.check.About = append(m.check.About, fmt.Sprintf("%.500s", about))
	}
	protocol(m, m.check.Settings)
	m.leave()
	n.Sweep()
	m.draft.Add(m.check)
}

// maxGroups is how many groups may be in each other.
const maxGroups = 20

// groups returns the names of the groups that the monitor is in, the outermost first.
func (m *monitor) groups() []string {
	var groups []string
	for n := m.node; n.Peek("parent") != "" && len(groups) < maxGroups; {
		parent := m.byID[n.Peek("parent")]
		if parent == nil {
			m.node.Get("parent").Remark("the group is not in the file")
			break
		}
		groups = append([]string{parent.Peek("name")}, groups...)
		n = parent
	}
	return groups
}

// times takes interval, timeout and retries: a monitor is down when it has failed once and then at each retry.
func (m *monitor) times() {
	n, c := m.node, m.check
	c.Interval = defaultInterval
	if d, ok := n.Seconds("interval"); ok && d > 0 {
		c.Interval = d
	}
	if d, ok := n.Seconds("timeout"); ok && d > 0 {
		c.Timeout = d
	} else if m.kind != "port" && m.kind != "dns" {
		c.Timeout = c.Interval * 8 / 10 // as uptime-kuma has it
	}
	retries, _ := n.Int("maxretries")
	if retries <= 0 {
		n.IgnoreKeys("there are no retries", "retryInterval")
		return
	}
	c.FailureThreshold = retries + 1
	switch d, ok := n.Seconds("retryInterval"); {
	case !ok || d <= 0:
	case d > c.Interval:
		n.Get("retryInterval").Refuse("a failing check cannot run less often: it runs at its interval")
	case d < c.Interval:
		c.FailingInterval = d
	}
}

// tag takes a tag as a label.
func (m *monitor) tag(tag *tree.Node) {
	tag.IgnoreKeys("it is about the page", "id", "tag_id", "monitor_id", "color")
	name, value := tag.Text("name"), tag.Text("value")
	if name == "" {
		tag.Refuse("has no name")
		return
	}
	if value == "" {
		value = "true"
	}
	m.label(tag, name, value)
}

// label sets a label, or says why it cannot be.
func (m *monitor) label(from *tree.Node, name, value string) {
	if err := m.check.SetLabel(name, draft.Quote(value)); err != nil {
		from.Refuse("%v", err)
	}
}
