package blackbox

import (
	"slices"
	"strings"

	"github.com/alecthomas/units"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// maxBody is the largest max_body_bytes of the kind http.
const maxBody = 64 << 20

// readHTTP reads an http_probe.
func (c *converter) readHTTP(m *module, n *tree.Node) {
	s := m.base.Settings
	s.Set("method", n.Text("method"))
	c.request(m, n, s)
	c.credentials(m, n, s)
	c.tls(m.name, n, s)
	c.proxy(m, n, s)
	c.followed(n, s)
	if size := n.Get("body_size_limit"); size != nil {
		c.bodyLimit(size, s)
	}
	copyBools(n, s, "enable_http2")
	c.preference(m, n, "ip_protocol")
	c.expect(n, s)
	n.IgnoreKeys("names are resolved by whoever connects", "skip_resolve_phase_with_proxy", "use_proxy_dns")
}

// request reads what is sent.
func (c *converter) request(m *module, n *tree.Node, s *draft.Settings) {
	headers := &draft.Settings{}
	compression := n.Text("compression")
	for _, h := range n.Map("headers").Entries() {
		value, ok := h.Scalar()
		switch {
		case !ok:
		case compression != "" && strings.EqualFold(h.Key(), "Accept-Encoding"):
			h.Refuse("accept_encoding, which stands for compression, sends this header")
		default:
			headers.Set(h.Key(), c.draft.Header(m.name, h.Key(), h, draft.Quote(value)))
		}
	}
	s.Set("headers", headers)
	if compression != "" {
		s.Set("accept_encoding", draft.Words([]string{compression}))
	}
	if body := n.Get("body"); body != nil {
		text, _ := body.Scalar()
		s.Set("body", c.draft.Body(m.name, "body", body, draft.Quote(text)))
	}
	if file := n.Text("body_file"); file != "" {
		s.Set("body", draft.Raw("${file:"+file+"}"))
	}
	n.RefuseKeys("write them as headers", "http_headers")
}

// credentials reads the ways to authenticate, which are those of Prometheus, as ours are.
func (c *converter) credentials(m *module, n *tree.Node, s *draft.Settings) {
	secret := func(from *tree.Node, key string, into *draft.Settings) {
		if v := from.Get(key); v != nil {
			text, _ := v.Scalar()
			into.Set(key, c.draft.Secret(m.name, key, v, draft.Quote(text)))
		}
	}
	if basic := n.Map("basic_auth"); basic != nil {
		into := &draft.Settings{}
		copyTexts(basic, into, "username", "username_file")
		secret(basic, "password", into)
		copyTexts(basic, into, "password_file")
		s.Set("basic_auth", into)
	}
	authorization := &draft.Settings{}
	if a := n.Map("authorization"); a != nil {
		copyTexts(a, authorization, "type")
		secret(a, "credentials", authorization)
		copyTexts(a, authorization, "credentials_file")
	}
	if token := n.Get("bearer_token"); token != nil {
		text, _ := token.Scalar()
		authorization.Set("credentials", c.draft.Secret(m.name, "bearer_token", token, draft.Quote(text)))
	}
	authorization.Set("credentials_file", n.Text("bearer_token_file"))
	s.Set("authorization", authorization)
	if o := n.Map("oauth2"); o != nil {
		into := &draft.Settings{}
		copyTexts(o, into, "client_id")
		secret(o, "client_secret", into)
		copyTexts(o, into, "client_secret_file")
		secret(o, "client_certificate_key", into)
		copyTexts(o, into, "client_certificate_key_id", "client_certificate_key_file", "grant_type", "signature_algorithm", "iss", "audience")
		into.Set("scopes", draft.Words(o.Texts("scopes")))
		copyTexts(o, into, "token_url")
		params := &draft.Settings{}
		for _, p := range o.Map("endpoint_params").Entries() {
			if value, ok := p.Scalar(); ok {
				params.Set(p.Key(), c.draft.Header(m.name, p.Key(), p, draft.Quote(value)))
			}
		}
		into.Set("endpoint_params", params)
		c.tls(m.name+"_oauth2", o, into)
		c.proxy(m, o, into)
		s.Set("oauth2", into)
	}
}

// proxy reads the settings of a proxy.
func (c *converter) proxy(m *module, n *tree.Node, s *draft.Settings) {
	if url := n.Get("proxy_url"); url != nil {
		text, _ := url.Scalar()
		s.Set("proxy_url", c.draft.URL(m.name+"_proxy", url, draft.Quote(text)))
	}
	copyTexts(n, s, "no_proxy")
	copyBools(n, s, "proxy_from_environment")
	headers := &draft.Settings{}
	for _, h := range n.Map("proxy_connect_header").Entries() {
		var values []*tree.Node
		if values = h.Parts(); h.Kind != tree.List {
			values = []*tree.Node{h}
		}
		if len(values) != 1 {
			h.Refuse("give one value")
			continue
		}
		text, _ := values[0].Scalar()
		headers.Set(h.Key(), []draft.Secret{c.draft.Secret(m.name+"_proxy", h.Key(), values[0], draft.Quote(text))})
	}
	s.Set("proxy_connect_header", headers)
}

// followed reads both the name of today and that of before 0.20.
func (c *converter) followed(n *tree.Node, s *draft.Settings) {
	if follow, ok := n.Bool("follow_redirects"); ok {
		s.Set("follow_redirects", follow)
	}
	if not, ok := n.Bool("no_follow_redirects"); ok {
		s.Set("follow_redirects", !not)
	}
}

func (c *converter) bodyLimit(size *tree.Node, s *draft.Settings) {
	text, _ := size.Scalar()
	bytes, err := units.ParseBase2Bytes(text)
	switch {
	case text == "0":
		size.Ignore("0 is no limit; here it is 1 MiB")
	case err != nil || bytes <= 0:
		size.Refuse("want a size such as 10MB here")
	case bytes > maxBody:
		size.Refuse("more than 64 MiB of a body are not read")
	default:
		s.Set("max_body_bytes", int(bytes))
	}
}

// status returns the good status codes. A redirect that is followed is never the last answer to blackbox_exporter; a status
// that is expected here is not followed.
func (c *converter) status(n *tree.Node, follow bool) draft.Flow {
	var final []string
	items := n.List("valid_status_codes")
	for _, item := range items {
		if text, ok := item.Scalar(); ok && (!follow || !slices.Contains(redirects, text)) {
			final = append(final, text)
		}
	}
	for _, item := range items {
		text, ok := item.Scalar()
		switch {
		case !ok || slices.Contains(final, text):
		case len(final) == 0:
			item.Remark("redirects are followed, so this is not the status of the last answer")
		default:
			item.Ignore("redirects are followed, so this is never the last status")
		}
	}
	return draft.Words(final)
}

// redirects are the statuses that are followed where there is a Location.
var redirects = []string{"301", "302", "303", "307", "308"}

// expect reads what makes an answer good.
func (c *converter) expect(n *tree.Node, s *draft.Settings) {
	e := &draft.Settings{}
	e.Set("status", c.status(n, s.Get("follow_redirects") != false))
	e.Set("body_matches", n.Texts("fail_if_body_not_matches_regexp"))
	e.Set("body_not_matches", n.Texts("fail_if_body_matches_regexp"))
	headers := &draft.Settings{}
	for _, h := range n.List("fail_if_header_not_matches") {
		name, pattern := h.Text("header"), h.Text("regexp")
		missing, _ := h.Bool("allow_missing")
		switch {
		case missing:
			h.Refuse("a header that is expected cannot be missing")
		case headers.Get(name) != nil:
			h.Refuse("a header can have one pattern")
		default:
			headers.Set(name, pattern)
		}
	}
	e.Set("headers", headers)
	s.Set("expect", e)
	n.RefuseKeys("a header that must not be, or must not match, cannot be expected", "fail_if_header_matches")
	n.RefuseKeys("CEL is not known here", "fail_if_body_json_matches_cel", "fail_if_body_json_not_matches_cel")
	n.RefuseKeys("the version of HTTP cannot be expected", "valid_http_versions")
	for _, key := range []string{"fail_if_ssl", "fail_if_not_ssl"} {
		if set, ok := n.Bool(key); ok && set {
			n.Get(key).Refuse("that TLS is used, or not, cannot be expected: the scheme of the URL says it, before redirects")
		}
	}
}
