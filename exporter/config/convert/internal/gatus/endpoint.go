package gatus

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// endpoint converts an endpoint into a check of its own.
func (c *converter) endpoint(n *tree.Node) {
	if n.Kind != tree.Map {
		n.Refuse("want a mapping here")
		return
	}
	if enabled, ok := n.Bool("enabled"); ok && !enabled {
		c.place(n, "it is not enabled")
		return
	}
	url := n.Peek("url")
	protocol, address, _ := strings.Cut(url, "://")
	e := &endpoint{converter: c, node: n, url: url, address: address, client: n.Map("client")}
	maker := e.http
	switch {
	case n.Has("dns"):
		maker = e.dns
	case protocol == "tcp", protocol == "tls":
		e.tls = protocol == "tls"
		maker = e.tcp
	case protocol == "ssh":
		if ssh := n.At("ssh"); ssh.Peek("username") != "" || ssh.Peek("password") != "" {
			c.place(n, "there is no kind of check that logs in over SSH")
			return
		}
		maker = e.sshBanner
	case protocol == "http", protocol == "https", strings.HasPrefix(url, "$"):
	case protocol == url:
		c.place(n, "it has no url with a scheme")
		return
	default:
		c.place(n, "there is no kind of check for "+scheme(protocol))
		return
	}
	e.convert(maker)
}

// scheme shows the scheme of a URL.
func scheme(s string) string {
	if len(s) > 20 || strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return "the scheme of its url"
	}
	return s + "://"
}

// endpoint is an endpoint on its way to a check.
type endpoint struct {
	*converter
	node         *tree.Node
	client       *tree.Node
	url, address string
	tls          bool
	check        *draft.Check
	conditions   []condition
}

// convert makes the check. What is of its protocol is left to the function.
func (e *endpoint) convert(protocol func(*draft.Settings)) {
	n := e.node.Use()
	name, group := n.Text("name"), n.Text("group")
	n.Get("url")
	check := &draft.Check{From: n, Endpoint: e.draft.Endpoint(e.url, group, name), Settings: &draft.Settings{}}
	e.check = check
	back := e.draft.Ledger.At(&check.Notes)
	defer back()
	check.Name = text(n, "name")
	e.label("group", n.Get("group"))
	check.Interval, check.Timeout = defaultInterval, defaultTimeout
	if d, ok := n.Duration("interval"); ok {
		check.Interval = d
	}
	if d, ok := e.client.Duration("timeout"); ok && d >= time.Millisecond {
		check.Timeout = d
	}
	for _, l := range n.Map("extra-labels").Entries() {
		e.label(l.Key(), l)
	}
	for _, w := range n.List("maintenance-windows") {
		if window := e.window(w); window != nil {
			check.Maintenance = append(check.Maintenance, window)
		}
	}
	for _, item := range n.List("conditions") {
		if cond, ok := parseCondition(item); ok {
			e.conditions = append(e.conditions, cond)
		}
	}
	protocol(check.Settings)
	for _, cond := range e.conditions {
		if cond.node.Fate() == tree.Used && !cond.done {
			cond.node.Refuse("this condition cannot be expected of this kind of check")
		}
	}
	n.RefuseKeys(forAlertmanager, "alerts")
	n.IgnoreKeys("it is about the page", "ui")
	n.IgnoreKeys("it is for suites only", "store", "always-run")
	e.client.RefuseKeys("names are resolved by the system", "dns-resolver")
	e.client.RefuseKeys("SSH tunnels are not known here", "tunnel")
	e.client.RefuseKeys("this way to log in is not known here", "identity-aware-proxy", "kerberos")
	e.client.IgnoreKeys("it is for icmp only", "network")
	n.Sweep()
	e.draft.Add(check)
}

// label takes a label.
func (e *endpoint) label(name string, n *tree.Node) {
	value, ok := n.Scalar()
	if !ok || value == "" {
		return
	}
	if err := e.check.SetLabel(name, read(n, value)); err != nil {
		n.Refuse("%v", err)
	}
}

// http makes a check of the kind http.
func (e *endpoint) http(s *draft.Settings) {
	n := e.node
	e.check.Kind = "http"
	s.Set("url", e.draft.URL(e.check.Endpoint, n.Get("url"), read(n.Get("url"), e.url)))
	s.Set("method", text(n, "method"))
	headers := &draft.Settings{}
	for _, h := range n.Map("headers").Entries() {
		if value, ok := h.Scalar(); ok {
			headers.Set(h.Key(), e.draft.Header(e.check.Endpoint, h.Key(), h, read(h, value)))
		}
	}
	body := e.body()
	if graphQL, _ := n.Bool("graphql"); graphQL {
		query, _ := json.Marshal(map[string]string{"query": string(body)})
		body = draft.Raw(query)
		if headers.Get("Content-Type") == nil {
			headers.Set("Content-Type", "application/json")
		}
	}
	s.Set("headers", headers)
	s.Set("body", e.draft.Body(e.check.Endpoint, "body", n.Get("body"), body))
	follow := true
	if ignore, _ := e.client.Bool("ignore-redirect"); ignore {
		follow = false
		s.Set("follow_redirects", false)
	}
	if o := e.client.Map("oauth2"); o != nil {
		into := new(draft.Settings).Set("client_id", text(o, "client-id"))
		into.Set("client_secret", e.draft.Secret(e.check.Endpoint, "client_secret", o.Get("client-secret"), text(o, "client-secret")))
		var scopes draft.Flow
		for _, item := range o.List("scopes") {
			if scope, ok := item.Scalar(); ok {
				scopes = append(scopes, read(item, scope))
			}
		}
		s.Set("oauth2", into.Set("token_url", text(o, "token-url")).Set("scopes", scopes))
	}
	s.Set("tls_config", e.tlsConfig())
	if proxy := e.client.Get("proxy-url"); proxy != nil {
		s.Set("proxy_url", e.draft.URL(e.check.Endpoint+"_proxy", proxy, text(e.client, "proxy-url")))
	}
	s.Set("expect", e.expectHTTP(follow))
}

var randomText = regexp.MustCompile(`\[RANDOM_STRING_\d+\]`)

// body returns the body, its placeholders filled in.
func (e *endpoint) body() draft.Raw {
	n := e.node.Get("body")
	value, ok := n.Scalar()
	if !ok {
		return ""
	}
	if randomText.MatchString(value) {
		n.Remark("random text is not known here: the placeholder is sent as it is")
	}
	value = strings.NewReplacer("[ENDPOINT_NAME]", e.node.Peek("name"), "[ENDPOINT_GROUP]", e.node.Peek("group"), "[ENDPOINT_URL]", e.url).Replace(value)
	return read(n, value)
}

// tlsConfig returns the settings of TLS.
func (e *endpoint) tlsConfig() *draft.Settings {
	s := &draft.Settings{}
	if insecure, ok := e.client.Bool("insecure"); ok && insecure {
		s.Set("insecure_skip_verify", true)
	}
	if t := e.client.Map("tls"); t != nil {
		s.Set("cert_file", text(t, "certificate-file")).Set("key_file", text(t, "private-key-file"))
		if r := t.Get("renegotiation"); r != nil && r.PeekSelf() != "never" {
			r.Refuse("renegotiation is not supported")
		}
	}
	return s
}

// tcp makes a check of the kind tcp.
func (e *endpoint) tcp(s *draft.Settings) {
	e.check.Kind = "tcp"
	s.Set("address", read(e.node.Get("url"), e.address))
	if e.tls {
		s.Set("tls", true)
		s.Set("tls_config", e.tlsConfig())
	} else {
		e.client.IgnoreKeys("it has no effect without TLS", "insecure", "tls")
	}
	e.client.IgnoreKeys("it is for HTTP only", "ignore-redirect", "oauth2", "proxy-url")
	e.node.IgnoreKeys("it is for HTTP only", "method", "headers", "graphql")
	var dialog []*draft.Settings
	if body := e.node.Get("body"); body != nil {
		dialog = append(dialog, new(draft.Settings).Set("send", e.draft.Body(e.check.Endpoint, "body", body, e.body())))
	}
	for i := range e.conditions {
		cond := &e.conditions[i]
		if pattern, ok := cond.bodyPattern(); ok && cond.op == "==" && len(dialog) == 1 {
			dialog[0].Set("expect_bytes", pattern)
			dialog = append(dialog, nil)
			cond.done = true
		}
	}
	s.Set("dialog", dialog[:min(len(dialog), 1)])
	e.expectTimes(s)
}

// sshBanner makes a check of the greeting of an SSH server, as gatus does without a user.
func (e *endpoint) sshBanner(s *draft.Settings) {
	e.check.Kind = "tcp"
	e.node.IgnoreKeys("it is not sent without a user", "ssh", "body")
	e.node.IgnoreKeys("it is for HTTP only", "method", "headers", "graphql")
	e.client.IgnoreKeys("it has no effect with SSH", "insecure", "tls", "ignore-redirect", "oauth2", "proxy-url")
	s.Set("address", read(e.node.Get("url"), e.address))
	s.Set("dialog", []*draft.Settings{new(draft.Settings).Set("expect", "^SSH-")})
	for i := range e.conditions {
		if cond := &e.conditions[i]; cond.left == "[STATUS]" && cond.op == "==" && cond.right == "0" {
			cond.done = true
		}
	}
	e.expectTimes(s)
}
