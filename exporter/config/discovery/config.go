package discovery

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/consul"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/dnssd"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/file"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/httpsd"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/kubernetes"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Config is one source of targets: exactly one of its fields is set.
type Config struct {
	// Targets that are written out.
	Static []StaticTarget `yaml:"static" example:"[a.example.com:443]"`
	// Files with lists of targets, as for Prometheus' file_sd.
	File *file.Config `yaml:"file"`
	// A server that answers with a list of targets, as for Prometheus' http_sd.
	HTTP *httpsd.Config `yaml:"http"`
	// Records of the DNS, as for Prometheus' dns_sd.
	DNS *dnssd.Config `yaml:"dns"`
	// Objects of Kubernetes, as for Prometheus' kubernetes_sd.
	Kubernetes *kubernetes.Config `yaml:"kubernetes"`
	// Services of Consul, as for Prometheus' consul_sd.
	Consul *consul.Config `yaml:"consul"`
}

// StaticTarget is a target that is written out: an address, or an address with labels.
type StaticTarget struct {
	// The address, mostly host:port.
	Address string `yaml:"address"`
	// Labels of the target.
	Labels map[string]string `yaml:"labels"`
}

// UnmarshalYAML takes an address alone for a target without labels.
func (t *StaticTarget) UnmarshalYAML(unmarshal func(any) error) error {
	*t = StaticTarget{}
	if unmarshal(&t.Address) == nil {
		return nil
	}
	type plain StaticTarget
	return unmarshal((*plain)(t))
}

// kind is one of the fields of a [Config].
type kind struct {
	name     string
	validate func() error
	open     func() source.Source
	// subject is what tells most sources of the kind apart.
	subject string
}

// kinds returns those that are set.
func (c *Config) kinds() []kind {
	var set []kind
	if c.Static != nil {
		set = append(set, kind{"static", c.validateStatic, nil, strconv.Itoa(len(c.Static))})
	}
	if f := c.File; f != nil {
		set = append(set, kind{"file", f.Validate, func() source.Source { return file.New(*f) }, strings.Join(f.Files, " ")})
	}
	if h := c.HTTP; h != nil {
		set = append(set, kind{"http", h.Validate, func() source.Source { return httpsd.New(*h) }, h.URL})
	}
	if d := c.DNS; d != nil {
		set = append(set, kind{"dns", d.Validate, func() source.Source { return dnssd.New(*d) }, strings.Join(d.Names, " ")})
	}
	if k := c.Kubernetes; k != nil {
		set = append(set, kind{"kubernetes", k.Validate, func() source.Source { return kubernetes.New(*k) }, k.Role})
	}
	if s := c.Consul; s != nil {
		set = append(set, kind{"consul", s.Validate, func() source.Source { return consul.New(*s) }, s.Server})
	}
	return set
}

// Kind returns the name of the field that is set, or nothing unless it is exactly one.
func (c *Config) Kind() string {
	if set := c.kinds(); len(set) == 1 {
		return set[0].name
	}
	return ""
}

// Validate returns all mistakes, each a [healthcheck.FieldError], joined.
func (c *Config) Validate() error {
	set := c.kinds()
	switch len(set) {
	case 0:
		return healthcheck.FieldErrorf("", "has no source: give one of static, file, http, dns, kubernetes, consul")
	case 1:
		return below(set[0].name, set[0].validate())
	}
	names := make([]string, len(set))
	for i, k := range set {
		names[i] = k.name
	}
	return healthcheck.FieldErrorf("", "has %s: make them items of their own", strings.Join(names, " and "))
}

func (c *Config) validateStatic() error {
	var errs []error
	first := make(map[labels.Labels]int, len(c.Static))
	for i, t := range c.Static {
		item := "[" + strconv.Itoa(i) + "]"
		if strings.TrimSpace(t.Address) == "" {
			errs = append(errs, healthcheck.FieldErrorf(item+".address", "is missing: give the address of the target"))
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(t.Labels)) {
			if !model.UTF8Validation.IsValidLabelName(name) {
				errs = append(errs, healthcheck.FieldErrorf(item+".labels", "%.40q is not the name of a label", name))
			}
		}
		found := t.labels()
		if j, ok := first[found]; ok {
			errs = append(errs, healthcheck.FieldErrorf(item, "is the same as static[%d]", j))
			continue
		}
		first[found] = i
	}
	return errors.Join(errs...)
}

func (t StaticTarget) labels() labels.Labels {
	var b source.Builder
	for name, value := range t.Labels {
		b.Add(name, value)
	}
	return b.Target(t.Address)
}

// below names the fields in an error from a level higher.
func below(path string, err error) error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, below(path, e))
		}
		return errors.Join(errs...)
	}
	if e, ok := errors.AsType[*healthcheck.FieldError](err); ok {
		if e.Field != "" && e.Field[0] != '[' {
			path += "."
		}
		return &healthcheck.FieldError{Field: path + e.Field, Err: e.Err}
	}
	return &healthcheck.FieldError{Field: path, Err: err}
}
