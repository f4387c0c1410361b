package kuma

import (
	"net"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
)

// port makes a check of the type port: that a TCP port takes connections.
func (m *monitor) port(s *draft.Settings) {
	m.check.Kind = "tcp"
	s.Set("address", net.JoinHostPort(strings.Trim(m.node.Text("hostname"), "[]"), m.node.Text("port")))
}

// dns makes a check of the type dns.
func (m *monitor) dns(s *draft.Settings) {
	n := m.node
	m.check.Kind = "dns"
	s.Set("name", n.Text("hostname"))
	s.Set("type", n.Text("dns_resolve_type"))
	servers := strings.FieldsFunc(n.Text("dns_resolve_server"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(servers) > 1 {
		n.Get("dns_resolve_server").Remark("one server can be asked; it is the first")
	}
	if len(servers) > 0 {
		server := servers[0]
		if port := n.Text("port"); port != "" && port != "53" {
			server = net.JoinHostPort(strings.Trim(server, "[]"), port)
		}
		s.Set("server", server)
	}
	if conditions := n.Get("conditions"); len(conditions.Parts()) > 0 {
		conditions.Refuse("conditions on the records are not taken over")
	}
}
