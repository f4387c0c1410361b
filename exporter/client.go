package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Bounds on the answer of another process.
const (
	statusTimeout = 30 * time.Second
	maxStatusBody = 64 << 20 // with details, 100,000 checks have some ten million
)

// Status returns the status document at a URL, indented by two spaces, and the level that it tells: that of a whole
// process, or of one check, as at /status/{endpoint}. HTTPConfigFile is a client configuration of the Prometheus
// ecosystem, for TLS, credentials and proxies; empty means none. With an answer that is no status document there is an
// error, in which the URL has no user name or password. That the client configuration cannot be used is an [OptionError].
func Status(ctx context.Context, address, httpConfigFile string) (document string, level healthcheck.StatusLevel, err error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	client, err := httpClient(ctx.Done(), httpConfigFile)
	if err != nil {
		return "", "", &OptionError{"HTTPConfigFile", err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", "", errors.New("could not query for the status: not a valid URL") // which may hold a password
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", "", fmt.Errorf("could not query for the status: %w", requestError(req, err))
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusServiceUnavailable:
	case http.StatusUnauthorized, http.StatusForbidden:
		return "", "", fmt.Errorf("%s wants other credentials: it answered %s; give them in a file, with --http.config.file", shownURL(req.URL), resp.Status)
	default:
		return "", "", fmt.Errorf("%s answered %s%s", shownURL(req.URL), resp.Status, wantsTLS(resp))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatusBody+1))
	if err == nil && len(body) > maxStatusBody {
		err = fmt.Errorf("more than %d bytes", maxStatusBody)
	}
	if err != nil {
		return "", "", fmt.Errorf("could not read the body of the response: %w", err)
	}
	level, err = statusLevel(body)
	if err != nil {
		return "", "", fmt.Errorf("%s answered %s, but with no status document: %w", shownURL(req.URL), resp.Status, err)
	}
	var out bytes.Buffer
	err = json.Indent(&out, body, "", "  ")
	return out.String(), level, err
}

// statusLevel returns the level in the document of a process or of a check.
func statusLevel(body []byte) (healthcheck.StatusLevel, error) {
	var document struct {
		Status       healthcheck.StatusLevel    `json:"status"`
		StatusChecks map[string]json.RawMessage `json:"statusChecks"`
		Result       healthcheck.StatusLevel    `json:"result"`
	}
	err := json.Unmarshal(body, &document)
	switch {
	case err != nil:
		return "", err
	case document.Status != "" && document.StatusChecks != nil:
		return document.Status, nil
	case document.Result != "":
		return document.Result, nil
	}
	return "", errors.New("it has neither status and statusChecks nor result")
}

// httpClient returns a client with the configuration in a file, read until stop is closed.
func httpClient(stop <-chan struct{}, file string) (*http.Client, error) {
	cfg := config.DefaultHTTPClientConfig
	cfg.ProxyFromEnvironment = true
	if file != "" {
		type outcome struct {
			cfg *config.HTTPClientConfig
			err error
		}
		read, err := await(stop, statusTimeout, func() outcome {
			cfg, _, err := config.LoadHTTPConfigFile(file)
			return outcome{cfg, err}
		})
		if err = errors.Join(err, read.err); err != nil {
			return nil, explain("http configuration", file, err)
		}
		cfg = *read.cfg
	}
	client, err := config.NewClientFromConfig(cfg, "status", config.WithKeepAlivesDisabled())
	if err != nil {
		return nil, explain("http configuration", file, err)
	}
	return client, nil
}

// requestError returns what kept a request from being answered, without user name and password.
func requestError(req *http.Request, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	hint := ""
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		hint = ": the server speaks no TLS: use http://"
	case strings.Contains(err.Error(), tlsAlert):
		hint = speaksTLS
	}
	return fmt.Errorf("%s: %w%s", shownURL(req.URL), err, hint)
}

const (
	speaksTLS = ": the server speaks TLS: use https://"
	// tlsAlert is how net/http shows an answer that is a record of TLS (RFC 8446, section 5.1), an alert.
	tlsAlert = `malformed HTTP response "\x15\x03`
)

// wantsTLS returns a hint if the answer is that of a server which has got no TLS where it expects some: those of Go, nginx
// and Apache httpd say so in plain text.
func wantsTLS(resp *http.Response) string {
	if resp.StatusCode != http.StatusBadRequest || resp.Request.URL.Scheme != "http" {
		return ""
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	for _, said := range []string{"HTTP request to an HTTPS server", "HTTP request was sent to HTTPS port", "plain HTTP to an SSL-enabled server port"} {
		if err == nil && bytes.Contains(body, []byte(said)) {
			return speaksTLS
		}
	}
	return ""
}

// shownURL returns a URL without what may be secret: user, password and query.
func shownURL(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
