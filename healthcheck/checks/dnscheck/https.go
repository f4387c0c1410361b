package dnscheck

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

const (
	defaultPath    = "/dns-query"              // as in the examples of RFC 8484, and in practice
	templateSuffix = "{?dns}"                  // of a URI template (RFC 6570) as RFC 8484 wants them
	messageType    = "application/dns-message" // RFC 8484, section 6
)

// httpsServer speaks DNS over HTTPS (RFC 8484).
type httpsServer struct {
	url      *url.URL
	method   string
	settings httpclient.Settings            // of all requests
	clients  map[*lookup]*httpclient.Client // each with its message, which has the id 0 in all runs
}

// parseHTTPS reads a URL, or an address.
func parseHTTPS(s string) (server, error) {
	if !strings.Contains(s, "://") {
		address, err := target.ParseAddress(s, "443")
		if err != nil {
			return server{}, err
		}
		return server{text: s, https: &httpsServer{url: &url.URL{Scheme: "https", Host: address.String(), Path: defaultPath}}}, nil
	}
	s = strings.TrimSuffix(s, templateSuffix)
	u, err := target.ParseURL(s, "https")
	switch {
	case err != nil:
		return server{}, err
	case u.User != nil:
		return server{}, errors.New("has credentials, which are not sent")
	}
	if u.Path == "" {
		u.Path = defaultPath
	}
	u.Fragment, u.RawFragment = "", ""
	return server{text: target.URLLabel(s), https: &httpsServer{url: u}}, nil
}

func httpsLabel(s string) string {
	if !strings.Contains(s, "://") {
		return target.AddressLabel(s, "443")
	}
	return target.URLLabel(strings.TrimSuffix(s, templateSuffix))
}

// connectHTTPS makes the clients of all servers. The certificates of a server are judged there, see package httpclient.
func (v *validator) connectHTTPS(c *checker, method string) {
	want := v.config.Expect
	public := slices.Concat([]string{c.target, want.NSID}, want.Answers, want.Contains, want.Matches, want.NotMatches)
	for i := range c.servers {
		s := c.servers[i].https
		c.secrets = addQuery(c.secrets, s.url, public)
		s.method = method
		s.settings = httpclient.Settings{Public: public, Method: method, Accept: messageType, MaxBodyBytes: dns.MaxMsgSize, WholeBody: true, EnableHTTP2: true, IPProtocol: v.config.IPProtocol}
		if v.config.TLSConfig != nil {
			s.settings.TLSConfig = *v.config.TLSConfig
		}
		s.clients = make(map[*lookup]*httpclient.Client, len(c.lookups))
		for j := range c.lookups {
			client, err := s.newClient(&c.lookups[j])
			v.Check("server", err)
			s.clients[&c.lookups[j]] = client
		}
	}
}

// addQuery adds the values in the query of a URL, which services have tokens in: a server may repeat them in any record.
func addQuery(set *secret.Set, u *url.URL, public []string) *secret.Set {
	if u.RawQuery == "" {
		return set
	}
	if set == nil {
		set = secret.New(public...)
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = name
		}
		set.Add(value)
	}
	return set
}

func (s *httpsServer) newClient(l *lookup) (*httpclient.Client, error) {
	settings, u := s.settings, *s.url
	if s.method == http.MethodPost {
		settings.Headers = map[string]string{"Content-Type": messageType}
		settings.Body = string(l.packed)
	} else {
		settings.Headers = map[string]string{"Cache-Control": "no-cache"}
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += "dns=" + base64.RawURLEncoding.EncodeToString(l.packed)
	}
	settings.URL = u.String()
	var m field.Mistakes
	client := httpclient.New(settings, &m)
	return client, m.Err()
}

// httpsSession sends each question in a request of its own.
type httpsSession struct {
	server   *httpsServer
	measured []healthcheck.Value
}

func (s *httpsSession) values() []healthcheck.Value { return s.measured }

// Close does nothing: the clients keep no connections.
func (s *httpsSession) Close() error { return nil }

func (s *httpsSession) query(ctx context.Context, l *lookup) (*dns.Msg, error) {
	client, ok := s.server.clients[l]
	if !ok { // that of the keys of a zone
		var err error
		if client, err = s.server.newClient(l); err != nil {
			return nil, err
		}
		defer client.Close()
	}
	a, err := client.Do(ctx)
	defer a.Release()
	s.measured = merge(s.measured, a.AppendCertificates(nil))
	if err != nil {
		return nil, err
	}
	return readHTTPS(a, l)
}

// readHTTPS returns the message in an answer (RFC 8484, section 4.2).
func readHTTPS(a *httpclient.Answer, l *lookup) (*dns.Msg, error) {
	status := a.Response.StatusCode
	contentType, _, _ := mime.ParseMediaType(a.Response.Header.Get("Content-Type"))
	switch {
	case status < 200 || status > 299:
		return nil, healthcheck.Errorf(a.StatusReason(), "query over https: status %d%s", status, a.BodyExcerpt())
	case a.BodyErr != nil:
		return nil, a.BodyErr
	case a.Cut:
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "query over https: the answer is longer than a message can be")
	case contentType != messageType:
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "query over https: the content type is %s, want %s", cmp.Or(a.Excerpt(contentType), "not known"), messageType)
	}
	var m dns.Msg
	if err := m.Unpack(a.Body); err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "query over https: malformed answer: %w", err)
	}
	if m.Id != 0 || !l.answeredBy(&m) {
		return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "query over https: the answer is to another question")
	}
	return &m, nil
}
