package config_test

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"time"

	promconfig "github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// webConfig has a field of every form that a kind's configuration may have.
type webConfig struct {
	URL     string            `yaml:"url"`
	Method  string            `yaml:"method"`
	Headers map[string]string `yaml:"headers"`
	Expect  webExpect         `yaml:"expect"`
	Retries int8              `yaml:"retries"`
	Size    uint16            `yaml:"size"`
	Ratio   float64           `yaml:"ratio"`
	Follow  *bool             `yaml:"follow"`
	Wait    time.Duration     `yaml:"wait"`
	Pattern pattern           `yaml:"pattern"`
	Steps   []webStep         `yaml:"steps"`
	Groups  map[string][]int  `yaml:"groups"`
	Proxy   *promconfig.URL   `yaml:"proxy"`
	Extra   map[string]func() `yaml:"-"`

	promconfig.ProxyConfig `yaml:",inline"`

	TLS    *promconfig.TLSConfig     `yaml:"tls_config"`
	Auth   *promconfig.BasicAuth     `yaml:"basic_auth"`
	OAuth2 *promconfig.OAuth2        `yaml:"oauth2"`
	Client promconfig.Headers        `yaml:"client_headers"`
	Either either                    `yaml:"either"`
	Token  promconfig.Secret         `yaml:"token"`
	Bearer *promconfig.Authorization `yaml:"authorization"`
}

type webExpect struct {
	Status []string `yaml:"status"`
	Body   []string `yaml:"body_matches"`
}

type webStep struct {
	Send string `yaml:"send"`
	Want string `yaml:"want"`
}

// pattern decodes itself from text.
type pattern struct{ re *regexp.Regexp }

func (p *pattern) UnmarshalText(text []byte) (err error) {
	p.re, err = regexp.Compile(string(text))
	return err
}

// either is a number, or a mapping with one.
type either struct{ n int }

func (e *either) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&e.n); err == nil {
		return nil
	}
	var m struct {
		N int `yaml:"n"`
	}
	if err := unmarshal(&m); err != nil {
		return err
	}
	e.n = m.N
	return nil
}

func (c webConfig) Target() string { return c.URL }

// webChecker keeps what it was made of.
type webChecker struct{ config webConfig }

func (*webChecker) Check(context.Context) healthcheck.Result { return healthcheck.Result{} }

func newWeb(c webConfig) (healthcheck.Checker, error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, healthcheck.FieldErrorf(field, format, args...))
	}
	if c.URL == "" {
		bad("url", "is missing")
	} else if u, err := url.Parse(c.URL); err != nil {
		bad("url", "%w", err)
	} else if u.Host == "" {
		bad("url", "%q has no host", c.URL)
	}
	for i, s := range c.Expect.Status {
		if len(s) != 3 {
			bad("expect.status["+string(rune('0'+i))+"]", "want a status such as 200 or 2xx, not %s", s)
		}
	}
	for i, s := range c.Expect.Body {
		if _, err := regexp.Compile(s); err != nil {
			bad("expect.body_matches["+string(rune('0'+i))+"]", "%w", err)
		}
	}
	if c.Headers["Host"] != "" {
		bad("headers.Host", "set url instead")
	}
	if c.Headers["Bad.Name"] != "" {
		bad("headers.Bad.Name", "is no header")
	}
	if c.Method == "PANIC" {
		panic("the secret is " + c.URL)
	}
	if c.Method == "CRASH" {
		errs = append(errs, errs[len(c.URL)])
	}
	if c.Method == "WHOLE" {
		errs = append(errs, errors.New("does not like "+c.URL))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &webChecker{c}, nil
}

// noopConfig is the smallest kind.
type noopConfig struct {
	Level int `yaml:"level"`
}

func (noopConfig) Target() string { return "nothing" }

func newNoop(noopConfig) (healthcheck.Checker, error) {
	return healthcheck.CheckFunc(func(context.Context) error { return nil }), nil
}

// testOptions are options with the kinds web and noop, and a few variables.
func testOptions() config.Options {
	o := config.WithKind(config.WithKind(config.Options{Lookup: lookup}, "web", newWeb), "noop", newNoop)
	return o
}

var variables = map[string]string{
	"HOST":     "db.example.com",
	"PASSWORD": `p/"ss%zzword`,
	"EMPTY":    "",
	"SECONDS":  "7s",
	"THREE":    "3",
	"YES":      "true",
	"YAML":     "a: b\n- c\n#",
	"BINARY":   "\xff\xfe",
	"SECRETIV": "hunter2hunter2",
	"LONG":     "10m",
}

func lookup(name string) (string, bool) {
	v, ok := variables[name]
	return v, ok
}
