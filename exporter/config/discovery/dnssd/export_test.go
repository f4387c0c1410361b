package dnssd

import (
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// UseResolvConf makes path what says which servers to ask.
func UseResolvConf(t testing.TB, path string) {
	before, beforeSettings := resolvConf, readSettings
	resolvConf = path
	readSettings = func(path string) (*dns.ClientConfig, error) {
		c, err := beforeSettings(path)
		if p := port.Load(); err == nil && p != nil {
			c.Port = *p
		}
		return c, err
	}
	t.Cleanup(func() { resolvConf, readSettings = before, beforeSettings })
}

var port atomic.Pointer[string]

// UsePort makes p the port of the system's servers.
func UsePort(t testing.TB, p string) {
	port.Store(&p)
	t.Cleanup(func() { port.Store(nil) })
}
