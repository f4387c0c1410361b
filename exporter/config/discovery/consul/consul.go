// Package consul finds targets among the services of Consul, with the keys and labels of Prometheus' [consul_sd]. It
// waits for changes with Consul's [blocking queries].
//
// [consul_sd]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#consul_sd_config
// [blocking queries]: https://developer.hashicorp.com/consul/api-docs/features/blocking
package consul

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Config has the keys of Prometheus' consul_sd_config.
type Config struct {
	// The address of the agent. Default: localhost:8500.
	Server string `yaml:"server" example:"consul.example.com:8500"`
	// What the paths of the API begin with, behind a gateway.
	PathPrefix string `yaml:"path_prefix" example:"/consul"`
	// The token of Consul's access control.
	Token config.Secret `yaml:"token" example:"${file:/run/secrets/consul}"`
	// The datacenter to ask for. Default: the agent's.
	Datacenter string `yaml:"datacenter" example:"dc1"`
	// The namespace, in Consul Enterprise.
	Namespace string `yaml:"namespace" example:"shop"`
	// The admin partition, in Consul Enterprise.
	Partition string `yaml:"partition" example:"eu"`
	// What the tags are joined with. Default: a comma.
	TagSeparator string `yaml:"tag_separator" example:";"`
	// http or https. Default: http.
	Scheme string `yaml:"scheme"`
	// A user of basic authentication, as basic_auth.
	Username string `yaml:"username" example:"monitoring"`
	// The user's password.
	Password config.Secret `yaml:"password" example:"${file:/run/secrets/password}"`
	// Whether any server may answer, not only the leader. Default: true.
	AllowStale bool `yaml:"allow_stale"`
	// The time that passes at least between two requests for the same. Default: 30s.
	RefreshInterval time.Duration `yaml:"refresh_interval" example:"1m"`
	// The services whose instances are targets. Default: all.
	Services []string `yaml:"services" example:"[web]"`
	// Tags that an instance must have, all of them.
	Tags []string `yaml:"tags" example:"[http]"`
	// Metadata that a node must have.
	NodeMeta map[string]string `yaml:"node_meta" example:"{rack: a1}"`
	// A filter of the list of services, in Consul's own language.
	Filter string `yaml:"filter" example:"Service.Meta.tier == \"front\""`
	// The settings of the HTTP client, such as tls_config.
	HTTPClientConfig config.HTTPClientConfig `yaml:",inline"`
}

// Default returns the settings of Prometheus.
func Default() Config {
	return Config{
		Server: "localhost:8500", TagSeparator: ",", Scheme: "http", AllowStale: true, RefreshInterval: 30 * time.Second,
		HTTPClientConfig: config.DefaultHTTPClientConfig,
	}
}

// UnmarshalYAML fills in the defaults.
func (c *Config) UnmarshalYAML(unmarshal func(any) error) error {
	*c = Default()
	type plain Config
	return unmarshal((*plain)(c))
}

// SetDirectory makes relative paths those below dir.
func (c *Config) SetDirectory(dir string) { c.HTTPClientConfig.SetDirectory(dir) }

// Validate returns all mistakes, each a [healthcheck.FieldError], joined.
func (c *Config) Validate() error {
	var errs []error
	add := func(field, format string, args ...any) {
		errs = append(errs, healthcheck.FieldErrorf(field, format, args...))
	}
	h := &c.HTTPClientConfig
	if c.Server == "" || strings.ContainsAny(c.Server, " /@") {
		add("server", "is not the address of an agent, such as consul:8500")
	}
	if c.Scheme != "http" && c.Scheme != "https" {
		add("scheme", "%.40q is not one of http, https", c.Scheme)
	}
	if c.RefreshInterval < time.Second {
		add("refresh_interval", "%s is less than 1s", c.RefreshInterval)
	}
	if (c.Username != "" || c.Password != "") && h.BasicAuth != nil {
		add("", "has username or password beside basic_auth: leave only one of them")
	}
	if c.Token != "" && (h.Authorization != nil || h.OAuth2 != nil) {
		add("", "has a token beside authorization or oauth2: leave only one of them")
	}
	if err := h.Validate(); err != nil {
		add("", "%w", err)
	}
	return errors.Join(errs...)
}
