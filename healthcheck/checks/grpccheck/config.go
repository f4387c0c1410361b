// Package grpccheck checks that a gRPC server says of its services that they are serving, by the protocol
// grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
//
// What the library that it uses logs is up to the program: see google.golang.org/grpc/grpclog.
package grpccheck

import (
	"slices"
	"time"

	"github.com/prometheus/common/config"
	"golang.org/x/net/http/httpguts"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "grpc"

const (
	maxServices = 50
	maxName     = 200 // bytes of the name of a service
)

// Config says which server to ask, and for which services. Each run opens a connection of its own and calls the method
// Check of grpc.health.v1.Health for each service, all at once; the method Watch, which would need a connection that
// stays, is not used.
type Config struct {
	// Address is a host name or IP address and a port: "payments.example.org:50051", "[2001:db8::1]:443".
	// Internationalized names are taken as browsers do. Names are those of the system's resolver, and proxies of the
	// environment are not used.
	Address string `yaml:"address" example:"payments.example.org:50051"`
	// Service is the service to ask for, as the server has registered it. Without a name it is the server as a whole.
	Service string `yaml:"service" example:"payments.v1.Payments"`
	// Services are several of them, up to 50, which all must be as expected. An empty name is the server as a whole.
	Services []string `yaml:"services" example:"['', payments.v1.Payments, payments.v1.Refunds]"`
	// Expect is the status that each service is to have: SERVING, NOT_SERVING or UNKNOWN.
	Expect string `yaml:"expect" default:"SERVING" example:"NOT_SERVING"`
	// TLS puts TLS over the connection; the server must choose HTTP/2 then (ALPN, RFC 7301). A TLSConfig implies it.
	TLS bool `yaml:"tls" default:"false"`
	// TLSConfig is how to speak TLS.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// Authority is what to send as :authority, where a proxy tells servers apart by it. It is the host and port of the
	// address by default, and has no part in TLS: that is tls_config.server_name.
	Authority string `yaml:"authority" example:"payments.internal"`
	// Metadata is sent with each call. Names are in lower case; the value of one that ends in -bin is given in base64. The
	// values are not shown.
	Metadata map[string]string `yaml:"metadata" example:"{x-tenant: health}"`
	// Authorization is sent as the metadata of that name, by default as a bearer token.
	Authorization *config.Authorization `yaml:"authorization"`
	// MinValidity is how long the certificate chain must be valid from now on; it needs TLS.
	MinValidity time.Duration `yaml:"min_validity" default:"0s" example:"14d"`
	// MaxLatency is the longest that everything together may take; zero means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
}

// Target returns the address, with the service where there is one.
func (c Config) Target() string {
	label := target.AddressLabel(c.Address, "")
	if c.Service != "" {
		label += "/" + c.Service
	}
	return label
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	c.TLSConfig.SetDirectory(dir)
	c.Authorization.SetDirectory(dir)
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	chk := &checker{maxLatency: c.MaxLatency, minValidity: c.MinValidity, authority: c.Authority}
	var err error
	if m.Required("address", c.Address, `give host and port, such as "payments.example.org:50051"`) {
		chk.address, err = target.ParseAddress(c.Address, "")
		m.Check("address", err)
	}
	chk.services = c.services(&m)
	chk.expect = statusOf(m.OneOf("expect", c.Expect, "SERVING", "NOT_SERVING", "UNKNOWN"))
	if c.TLS || c.TLSConfig != nil {
		chk.dialer.TLS, err = certs.NewSourceOf(c.TLSConfig)
		m.Check("tls_config", err)
		chk.dialer.Protocols = protocols
	}
	if c.Authority != "" && !httpguts.ValidHostHeader(c.Authority) {
		m.Add("authority", "is not a host")
	}
	m.NotNegative("max_latency", c.MaxLatency)
	m.NotNegative("min_validity", c.MinValidity)
	if c.MinValidity > 0 && chk.dialer.TLS == nil {
		m.Add("min_validity", "needs tls or tls_config")
	}
	if c.Authorization != nil || len(c.Metadata) > 0 {
		chk.secrets = secret.New(append(slices.Clone(chk.services), c.Target(), c.Authority)...)
	}
	chk.metadata = c.metadata(&m, chk.secrets)
	if c.Authorization != nil {
		chk.authorization = httpclient.NewAuthorization(c.Authorization, &m, chk.secrets)
	}
	if err := m.Err(); err != nil {
		return nil, err
	}
	if chk.authority == "" {
		chk.authority = authorityOf(chk.address)
	}
	return chk, nil
}

// services returns the names to ask for.
func (c *Config) services(m *field.Mistakes) []string {
	m.Exclusive("services", field.Given{Field: "service", Set: c.Service != ""}, field.Given{Field: "services", Set: len(c.Services) > 0})
	if len(c.Services) == 0 {
		checkName(m, "service", c.Service)
		return []string{c.Service}
	}
	if len(c.Services) > maxServices {
		m.Add("services", "are %d: the most is %d", len(c.Services), maxServices)
	}
	for i, name := range c.Services {
		checkName(m, field.Item("services", i), name)
		if slices.Contains(c.Services[:i], name) {
			m.Add(field.Item("services", i), "is there twice")
		}
	}
	return slices.Clone(c.Services)
}

func checkName(m *field.Mistakes, path, name string) {
	m.Line(path, name)
	if len(name) > maxName {
		m.Add(path, "is longer than %d bytes", maxName)
	}
}
