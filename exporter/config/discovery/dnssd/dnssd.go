// Package dnssd finds targets in the DNS, with the keys and labels of Prometheus' [dns_sd].
//
// A name that does not exist has no targets. One whose servers fail to answer keeps those that it had.
//
// [dns_sd]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#dns_sd_config
package dnssd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Config has the keys of Prometheus' dns_sd_config, and server.
type Config struct {
	// The names to ask for.
	Names []string `yaml:"names" example:"[_https._tcp.example.com]"`
	// The type of the records: SRV, A, AAAA, MX or NS. Default: SRV.
	Type string `yaml:"type" example:"SRV"`
	// The port of the targets, where the records have none: all but SRV.
	Port int `yaml:"port" example:"443"`
	// The time between two requests. Default: 30s.
	RefreshInterval time.Duration `yaml:"refresh_interval" example:"1m"`
	// The server to ask, with or without a port. Default: those in /etc/resolv.conf, with its search list.
	Server string `yaml:"server" example:"127.0.0.53:53"`
}

// DefaultRefreshInterval is that of Prometheus.
const DefaultRefreshInterval = 30 * time.Second

var types = map[string]uint16{"SRV": dns.TypeSRV, "A": dns.TypeA, "AAAA": dns.TypeAAAA, "MX": dns.TypeMX, "NS": dns.TypeNS}

// Validate returns all mistakes, each a [healthcheck.FieldError], joined.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Names) == 0 {
		errs = append(errs, healthcheck.FieldErrorf("names", "is missing: give the names to ask for"))
	}
	for i, name := range c.Names {
		if _, ok := dns.IsDomainName(name); !ok || name == "" {
			errs = append(errs, healthcheck.FieldErrorf("names["+strconv.Itoa(i)+"]", "%.80q is not a name", name))
		}
	}
	if c.Type != "" && types[strings.ToUpper(c.Type)] == 0 {
		errs = append(errs, healthcheck.FieldErrorf("type", "%.40q is not one of SRV, A, AAAA, MX, NS", c.Type))
	}
	switch isSRV := c.Type == "" || strings.EqualFold(c.Type, "SRV"); {
	case c.Port < 0 || c.Port > 65535:
		errs = append(errs, healthcheck.FieldErrorf("port", "%d is not between 1 and 65535", c.Port))
	case c.Port == 0 && !isSRV:
		errs = append(errs, healthcheck.FieldErrorf("port", "is missing: only SRV records have one"))
	}
	if c.RefreshInterval != 0 && c.RefreshInterval < time.Second {
		errs = append(errs, healthcheck.FieldErrorf("refresh_interval", "%s is less than 1s", c.RefreshInterval))
	}
	return errors.Join(errs...)
}

const prefix = source.Meta + "dns_"

// maxConcurrent bounds how many names are asked for at a time.
const maxConcurrent = 10

// Source finds targets in the DNS.
type Source struct {
	config   Config
	qtype    uint16
	settings func() (*dns.ClientConfig, error)
}

// New returns the source for a valid configuration.
func New(c Config) *Source {
	if c.RefreshInterval == 0 {
		c.RefreshInterval = DefaultRefreshInterval
	}
	s := &Source{config: c, qtype: dns.TypeSRV, settings: systemSettings}
	if c.Type != "" {
		s.qtype = types[strings.ToUpper(c.Type)]
	}
	if c.Server != "" {
		s.settings = serverSettings(c.Server)
	}
	return s
}

// Run asks until ctx ends.
func (s *Source) Run(ctx context.Context, sink source.Sink) {
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
	settings, err := s.settings()
	if err != nil {
		return err
	}
	errs := make([]error, len(s.config.Names))
	var asking sync.WaitGroup
	slots := make(chan struct{}, maxConcurrent)
	for i, name := range s.config.Names {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			answer, err := lookup(ctx, settings, name, s.qtype)
			if err != nil {
				errs[i] = err
				return
			}
			sink.Set(name, s.targets(name, answer))
		})
	}
	asking.Wait()
	return errors.Join(errs...)
}

// targets returns those of the records, without the dots at the end, in an order of their own: servers turn theirs.
func (s *Source) targets(name string, answer []dns.RR) []labels.Labels {
	var found []labels.Labels
	var b source.Builder
	b.Add(prefix+"name", name)
	b.Common()
	for _, record := range answer {
		host, port := "", s.config.Port
		switch r := record.(type) {
		case *dns.SRV:
			b.Add(prefix+"srv_record_target", r.Target)
			b.Add(prefix+"srv_record_port", strconv.Itoa(int(r.Port)))
			host, port = r.Target, int(r.Port)
		case *dns.MX:
			b.Add(prefix+"mx_record_target", r.Mx)
			host = r.Mx
		case *dns.NS:
			b.Add(prefix+"ns_record_target", r.Ns)
			host = r.Ns
		case *dns.A:
			host = r.A.String()
		case *dns.AAAA:
			host = r.AAAA.String()
		}
		if record.Header().Rrtype != s.qtype || host == "." { // an alias on the way, or "no such service" (RFC 2782, RFC 7505)
			b.Forget()
			continue
		}
		found = append(found, b.Target(net.JoinHostPort(strings.TrimRight(host, "."), strconv.Itoa(port))))
	}
	slices.SortFunc(found, labels.Compare)
	return slices.Compact(found)
}

// lookup returns the answer for the first of the names that the search list makes of one and that exists; none if all
// servers say that none exists.
func lookup(ctx context.Context, settings *dns.ClientConfig, name string, qtype uint16) ([]dns.RR, error) {
	var errs []error
	for _, full := range settings.NameList(name) {
		response, err := askAny(ctx, settings, full, qtype)
		switch {
		case err != nil:
			errs = append(errs, err)
		case response.Rcode == dns.RcodeSuccess:
			return response.Answer, nil
		}
	}
	return nil, errors.Join(errs...) // a name that was not answered may be the one that exists
}

// askAny returns the first answer of a server that says whether the name exists.
func askAny(ctx context.Context, settings *dns.ClientConfig, name string, qtype uint16) (*dns.Msg, error) {
	err := errors.New("no server to ask")
	for _, server := range settings.Servers {
		var response *dns.Msg
		response, err = ask(ctx, net.JoinHostPort(server, settings.Port), name, qtype)
		if err != nil {
			continue
		}
		if response.Rcode == dns.RcodeSuccess || response.Rcode == dns.RcodeNameError {
			return response, nil
		}
		err = fmt.Errorf("the server answered %s", dns.RcodeToString[response.Rcode])
	}
	return nil, fmt.Errorf("%s %s: %w", name, dns.TypeToString[qtype], source.Bare(err))
}

// ask asks one server, over TCP if the answer does not fit into a datagram.
func ask(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	query := new(dns.Msg)
	query.SetQuestion(dns.Fqdn(name), qtype)
	query.SetEdns0(dns.DefaultMsgSize, false)
	response, err := exchange(ctx, "udp", server, query)
	if err != nil || !response.Truncated {
		return response, err
	}
	query.Extra = nil
	response, err = exchange(ctx, "tcp", server, query)
	if err == nil && response.Truncated {
		err = errors.New("the answer over TCP is truncated")
	}
	return response, err
}

// exchange ends with ctx, and otherwise after the client's own two seconds for each step.
func exchange(ctx context.Context, network, server string, query *dns.Msg) (*dns.Msg, error) {
	client := &dns.Client{Net: network}
	conn, err := client.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	response, _, err := client.ExchangeWithConnContext(ctx, query, conn)
	return response, err
}

var (
	resolvConf   = "/etc/resolv.conf"
	readSettings = dns.ClientConfigFromFile
)

func systemSettings() (*dns.ClientConfig, error) { return readSettings(resolvConf) }

func serverSettings(server string) func() (*dns.ClientConfig, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		host, port = strings.Trim(server, "[]"), "53"
	}
	settings := &dns.ClientConfig{Servers: []string{host}, Port: port, Ndots: 1}
	return func() (*dns.ClientConfig, error) { return settings, nil }
}
