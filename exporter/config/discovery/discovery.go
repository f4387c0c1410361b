// Package discovery finds the targets of checks: in a list, files, an HTTP server's answer, DNS, Kubernetes and Consul,
// with the keys, formats and meta labels of Prometheus' discovery, and its relabelling.
//
// A target that stays keeps its [Target.ID], whatever the order of the list it is in, and so does one whose labels
// change. A source that fails keeps the targets that it had. An empty answer is believed; one that is cut, malformed,
// or no answer to the question is not.
//
// Of Prometheus' own packages there is model/relabel. Those of its discovery tell failures to nobody but the log, read
// answers of any size, take a folder that cannot be read for one without files, and, for Kubernetes and Consul, bring 35
// MiB of clients.
package discovery

import (
	"net"
	"strings"
)

// Target is what a check is to be made for.
type Target struct {
	// ID tells targets of one check apart, for as long as they are there. It means nothing to another process.
	ID uint64
	// Address is what relabelling has left in __address__: a host with or without a port, a URL, or whatever the rules
	// have made of it.
	Address string
	// Labels are those that relabelling has left, without __address__, and what begins with __meta_ or __tmp. They are
	// not to be changed.
	Labels map[string]string
	// Source is the index in [Spec.Sources] of the first source that had the target.
	Source int
}

// Host returns the address without the port, and without the brackets of an IPv6 address.
func (t Target) Host() string {
	if host, _, err := net.SplitHostPort(t.Address); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(t.Address, "["), "]")
}

// Port returns the port of the address, or nothing if it has none.
func (t Target) Port() string {
	_, port, err := net.SplitHostPort(t.Address)
	if err != nil {
		return ""
	}
	return port
}

// Sanitize makes a name one that an endpoint may have: what is none of a-z, A-Z, 0-9, ".", "_" and "-" becomes an
// underscore, each character one.
func Sanitize(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, name)
}
