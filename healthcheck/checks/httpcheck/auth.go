package httpcheck

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/config"
)

// checkCredentials reports credentials that are incomplete, or come from more than one place.
func (b *builder) checkCredentials() {
	var given []string
	add := func(there bool, name string) {
		if there {
			given = append(given, name)
		}
	}
	add(b.user != nil, "the user information of the url")
	for name := range b.Headers {
		add(http.CanonicalHeaderKey(name) == "Authorization", "the header Authorization")
	}
	add(b.BasicAuth != nil, "basic_auth")
	add(b.Authorization != nil, "authorization")
	add(b.OAuth2 != nil, "oauth2")
	if len(given) > 1 {
		b.bad("", "credentials come from %s: give one of them", strings.Join(given, " and "))
	}
	if a := b.BasicAuth; a != nil {
		b.validate("basic_auth", &config.HTTPClientConfig{BasicAuth: a})
		b.noRef("basic_auth.username_ref", a.UsernameRef)
		b.noRef("basic_auth.password_ref", a.PasswordRef)
	}
	if a := b.Authorization; a != nil {
		copied := *a // Validate fills in the default of Type
		b.validate("authorization", &config.HTTPClientConfig{Authorization: &copied})
		b.noRef("authorization.credentials_ref", a.CredentialsRef)
		if a.Credentials == "" && a.CredentialsFile == "" && a.CredentialsRef == "" {
			b.bad("authorization", "has no credentials: give credentials or credentials_file")
		}
	}
	if o := b.OAuth2; o != nil {
		b.validate("oauth2", &config.HTTPClientConfig{OAuth2: o})
		b.noRef("oauth2.client_secret_ref", o.ClientSecretRef)
		b.noRef("oauth2.client_certificate_key_ref", o.ClientCertificateKeyRef)
		if u, err := url.Parse(o.TokenURL); o.TokenURL != "" && (err != nil || u.Hostname() == "") {
			b.bad("oauth2.token_url", "is not a valid URL")
		}
		if err := o.Validate(); err != nil {
			b.bad("oauth2", "%w", err)
		}
		if _, err := config.NewTLSConfig(&o.TLSConfig); err != nil {
			b.bad("oauth2.tls_config", "%w", err)
		}
	}
}

func (b *builder) validate(field string, c *config.HTTPClientConfig) {
	if err := c.Validate(); err != nil {
		b.bad(field, "%w", err)
	}
}

func (b *builder) noRef(field, ref string) {
	if ref != "" {
		b.bad(field, "there is no secret manager: give the value or a file")
	}
}

// authorize returns the transport that adds the credentials. Those that cannot change go into the request instead,
// once and for all.
func (b *builder) authorize(c *checker) http.RoundTripper {
	switch {
	case b.BasicAuth != nil && b.BasicAuth.UsernameFile == "" && b.BasicAuth.PasswordFile == "":
		c.template.authorize("Basic " + basic(b.BasicAuth.Username, string(b.BasicAuth.Password)))
	case b.BasicAuth != nil:
		a := b.BasicAuth
		return config.NewBasicAuthRoundTripper(secret(config.Secret(a.Username), a.UsernameFile), secret(a.Password, a.PasswordFile), c.wire)
	case b.Authorization != nil && b.Authorization.CredentialsFile == "":
		c.template.authorize(authorizationType(b.Authorization) + " " + string(b.Authorization.Credentials))
	case b.Authorization != nil:
		return config.NewAuthorizationCredentialsRoundTripper(authorizationType(b.Authorization), secret("", b.Authorization.CredentialsFile), c.wire)
	case b.OAuth2 != nil:
		return b.oauth2(c)
	case b.user != nil:
		password, _ := b.user.Password()
		c.template.authorize("Basic " + basic(b.user.Username(), password))
	}
	return c.wire
}

func authorizationType(a *config.Authorization) string {
	if t := strings.TrimSpace(a.Type); t != "" {
		return t
	}
	return "Bearer"
}

// secret returns a reader of one of text and file.
func secret(text config.Secret, file string) config.SecretReader {
	if file != "" {
		return config.NewFileSecret(file)
	}
	return config.NewInlineSecret(string(text))
}

func (b *builder) oauth2(c *checker) http.RoundTripper {
	o := *b.OAuth2
	credential := secret(o.ClientSecret, o.ClientSecretFile)
	if o.GrantType == "urn:ietf:params:oauth:grant-type:jwt-bearer" { // RFC 7523
		credential = secret(o.ClientCertificateKey, o.ClientCertificateKeyFile)
	}
	c.tokens = &tokenDialer{}
	return config.NewOAuth2RoundTripper(credential, &o, c.wire,
		config.WithDialContextFunc(c.tokens.dial), config.WithKeepAlivesDisabled())
}

// tokenDialer opens the connections to a token endpoint. The library requests tokens without the context of the run,
// so the run's end is put on the connection instead.
type tokenDialer struct {
	mu     sync.Mutex
	run    context.Context // of the run under way, nil between runs
	dialed bool            // the run has needed a token
}

func (d *tokenDialer) begin(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run, d.dialed = ctx, false
}

func (d *tokenDialer) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run = nil
}

// fetching reports whether the run has asked for a token. A nil tokenDialer never has.
func (d *tokenDialer) fetching() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dialed
}

func (d *tokenDialer) dial(_ context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	run := d.run
	d.dialed = true
	d.mu.Unlock()
	if run == nil {
		return nil, context.Canceled
	}
	conn, err := dialer.DialContext(run, network, address)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(run, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, nil
}

// secrets returns everything in the configuration that may be secret, as it would look in what a peer sends back. What
// the target shows is none.
func (b *builder) secrets(u *url.URL) secretList {
	list := append(b.urlSecrets(u.RawQuery), b.headerSecrets()...)
	if a := b.BasicAuth; a != nil {
		list = append(list, passwordSecrets(a.Username, string(a.Password))...)
	}
	if b.Authorization != nil {
		list = append(list, string(b.Authorization.Credentials))
	}
	if b.OAuth2 != nil {
		list = append(list, string(b.OAuth2.ClientSecret), string(b.OAuth2.ClientCertificateKey))
	}
	if b.ProxyURL != "" {
		if proxy, err := url.Parse(b.ProxyURL); err == nil {
			list = append(list, userSecrets(proxy.User)...)
		}
	}
	for _, values := range b.ProxyConnectHeader {
		for _, v := range values {
			list = append(list, string(v))
		}
	}
	if b.Body != "" {
		list = append(list, b.Body)
	}
	if len(list) == 0 {
		return nil
	}
	target := redact(u)
	return newSecretList(slices.DeleteFunc(list, func(s string) bool { return strings.Contains(target, s) }))
}

func (b *builder) urlSecrets(query string) []string {
	list := userSecrets(b.user)
	if query == "" {
		return list
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			value = name // perhaps a bare token
		}
		plain, _ := url.QueryUnescape(value)
		list = append(list, value, plain)
	}
	return list
}

// headerSecrets returns the values of all headers but those that are known to hold no secret.
func (b *builder) headerSecrets() []string {
	var list []string
	for name, value := range b.Headers {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "User-Agent", "Accept", "Accept-Language", "Content-Type":
		default:
			_, credentials, _ := strings.Cut(value, " ")
			list = append(list, value, credentials)
		}
	}
	return list
}

func userSecrets(user *url.Userinfo) []string {
	password, _ := user.Password()
	return passwordSecrets(user.Username(), password)
}

func passwordSecrets(username, password string) []string {
	if password == "" {
		return nil
	}
	return []string{password, url.QueryEscape(password), basic(username, password)}
}

func basic(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}
