package exporter

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// HealthyOptions tells [Healthy] whom to ask.
type HealthyOptions struct {
	// URL is what to ask. Empty means /-/healthy at the address of an exporter with the other options.
	URL string
	// HTTPConfigFile is a client configuration of the Prometheus ecosystem, with credentials or a client certificate;
	// empty means none, which is enough to be told that somebody is there.
	HTTPConfigFile string
	// ListenAddresses, SystemdSocket and WebConfigFile are those of the exporter, as in [Options].
	ListenAddresses []string
	SystemdSocket   bool
	WebConfigFile   string
	// HealthListenAddresses are asked in the place of the others where there are some, and want nothing.
	HealthListenAddresses []string

	open bool // no web configuration holds for the ListenAddresses
}

// Healthy asks the exporter on this machine whether it works, whatever the state of its checks, and returns nil if it
// does. Its certificate is not verified, as it is seldom made for the name localhost, unless there is an HTTPConfigFile.
// What is wrong with its own options is an [OptionError]. An exporter works too if it wants a password, or a client certificate, that its web configuration has it want.
func Healthy(ctx context.Context, o HealthyOptions) error {
	if o.URL == "" && len(o.HealthListenAddresses) > 0 {
		o = HealthyOptions{ListenAddresses: o.HealthListenAddresses, open: true}
	}
	web, err := &webConfig{known: true}, error(nil)
	if !o.open {
		web, err = readWeb(ctx.Done(), o.WebConfigFile)
	}
	if err != nil {
		return &OptionError{"WebConfigFile", err}
	}
	urls, err := o.urls(web)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // nothing secret is sent, and nothing but "works" believed
		DisableKeepAlives: true,
	}}
	if o.HTTPConfigFile != "" {
		if client, err = httpClient(ctx.Done(), o.HTTPConfigFile); err != nil {
			return &OptionError{"HTTPConfigFile", err}
		}
	}
	var errs []error
	for _, u := range urls {
		err := askHealthy(ctx, client, u, web)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// urls returns what to ask, one after the other until one answers.
func (o *HealthyOptions) urls(web *webConfig) ([]string, error) {
	if o.URL != "" {
		return []string{o.URL}, nil
	}
	if o.SystemdSocket {
		return nil, errors.New("systemd passes the sockets, whose addresses are not known here: give the URL")
	}
	for _, address := range o.ListenAddresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil || strings.HasPrefix(address, vsockScheme) {
			continue
		}
		var urls []string
		for _, scheme := range web.schemes() {
			for _, host := range localHosts(host) {
				urls = append(urls, (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port), Path: healthyPath}).String())
			}
		}
		return urls, nil
	}
	return nil, errors.New("none of the addresses to listen on can be asked: give the URL")
}

// localHosts returns where a server that listens on host is reached from this machine.
func localHosts(host string) []string {
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		return []string{"127.0.0.1", "::1"}
	}
	return []string{host}
}

func askHealthy(ctx context.Context, client *http.Client, address string, web *webConfig) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return errors.New("not a valid URL") // which may hold a password
	}
	resp, err := client.Do(req)
	if err != nil {
		if web.wantsCertificate && isAlert(err) {
			return nil
		}
		return requestError(req, err)
	}
	defer resp.Body.Close()
	if hint := wantsTLS(resp); hint != "" {
		return fmt.Errorf("%s: answered %s%s", shownURL(req.URL), resp.Status, hint)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	switch {
	case resp.StatusCode == http.StatusOK && err == nil && strings.Contains(string(body), healthyText),
		resp.StatusCode == http.StatusUnauthorized && web.wantsPassword,
		resp.StatusCode == http.StatusTooManyRequests && web.limitsRate:
		return nil
	}
	return fmt.Errorf("%s: %w", shownURL(req.URL), cmp.Or(err, fmt.Errorf("answered %s", resp.Status)))
}

// isAlert reports whether a server has ended a TLS handshake for a reason of its own.
func isAlert(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "remote error"
}
