package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/common/config"
	"golang.org/x/oauth2"
)

const userAgent = "healthcheck_exporter"

// Client makes requests with the settings of Prometheus' [HTTP clients]. It is built with the first of them, and again
// if that did not go well: it needs files that may be there only later.
//
// [HTTP clients]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
type Client struct {
	config config.HTTPClientConfig
	client *http.Client
}

// NewClient returns a client that is not safe for concurrent use before its first request has been made.
func NewClient(c config.HTTPClientConfig) *Client { return &Client{config: c} }

// Do makes a request. The caller closes the answer's body. Errors hold no URL.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := c.Open(); err != nil {
		return nil, err
	}
	res, err := c.client.Do(req)
	if err != nil {
		return nil, Bare(err)
	}
	return res, nil
}

// Open builds the client if it is not there yet.
func (c *Client) Open() error {
	if c.client != nil {
		return nil
	}
	client, err := config.NewClientFromConfig(c.config, "discovery", config.WithUserAgent(userAgent), config.WithIdleConnTimeout(5*time.Minute))
	if err != nil {
		return err
	}
	c.client = client
	return nil
}

// Close closes the connections that are kept.
func (c *Client) Close() {
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}

// Get requests a URL. Any status but 200 is an error.
func (c *Client) Get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, Bare(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, StatusError(res.StatusCode)
	}
	return res, nil
}

// StatusError is an answer whose status is not 200.
type StatusError int

func (e StatusError) Error() string {
	return fmt.Sprintf("the server answered %d %s", int(e), http.StatusText(int(e)))
}

// Bare returns an error of a client without the URL, which may have a secret in it, without an answer to a request for a
// token, and without the near end of a connection, which is another each time.
func Bare(err error) error {
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok && e.Response != nil {
		return fmt.Errorf("request for a token: %w", StatusError(e.Response.StatusCode))
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return Bare(e.Err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Source != nil {
		return fmt.Errorf("%s %s: %w", e.Op, e.Addr, e.Err)
	}
	return err
}
