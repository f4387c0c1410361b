package kuma

import (
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
)

// http makes a check of the types http, keyword and json-query.
func (m *monitor) http(s *draft.Settings) {
	n := m.node
	m.check.Kind = "http"
	s.Set("url", m.draft.URL(m.check.Endpoint, n.Get("url"), draft.Quote(n.Text("url"))))
	if method := n.Text("method"); method != "GET" {
		s.Set("method", method)
	}
	headers := m.headers()
	if body := n.Text("body"); body != "" {
		encoding := n.Text("httpBodyEncoding")
		if kind := contentTypes[encoding]; kind != "" && headers.Get("Content-Type") == nil {
			headers.Set("Content-Type", kind)
		}
		s.Set("body", m.draft.Body(m.check.Endpoint, "body", n.Get("body"), draft.Quote(body)))
	} else {
		n.IgnoreKeys("there is no body", "httpBodyEncoding")
	}
	tls := &draft.Settings{}
	m.credentials(s, tls)
	if s.Get("basic_auth") != nil || s.Get("oauth2") != nil {
		headers = m.withoutAuthorization(headers)
	}
	s.Set("headers", headers)
	if ignore, _ := n.Bool("ignoreTls"); ignore {
		tls.Set("insecure_skip_verify", true)
	}
	s.Set("tls_config", tls)
	m.proxy(s)
	m.redirects(s)
	m.family(s)
	m.expect(s)
	if bust, _ := n.Bool("cacheBust"); bust {
		n.Get("cacheBust").Refuse("a parameter that changes with each request is not known here")
	}
}

// contentTypes are those of the encodings of a body.
var contentTypes = map[string]string{
	"":     "application/json",
	"json": "application/json",
	"xml":  "text/xml; charset=utf-8",
	"form": "application/x-www-form-urlencoded",
}

// headers reads the headers, which are JSON within a text.
func (m *monitor) headers() *draft.Settings {
	s := &draft.Settings{}
	n := m.node.Get("headers")
	text, _ := n.Scalar()
	if text == "" {
		return s
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		n.Refuse("want an object of JSON")
		return s
	}
	for dec.More() { // in the order of the text
		key, err := dec.Token()
		if err != nil {
			break
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			break
		}
		switch value.(type) {
		case map[string]any, []any, nil:
			n.Remark("the header %.60q has no text", key)
			continue
		}
		name := fmt.Sprint(key)
		s.Set(name, m.draft.Header(m.check.Endpoint, name, n, draft.Quote(fmt.Sprint(value))))
	}
	if _, err := dec.Token(); err != nil {
		n.Remark("is not valid JSON to its end")
	}
	return s
}

// withoutAuthorization drops the header that the credentials of the monitor replace.
func (m *monitor) withoutAuthorization(headers *draft.Settings) *draft.Settings {
	left := headers.Without(func(key string) bool { return strings.EqualFold(key, "Authorization") })
	if left.Len() < headers.Len() {
		m.node.Get("headers").Remark("Authorization is left out: the credentials of the monitor replace it")
	}
	return left
}

// credentials takes the settings of the way to authenticate.
func (m *monitor) credentials(s, tls *draft.Settings) {
	n, owner := m.node, m.check.Endpoint
	secret := func(key string) draft.Secret {
		return m.draft.Secret(owner, key, n.Get(key), draft.Quote(n.Text(key)))
	}
	switch method := n.Text("authMethod"); {
	case method == "" && n.Peek("basic_auth_user") != "", method == "basic":
		s.Set("basic_auth", new(draft.Settings).Set("username", n.Text("basic_auth_user")).Set("password", secret("basic_auth_pass")))
	case method == "oauth2-cc":
		o := new(draft.Settings).Set("client_id", n.Text("oauth_client_id")).Set("client_secret", secret("oauth_client_secret"))
		o.Set("token_url", n.Text("oauth_token_url")).Set("scopes", draft.Words(strings.Fields(n.Text("oauth_scopes"))))
		if audience := n.Text("oauth_audience"); audience != "" {
			o.Set("endpoint_params", new(draft.Settings).Set("audience", audience))
		}
		if way := n.Text("oauth_auth_method"); way != "" && way != "client_secret_basic" && way != "client_secret_post" {
			n.Get("oauth_auth_method").Refuse("this way to send the client's secret is not known here")
		}
		s.Set("oauth2", o)
	case method == "mtls":
		tls.Set("ca", n.Text("tlsCa")).Set("cert", n.Text("tlsCert")).Set("key", secret("tlsKey"))
	case method == "ntlm":
		n.Get("authMethod").Refuse("NTLM is not known here")
		n.IgnoreKeys("they are for NTLM", "basic_auth_user", "basic_auth_pass", "authWorkstation", "authDomain")
	case method != "":
		n.Get("authMethod").Refuse("this way to authenticate is not known here")
	}
	n.IgnoreKeys("they are for another way to authenticate than that of the monitor", "basic_auth_user", "basic_auth_pass",
		"authWorkstation", "authDomain", "oauth_client_id", "oauth_client_secret", "oauth_token_url", "oauth_scopes",
		"oauth_audience", "oauth_auth_method", "tlsCa", "tlsCert", "tlsKey")
}

// proxy takes the proxy of the list that the monitor names.
func (m *monitor) proxy(s *draft.Settings) {
	id := m.node.Get("proxyId")
	if id == nil {
		return
	}
	p := m.proxies[id.PeekSelf()]
	if p == nil {
		id.Refuse("the proxy is not in the file")
		return
	}
	p.Use().IgnoreKeys("it is about the page", "id", "userId", "user_id", "default", "createdDate", "created_date", "applyExisting")
	if active, ok := p.Bool("active"); ok && !active {
		p.Ignore("it is not active")
		id.Ignore("the proxy is not active")
		return
	}
	protocol := p.Text("protocol")
	if !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, protocol) {
		id.Refuse("proxies with %.20q are not known here", protocol)
		return
	}
	user := ""
	if auth, _ := p.Bool("auth"); auth {
		user = escape(p.Text("username")) + ":" + escape(p.Text("password")) + "@"
	}
	p.IgnoreKeys("the proxy wants no credentials", "username", "password")
	url := protocol + "://" + user + net.JoinHostPort(p.Text("host"), p.Text("port"))
	from := p.At("password")
	if from == nil {
		from = p
	}
	s.Set("proxy_url", m.draft.URL("proxy_"+p.Peek("id"), from, draft.Quote(url)))
}

// redirects takes how many redirects are followed.
func (m *monitor) redirects(s *draft.Settings) {
	switch count, ok := m.node.Int("maxredirects"); {
	case !ok || count == 10:
	case count == 0:
		s.Set("follow_redirects", false)
	default:
		m.node.Get("maxredirects").Refuse("up to ten redirects are followed, or none")
	}
}

// family takes a restriction to one IP protocol.
func (m *monitor) family(s *draft.Settings) {
	switch family := m.node.Text("ipFamily"); family {
	case "":
	case "ipv4", "ipv6":
		s.Set("ip_protocol", "ip"+family[3:])
	default:
		m.node.Get("ipFamily").Refuse("want ipv4 or ipv6")
	}
}

var (
	singleStatus = regexp.MustCompile(`^\d{3}$`)
	statusRange  = regexp.MustCompile(`^(\d{3})-(\d{3})$`)
	topKey       = regexp.MustCompile(`^(?:\$\.)?([A-Za-z_][A-Za-z0-9_-]*)$`)
)

// expect takes what makes an answer good.
func (m *monitor) expect(s *draft.Settings) {
	n := m.node
	e := &draft.Settings{}
	var status []string
	for _, item := range n.List("accepted_statuscodes") {
		text, _ := item.Scalar()
		switch r := statusRange.FindStringSubmatch(text); {
		case r != nil && r[1][1:] == "00" && r[2][1:] == "99" && r[1][0] == r[2][0]:
			status = append(status, text[:1]+"xx")
		case r != nil, singleStatus.MatchString(text):
			status = append(status, text)
		default:
			item.Refuse("want a status such as 200, or a range of them")
		}
	}
	if len(status) != 1 || status[0] != "2xx" {
		e.Set("status", draft.Words(status))
	}
	if m.kind == "keyword" {
		key := "body_matches"
		if invert, _ := n.Bool("invertKeyword"); invert {
			key = "body_not_matches"
		}
		if keyword := n.Text("keyword"); keyword != "" {
			e.Set(key, []string{regexp.QuoteMeta(keyword)})
		}
	}
	if m.kind == "json-query" {
		m.jsonQuery(e)
	}
	s.Set("expect", e)
}

// jsonQuery takes a query for a key at the top of an object. Others are JSONata, which is not known here.
func (m *monitor) jsonQuery(e *draft.Settings) {
	n := m.node
	path := topKey.FindStringSubmatch(n.Text("jsonPath"))
	operator := n.Peek("jsonPathOperator")
	if path == nil || operator != "" && operator != "==" {
		n.Get("jsonPath").Refuse("only a key at the top of a JSON object can be expected to be equal to something")
		n.IgnoreKeys("the query cannot be taken over", "expectedValue", "jsonPathOperator")
		return
	}
	n.Get("jsonPathOperator")
	value := regexp.QuoteMeta(n.Text("expectedValue"))
	e.Set("body_matches", []string{`^\s*\{(?:[^{}\[\]]*,)?\s*"` + regexp.QuoteMeta(path[1]) + `"\s*:\s*(?:"` + value + `"|` + value + `)\s*[,}]`})
	n.Get("jsonPath").Remark("a regular expression stands for it, which wants the key before all lists and objects of the body")
}

// escape returns a text as it stands in the user information of a URL.
func escape(text string) string {
	return strings.NewReplacer("%", "%25", "@", "%40", "/", "%2F", "?", "%3F", "#", "%23", ":", "%3A", " ", "%20").Replace(text)
}
