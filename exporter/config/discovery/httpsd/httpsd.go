// Package httpsd finds targets in the answer of an HTTP server, in the format of Prometheus' [HTTP discovery].
//
// [HTTP discovery]: https://prometheus.io/docs/prometheus/latest/http_sd/
package httpsd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Config has the keys of Prometheus' http_sd_config.
type Config struct {
	// The URL to request.
	URL string `yaml:"url" example:"https://cmdb.example.com/targets"`
	// The time between two requests. Default: 1m.
	RefreshInterval time.Duration `yaml:"refresh_interval" example:"5m"`
	// The settings of the HTTP client, such as basic_auth and tls_config.
	HTTPClientConfig config.HTTPClientConfig `yaml:",inline"`
}

// DefaultRefreshInterval is that of Prometheus.
const DefaultRefreshInterval = time.Minute

// UnmarshalYAML fills in the defaults.
func (c *Config) UnmarshalYAML(unmarshal func(any) error) error {
	*c = Config{RefreshInterval: DefaultRefreshInterval, HTTPClientConfig: config.DefaultHTTPClientConfig}
	type plain Config
	return unmarshal((*plain)(c))
}

// SetDirectory makes relative paths those below dir.
func (c *Config) SetDirectory(dir string) { c.HTTPClientConfig.SetDirectory(dir) }

// Validate returns all mistakes, each a [healthcheck.FieldError], joined.
func (c *Config) Validate() error {
	var errs []error
	if err := checkURL(c.URL); err != nil {
		errs = append(errs, &healthcheck.FieldError{Field: "url", Err: err})
	}
	if c.RefreshInterval != 0 && c.RefreshInterval < time.Second {
		errs = append(errs, healthcheck.FieldErrorf("refresh_interval", "%s is less than 1s", c.RefreshInterval))
	}
	if err := c.HTTPClientConfig.Validate(); err != nil {
		errs = append(errs, &healthcheck.FieldError{Err: err})
	}
	return errors.Join(errs...)
}

// checkURL repeats nothing of a URL, which may have a secret in it.
func checkURL(text string) error {
	if text == "" {
		return errors.New("is missing: give the URL to request")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is no URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("does not begin with http:// or https://")
	case u.Host == "":
		return errors.New("has no host")
	}
	return nil
}

const urlLabel = source.Meta + "url"

// Bounds of how long one answer may take: the interval, if that is between them.
const (
	minTimeout = 10 * time.Second
	maxTimeout = time.Minute
)

// Source finds targets in the answer of a server.
type Source struct {
	config Config
	client *source.Client
	digest [sha256.Size]byte
	held   bool // has been answered well
}

// New returns the source for a valid configuration.
func New(c Config) *Source {
	if c.RefreshInterval == 0 {
		c.RefreshInterval = DefaultRefreshInterval
	}
	return &Source{config: c, client: source.NewClient(c.HTTPClientConfig)}
}

// Run requests until ctx ends.
func (s *Source) Run(ctx context.Context, sink source.Sink) {
	defer s.client.Close()
	source.Poll(ctx, s.config.RefreshInterval, func(ctx context.Context) {
		switch err := s.refresh(ctx, sink); {
		case err == nil:
			sink.Answered()
		case ctx.Err() == nil:
			sink.Failed(err)
		}
	})
}

func (s *Source) refresh(ctx context.Context, sink source.Sink) error {
	ctx, cancel := context.WithTimeout(ctx, min(maxTimeout, max(minTimeout, s.config.RefreshInterval)))
	defer cancel()
	res, err := s.client.Get(ctx, s.config.URL, http.Header{
		"Accept":                                {"application/json"},
		"X-Prometheus-Refresh-Interval-Seconds": {strconv.FormatFloat(s.config.RefreshInterval.Seconds(), 'f', -1, 64)},
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := checkType(res.Header.Get("Content-Type")); err != nil {
		return err
	}
	data, err := source.ReadList(res.Body)
	if err != nil {
		return source.Bare(err)
	}
	digest := sha256.Sum256(data)
	if s.held && digest == s.digest {
		return nil
	}
	targets, err := source.ParseJSON(data, urlLabel, s.config.URL)
	if err != nil {
		return err
	}
	s.held, s.digest = true, digest
	sink.Set("", targets)
	return nil
}

// checkType refuses what is not JSON in UTF-8, such as the page of a proxy.
func checkType(header string) error {
	kind, parameters, err := mime.ParseMediaType(header)
	charset, given := parameters["charset"]
	if err != nil || kind != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return fmt.Errorf("the answer is %.80q, not application/json", header)
	}
	return nil
}
