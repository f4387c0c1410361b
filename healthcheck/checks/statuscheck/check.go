package statuscheck

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

var (
	components = healthcheck.NewMeasure("status_components", "",
		"Number of selected components in the status document of the last run.")
	componentStatus = healthcheck.NewMeasure("component_status", "component",
		"Status of the selected components in the status document of the last run: 0 for FAIL, otherwise 1. At most 900 of them.")
)

// Bounds on what a run tells of a document.
const (
	maxMeasured = 900 // components; the runner takes 1,000 values
	maxShown    = 5   // failing components in the details
	excerptLen  = 200 // bytes of their details, each
)

type checker struct {
	target      string
	request     *http.Request // without credentials; never written to
	user        *url.Userinfo // of the URL
	credentials *credentials  // nil: none
	tls         *certs.Source // nil for http
	include     []string
	ignore      []string
	secrets     secrets // those that are known before a run
}

// Check fetches the document and looks at the components.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	r := run{checker: c, secrets: slices.Clone(c.secrets)}
	err := r.do(ctx)
	result := healthcheck.Fail(err)
	if err != nil {
		result.Details = c.target + ": " + result.Details
	}
	result.Values = r.values
	return result
}

// run is one run of a check and what it has found so far.
type run struct {
	*checker
	secrets secrets
	values  []healthcheck.Value
}

func (r *run) do(ctx context.Context) error {
	code, body, err := r.fetch(ctx)
	if err != nil {
		return err
	}
	switch code {
	case http.StatusOK, http.StatusServiceUnavailable:
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return healthcheck.Errorf(healthcheck.ReasonAuth, "status %d, want 200 or 503", code)
	default:
		return healthcheck.Errorf(healthcheck.ReasonStatus, "status %d, want 200 or 503", code)
	}
	doc, err := Decode(bytes.NewReader(body))
	if err != nil {
		return healthcheck.Errorf(healthcheck.ReasonBody, "status %d, and the status document %w", code, err)
	}
	selected, left := r.selectComponents(doc.Components)
	r.measure(selected)
	return r.judge(&doc, code, selected, left)
}

// selectComponents returns those that count and those that do not.
func (c *checker) selectComponents(all []Component) (selected, left []Component) {
	if len(c.include) == 0 && len(c.ignore) == 0 {
		return all, nil
	}
	for _, component := range all {
		if slices.Contains(c.include, component.Endpoint) || len(c.include) == 0 && !slices.Contains(c.ignore, component.Endpoint) {
			selected = append(selected, component)
		} else {
			left = append(left, component)
		}
	}
	return selected, left
}

func (r *run) measure(selected []Component) {
	r.values = append(r.values, healthcheck.Value{Measure: components, Value: float64(len(selected))})
	for _, component := range selected[:min(len(selected), maxMeasured)] {
		v := healthcheck.Value{Measure: componentStatus, Label: component.Endpoint, Value: 1}
		if component.failed() {
			v.Value = 0
		}
		r.values = append(r.values, v)
	}
}

func (c *Component) failed() bool { return c.Status.Result == healthcheck.FAIL }

// judge returns why the document, which came with the status code, means a failure.
func (r *run) judge(doc *Document, code int, selected, left []Component) error {
	if len(r.include) > 0 {
		return r.judgeIncluded(selected)
	}
	excused := slices.ContainsFunc(left, func(c Component) bool { return c.failed() })
	switch {
	case doc.Status == healthcheck.FAIL && (!excused || r.failing(selected) != ""):
		return healthcheck.Errorf(healthcheck.ReasonStatus, "the status is FAIL%s", r.failing(selected))
	case doc.Status != healthcheck.FAIL && code == http.StatusServiceUnavailable:
		return healthcheck.Errorf(healthcheck.ReasonStatus, "status 503, though the document says %s", r.secrets.excerpt(string(doc.Status)))
	default:
		return nil
	}
}

func (r *run) judgeIncluded(selected []Component) error {
	for _, endpoint := range r.include {
		if !slices.ContainsFunc(selected, func(c Component) bool { return c.Endpoint == endpoint }) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "the status document has no component %s", r.secrets.excerpt(endpoint))
		}
	}
	if text := r.failing(selected); text != "" {
		return healthcheck.Errorf(healthcheck.ReasonStatus, "a component is FAIL%s", text)
	}
	return nil
}

// failing lists the components that are FAIL and their details, for the end of details, or returns "".
func (r *run) failing(list []Component) string {
	var b strings.Builder
	n := 0
	for _, c := range list {
		if !c.failed() {
			continue
		}
		if n++; n > maxShown {
			continue
		}
		b.WriteString("; ")
		b.WriteString(r.secrets.excerpt(c.Endpoint))
		if c.Status.Details != "" {
			b.WriteString(": " + r.secrets.excerpt(c.Status.Details))
		}
	}
	if n > maxShown {
		fmt.Fprintf(&b, "; and %d more", n-maxShown)
	}
	return b.String()
}

// credentials are what goes into the header Authorization. A reader of a file reads it each time.
type credentials struct {
	scheme string              // empty for user and password
	user   config.SecretReader // nil with a scheme
	secret config.SecretReader
}

// header returns the value of the header and all in it that is secret.
func (c *credentials) header(ctx context.Context) (string, secrets, error) {
	secret, err := c.secret.Fetch(ctx)
	if err != nil {
		return "", nil, err
	}
	if c.scheme != "" {
		return c.scheme + " " + secret, secrets{secret}, nil
	}
	user, err := c.user.Fetch(ctx)
	if err != nil {
		return "", nil, err
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(user + ":" + secret)) // RFC 7617
	return "Basic " + encoded, secrets{secret, url.QueryEscape(secret), encoded}, nil
}

// secrets are texts that a peer may send back and that nobody must see.
type secrets []string

func (s *secrets) add(texts ...string) { *s = append(*s, texts...) }

// minSecret is the length of the shortest secret that is hidden. Shorter ones would hide half of every text.
const minSecret = 4

// excerpt returns the beginning of text, which a peer has a hand in, on one line and without the secrets.
func (s secrets) excerpt(text string) string {
	for _, secret := range slices.SortedFunc(slices.Values(s), func(a, b string) int { return len(b) - len(a) }) {
		if len(secret) >= minSecret {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	end := ""
	if len(text) > excerptLen {
		text, end = strings.ToValidUTF8(text[:excerptLen], ""), "…"
	}
	return strings.Map(printable, text) + end
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
