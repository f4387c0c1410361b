// Package kubernetes finds targets among the objects of a Kubernetes cluster, with the keys and labels of Prometheus'
// [kubernetes_sd]. It lists and watches them over the API as [API concepts] has it, without a client library.
//
// [kubernetes_sd]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
// [API concepts]: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
package kubernetes

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Config has keys of Prometheus' kubernetes_sd_config.
type Config struct {
	// The URL of the API. Default: that of the cluster that the exporter runs in, with the pod's service account.
	APIServer string `yaml:"api_server" example:"https://kubernetes.example.com:6443"`
	// What is a target: service, ingress, endpointslice, pod or node.
	Role string `yaml:"role" example:"service"`
	// Not supported: give api_server, and the settings of the HTTP client.
	KubeConfig string `yaml:"kubeconfig_file" example:"/etc/kubeconfig"`
	// The namespaces to look into. Default: all.
	Namespaces Namespaces `yaml:"namespaces"`
	// What objects have to be like.
	Selectors []Selector `yaml:"selectors"`
	// The settings of the HTTP client, such as tls_config and authorization, beside api_server.
	HTTPClientConfig config.HTTPClientConfig `yaml:",inline"`
}

// Namespaces are those to look into.
type Namespaces struct {
	// The namespace of the exporter's pod, beside the names.
	Own bool `yaml:"own_namespace"`
	// Names of namespaces.
	Names []string `yaml:"names" example:"[shop]"`
}

// Selector is what objects of a role have to be like.
type Selector struct {
	// The role of the objects: that of the source; beside an endpointslice, also pod and service.
	Role string `yaml:"role" example:"service"`
	// A selector of labels, such as "app=web,tier!=cache".
	Label string `yaml:"label" example:"app=web"`
	// A selector of fields, such as "metadata.name=web".
	Field string `yaml:"field" example:"metadata.name=web"`
}

var roles = []string{"service", "ingress", "endpointslice", "pod", "node"}

// UnmarshalYAML fills in the defaults.
func (c *Config) UnmarshalYAML(unmarshal func(any) error) error {
	*c = Config{HTTPClientConfig: config.DefaultHTTPClientConfig}
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
	switch {
	case c.Role == "endpoints":
		add("role", "endpoints are not supported, as Kubernetes has deprecated them: use endpointslice")
	case !slices.Contains(roles, c.Role):
		add("role", "%.40q is not one of %s", c.Role, strings.Join(roles, ", "))
	}
	if c.KubeConfig != "" {
		add("kubeconfig_file", "is not supported: give api_server, authorization and tls_config")
	}
	if err := c.HTTPClientConfig.Validate(); err != nil {
		add("", "%w", err)
	}
	switch u, err := url.Parse(c.APIServer); {
	case c.APIServer == "":
		if !c.defaultClient() {
			add("", "has settings of an HTTP client without api_server: the cluster's own API needs none")
		}
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		add("api_server", "is not a URL that begins with http:// or https://")
	case c.Namespaces.Own:
		add("namespaces.own_namespace", "is that of the exporter's pod, which api_server need not know: give its name")
	}
	for i, name := range c.Namespaces.Names {
		if !validName(name) {
			add(fmt.Sprintf("namespaces.names[%d]", i), "%.80q is not the name of a namespace", name)
		}
	}
	c.validateSelectors(add)
	return errors.Join(errs...)
}

func (c *Config) defaultClient() bool {
	return reflect.DeepEqual(c.HTTPClientConfig, config.DefaultHTTPClientConfig) || reflect.ValueOf(c.HTTPClientConfig).IsZero()
}

func (c *Config) validateSelectors(add func(field, format string, args ...any)) {
	seen := make(map[string]bool)
	for i, s := range c.Selectors {
		at := "selectors[" + strconv.Itoa(i) + "]."
		switch allowed := resourcesOf(c.Role); {
		case !slices.Contains(allowed, s.Role):
			add(at+"role", "%.40q is not one of %s", s.Role, strings.Join(allowed, ", "))
		case seen[s.Role]:
			add(at+"role", "has a selector already")
		case s.Label == "" && s.Field == "":
			add(strings.TrimSuffix(at, "."), "is empty: give label or field")
		}
		seen[s.Role] = true
	}
}

// resourcesOf returns the roles of the objects that a role needs.
func resourcesOf(role string) []string {
	if role == "endpointslice" {
		return []string{"endpointslice", "service", "pod"}
	}
	return []string{role}
}

// validName reports whether a name is a label as in RFC 1123, as those of namespaces are.
func validName(name string) bool {
	return name != "" && len(name) <= 63 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
