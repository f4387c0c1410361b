package tcpcheck

import (
	"net"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// UseResolver makes c resolve host names with r.
func UseResolver(c healthcheck.Checker, r *net.Resolver) { c.(*checker).dialer.Resolver = r }
