// Package blackbox converts modules of blackbox_exporter, and the scrape jobs of Prometheus that use them.
//
// The formats are those of CONFIGURATION.md of blackbox_exporter, and of Prometheus' page "Configuration".
package blackbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// module is a module of blackbox_exporter, made ready for the targets of jobs.
type module struct {
	node    *tree.Node
	name    string
	read    bool
	kind    string // of ours; empty: there can be no check of it
	why     string // there can be none
	address string // the key of our kind that takes the target
	timeout time.Duration
	base    *draft.Base
}

// addModules takes the modules of a file. They are read when a job uses them.
func (c *converter) addModules(root *tree.Node) {
	root.Use()
	for _, node := range root.Map("modules").Parts() {
		if c.modules[node.Key()] != nil {
			node.Refuse("an earlier file has a module with this name")
			continue
		}
		m := &module{node: node, name: node.Key()}
		c.modules[m.name] = m
		c.order = append(c.order, m)
	}
}

// proberKinds are our kinds by the probers that they stand for.
var proberKinds = map[string]struct {
	kind, address string
	read          func(*converter, *module, *tree.Node)
}{
	"http": {"http", "url", (*converter).readHTTP},
	"tcp":  {"tcp", "address", (*converter).readTCP},
	"dns":  {"dns", "server", (*converter).readDNS},
}

// readModule reads a module once. What cannot be taken over of it is noted where its settings stand in the output.
func (c *converter) readModule(m *module) {
	if m.read {
		return
	}
	m.read = true
	m.node.Use()
	m.base = c.draft.NewBase(m.name)
	prober := m.node.Text("prober")
	known, ok := proberKinds[prober]
	if !ok {
		m.refuse("there is no kind of check for the prober %.20q", prober)
		return
	}
	back := c.draft.Ledger.At(&m.base.Notes)
	defer back()
	m.kind, m.address = known.kind, known.address
	m.timeout, _ = m.node.Duration("timeout")
	settings := m.node.Map(prober)
	known.read(c, m, settings)
	for _, other := range []string{"http", "tcp", "dns", "icmp", "grpc", "unix", "websocket"} {
		if other != prober {
			m.node.IgnoreKeys("these are settings of another prober than that of the module", other)
		}
	}
	m.node.Sweep()
}

// refuse says that there can be no check of the module.
func (m *module) refuse(format string, args ...any) {
	m.kind, m.why = "", fmt.Sprintf(format, args...)
	m.node.Refuse("%s", m.why)
}

// preference takes the settings of the IP protocol. Only where there is no way back do they mean a restriction.
func (c *converter) preference(m *module, n *tree.Node, key string) {
	fallback, given := n.Bool("ip_protocol_fallback")
	preferred := n.Get("preferred_ip_protocol")
	protocol, _ := preferred.Scalar()
	switch {
	case !given || fallback:
		preferred.Refuse("a preference is not known here: both protocols are tried, in the order of the system")
	case key == "":
		n.Get("ip_protocol_fallback").Refuse("the IP protocol of this kind cannot be restricted")
	case protocol == "":
		m.base.Settings.Set(key, "ip6")
	default:
		m.base.Settings.Set(key, protocol)
	}
}

// tls takes a tls_config of Prometheus, whose keys are ours too.
func (c *converter) tls(owner string, n *tree.Node, into *draft.Settings) {
	t := n.Map("tls_config")
	if t == nil {
		return
	}
	s := &draft.Settings{}
	copyTexts(t, s, "ca", "ca_file", "cert", "cert_file")
	if key := t.Get("key"); key != nil {
		text, _ := key.Scalar()
		s.Set("key", c.draft.Secret(owner, "tls_key", key, draft.Quote(text)))
	}
	copyTexts(t, s, "key_file", "server_name")
	copyBools(t, s, "insecure_skip_verify")
	copyTexts(t, s, "min_version", "max_version")
	into.Set("tls_config", s)
}

func copyTexts(n *tree.Node, s *draft.Settings, keys ...string) {
	for _, key := range keys {
		s.Set(key, n.Text(key))
	}
}

func copyBools(n *tree.Node, s *draft.Settings, keys ...string) {
	for _, key := range keys {
		if value, ok := n.Bool(key); ok {
			s.Set(key, value)
		}
	}
}

// readTCP reads a tcp_probe.
func (c *converter) readTCP(m *module, n *tree.Node) {
	s := m.base.Settings
	tls, given := n.Bool("tls")
	if given && tls {
		s.Set("tls", true)
	}
	steps := n.List("query_response")
	s.Set("dialog", c.dialog(m, steps))
	if tls {
		c.tls(m.name, n, s)
	} else {
		n.IgnoreKeys("it has no effect without tls", "tls_config")
	}
	c.preference(m, n, "")
	n.RefuseKeys("the source address cannot be chosen", "source_ip_address")
}

// dialog returns the steps of a query_response up to the first that cannot be. An item of blackbox_exporter expects
// first and then sends a line, to which it adds the line end; a step of ours sends first.
func (c *converter) dialog(m *module, items []*tree.Node) []*draft.Settings {
	var steps []*draft.Settings
	for i, item := range items {
		if starttls, _ := item.Bool("starttls"); starttls {
			for _, rest := range items[i:] {
				rest.Refuse("STARTTLS is not known here: the dialog ends before it")
			}
			return steps
		}
		expect, expectBytes, send := item.Text("expect"), item.Text("expect_bytes"), item.Text("send")
		if (expect != "" || expectBytes != "") && strings.Contains(send, "$") {
			for _, rest := range items[i:] {
				rest.Refuse("what was received cannot be sent back: the dialog ends before it")
			}
			return steps
		}
		item.RefuseKeys("parts of the answer do not become labels", "labels")
		if expect != "" || expectBytes != "" {
			steps = append(steps, new(draft.Settings).Set("expect", expect).Set("expect_bytes", expectBytes))
		}
		if send != "" {
			steps = append(steps, new(draft.Settings).Set("send", c.draft.Body(m.name, "send", item.Get("send"), draft.Quote(send)).Line()))
		}
	}
	return steps
}
