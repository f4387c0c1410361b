package httpcheck

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/jq"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
)

// rare is what few checks expect, kept apart from the rest so that the others do not pay for it.
type rare struct {
	headersNot  []headerMatch
	finalURL    *regexp.Regexp // nil: any
	protocol    string         // empty: any
	tls         bool
	minValidity time.Duration

	size struct {
		given    bool
		min, max int64
	}
	sha256 []byte // nil: any
	json   []*jq.Query
	values []namedQuery
}

// rare returns nil where nothing of it is expected.
func (b *builder) rare() *rare {
	x := &b.Expect
	if len(x.JSON)+len(x.HeadersNotMatch)+len(b.Values) == 0 && x.FinalURL == "" && x.ProtocolVersion == "" && !x.TLSRequired && x.MinValidity == 0 &&
		x.BodySize == (BodySize{}) && x.BodySHA256 == "" {
		return nil
	}
	r := &rare{
		headersNot:  b.headers("expect.headers_not_match", x.HeadersNotMatch),
		finalURL:    b.Pattern("expect.final_url", x.FinalURL),
		tls:         x.TLSRequired,
		minValidity: x.MinValidity,
		json:        b.queries("expect.json", x.JSON),
		values:      b.namedQueries(),
	}
	b.NotNegative("expect.min_validity", x.MinValidity)
	if x.ProtocolVersion != "" {
		r.protocol = b.OneOf("expect.protocol_version", x.ProtocolVersion, "1.0", "1.1", "2", "3")
	}
	if r.tls && b.FollowRedirects != nil && !*b.FollowRedirects && strings.HasPrefix(strings.ToLower(b.URL), "http:") {
		b.Add("expect.tls_required", "the URL is not one of https, and redirects are not followed")
	}
	b.bodySize(r)
	if x.BodySHA256 != "" {
		sum, err := hex.DecodeString(x.BodySHA256)
		if err != nil || len(sum) != sha256.Size {
			b.Add("expect.body_sha256", "is not a SHA-256 checksum: want %d hexadecimal digits", 2*sha256.Size)
		}
		r.sha256 = sum
	}
	return r
}

func (b *builder) bodySize(r *rare) {
	size := b.Expect.BodySize
	if size == (BodySize{}) {
		return
	}
	most := b.MaxBodyBytes
	if most == 0 {
		most = httpclient.DefaultMaxBody
	}
	r.size.given, r.size.max = true, most
	read := func(path string, from amount.Bytes, to *int64) {
		if from == "" {
			return
		}
		switch limit, err := from.Limit(); {
		case err != nil:
			b.Check(path, err)
		case limit.IsShare():
			b.Add(path, "%s is a share: want a size such as 10KiB", limit)
		case limit.Of(0) > float64(most):
			b.Add(path, "%s is more than max_body_bytes, %d: no more than that is read", limit, most)
		default:
			*to = int64(limit.Of(0))
		}
	}
	read("expect.body_size.min", size.Min, &r.size.min)
	read("expect.body_size.max", size.Max, &r.size.max)
	if size.Max == "" {
		r.size.max = -1
	} else if r.size.min > r.size.max {
		b.Add("expect.body_size", "min is more than max")
	}
}

func (b *builder) queries(path string, texts []string) (list []*jq.Query) {
	for i, text := range texts {
		q, err := jq.Compile(text)
		b.Check(field.Item(path, i), err)
		list = append(list, q)
	}
	return list
}

// maxValues is how many values a check has at most.
const maxValues = 200

func (b *builder) namedQueries() (list []namedQuery) {
	if len(b.Values) > maxValues {
		b.Add("values", "more than %d values", maxValues)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Values)) {
		if b.Values[name] == "" { // what was meant as a value may be written as a name
			b.Add("values", "has a value without a query")
			continue
		}
		if !isName(name) {
			b.Add("values", "%.40q is not the name of a value: want up to %d printable characters", name, maxName)
		}
		q, err := jq.Compile(b.Values[name])
		b.Check("values."+name, err)
		list = append(list, namedQuery{name, q})
	}
	return list
}

// maxName is how long names that become labels may be, in bytes.
const maxName = 100

func isName(name string) bool {
	return name != "" && len(name) <= maxName && strings.TrimSpace(name) == name && strings.ToValidUTF8(name, "") == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// wantsBody reports whether the content of the body, or its size without coding, matters.
func (r *rare) wantsBody() bool {
	return len(r.json)+len(r.values)+len(r.sha256) > 0 || r.size.given
}

// judgeHead judges what is known without the body.
func (r *rare) judgeHead(a *httpclient.Answer) error {
	if r.tls && a.URL().Scheme != "https" {
		return healthcheck.Errorf(healthcheck.ReasonTLS, "answered by %s over plain http", target.AddressOf(a.URL()).Label())
	}
	if r.minValidity > 0 {
		what := "the certificate chain of " + target.AddressOf(a.URL()).Label()
		if a.Redirects > 0 {
			what = "a certificate chain on the way to " + target.AddressOf(a.URL()).Label()
		}
		if err := certs.Outlives(a.AppendCertificates(nil), r.minValidity, what); err != nil {
			return err
		}
	}
	if got := a.Protocol(); r.protocol != "" && got != r.protocol {
		return healthcheck.Errorf(healthcheck.ReasonProtocol, "answered by HTTP/%s, want HTTP/%s", a.Excerpt(got), r.protocol)
	}
	if u := a.URL().String(); r.finalURL != nil && !r.finalURL.MatchString(u) {
		return healthcheck.Errorf(healthcheck.ReasonBody, "the answer is that of %s, which does not match `%s`", a.Excerpt(target.URLLabel(u)), r.finalURL)
	}
	for i := range r.headersNot {
		if err := r.headersNot[i].judgeNot(a); err != nil {
			return err
		}
	}
	return nil
}

// judgeNot returns nil where none of the values of the header matches.
func (h *headerMatch) judgeNot(a *httpclient.Answer) error {
	for _, value := range a.Response.Header[h.name] {
		if h.match.MatchString(value) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "header %s is %q, which matches `%s`, as it should not",
				h.name, a.Excerpt(value), h.match)
		}
	}
	return nil
}

func (r *rare) judgeBody(ctx context.Context, a *httpclient.Answer, doc *document) error {
	if r.size.given {
		if err := r.judgeSize(a); err != nil {
			return err
		}
	}
	if r.sha256 != nil {
		if err := r.judgeSum(a); err != nil {
			return err
		}
	}
	if len(r.json) == 0 {
		return nil
	}
	v, err := doc.of(ctx, a)
	if err != nil {
		return err
	}
	for _, q := range r.json {
		if err := q.Holds(ctx, v); err != nil {
			return told(a, err)
		}
	}
	return nil
}

// judgeSize judges a body whose size is known as far as the bounds go: they are no more than what is read.
func (r *rare) judgeSize(a *httpclient.Answer) error {
	switch {
	case r.size.max >= 0 && a.Cut:
		return healthcheck.Errorf(healthcheck.ReasonBody, "the body has more than %d bytes, want at most %d", a.Size, r.size.max)
	case r.size.max >= 0 && a.Size > r.size.max:
		return healthcheck.Errorf(healthcheck.ReasonBody, "the body has %d bytes, want at most %d", a.Size, r.size.max)
	case a.Size < r.size.min:
		return healthcheck.Errorf(healthcheck.ReasonBody, "the body has %d bytes, want at least %d%s", a.Size, r.size.min, a.BodyExcerpt())
	}
	return nil
}

func (r *rare) judgeSum(a *httpclient.Answer) error {
	if a.Cut {
		return healthcheck.Errorf(healthcheck.ReasonBody, "the body goes on after %d bytes (max_body_bytes), its checksum is not known", a.Size)
	}
	if sum := sha256.Sum256(a.Body); string(sum[:]) != string(r.sha256) {
		return healthcheck.Errorf(healthcheck.ReasonBody, "the SHA-256 checksum of the body is %x, want %x", sum, r.sha256)
	}
	return nil
}

// noBody reports whether the answer to the method has none.
func noBody(method string) bool { return strings.EqualFold(method, http.MethodHead) }
