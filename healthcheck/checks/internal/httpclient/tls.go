package httpclient

import (
	"crypto/tls"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// hostTLS is the configuration to connect to one host with.
type hostTLS struct {
	base   *tls.Config // what config was made from
	host   string
	own    bool
	config *tls.Config
}

// tlsFor returns the configuration for the host of h: the last one if nothing has changed.
func tlsFor(source *certs.Source, last *hostTLS, h *hop) (*hostTLS, error) {
	base, err := source.Config()
	if err != nil {
		return nil, err
	}
	host := h.address.ServerName()
	if last != nil && last.base == base && last.host == host && last.own == h.own {
		return last, nil
	}
	cfg := settingsFor(base, h.own)
	cfg.NextProtos = []string{"http/1.1"}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return &hostTLS{base: base, host: host, own: h.own, config: cfg}, nil
}

// settingsFor returns a copy of cfg. Server name and client certificate are for the host of the configuration only, not
// for another one that it redirects to, nor for a proxy.
func settingsFor(cfg *tls.Config, own bool) *tls.Config {
	cfg = cfg.Clone()
	if !own {
		cfg.ServerName, cfg.Certificates, cfg.GetClientCertificate = "", nil, nil
	}
	return cfg
}
