package httpclient

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// checkCredentials notes credentials that are incomplete, or come from more than one place.
func (b *builder) checkCredentials() {
	inHeaders := false
	for name := range b.Headers {
		inHeaders = inHeaders || http.CanonicalHeaderKey(name) == "Authorization"
	}
	b.Exclusive("credentials", field.Given{Field: "url", Set: b.user != nil}, field.Given{Field: "headers", Set: inHeaders},
		field.Given{Field: "basic_auth", Set: b.BasicAuth != nil}, field.Given{Field: "authorization", Set: b.Authorization != nil},
		field.Given{Field: "oauth2", Set: b.OAuth2 != nil})
	if a := b.BasicAuth; a != nil {
		b.Check("basic_auth", (&config.HTTPClientConfig{BasicAuth: a}).Validate())
		b.noRef("basic_auth.username_ref", a.UsernameRef)
		b.noRef("basic_auth.password_ref", a.PasswordRef)
	}
	if a := b.Authorization; a != nil {
		copied := *a // Validate fills in the default of Type
		b.Check("authorization", (&config.HTTPClientConfig{Authorization: &copied}).Validate())
		b.noRef("authorization.credentials_ref", a.CredentialsRef)
		if a.Credentials == "" && a.CredentialsFile == "" && a.CredentialsRef == "" {
			b.Add("authorization", "has no credentials: give credentials or credentials_file")
		}
	}
	if o := b.OAuth2; o != nil {
		b.Check("oauth2", (&config.HTTPClientConfig{OAuth2: o}).Validate())
		b.noRef("oauth2.client_secret_ref", o.ClientSecretRef)
		b.noRef("oauth2.client_certificate_key_ref", o.ClientCertificateKeyRef)
		if o.TokenURL != "" {
			_, err := target.ParseURL(o.TokenURL, "http", "https")
			b.Check("oauth2.token_url", err)
		}
		b.Check("oauth2", o.Validate())
		_, err := config.NewTLSConfig(&o.TLSConfig)
		b.Check("oauth2.tls_config", err)
	}
}

func (b *builder) noRef(path, ref string) {
	if ref != "" {
		b.Add(path, "there is no secret manager: give the value or a file")
	}
}

// credentials make the header Authorization of a run.
type credentials interface {
	// authorization returns the value of the header. The set has learned what of it, and of the way to it, nobody must
	// see, also where it fails. A failure to get it from another server is a *tokenError.
	authorization(ctx context.Context) (string, error)
}

// tokenError is why a token endpoint gave no token.
type tokenError struct{ error }

func (e *tokenError) Unwrap() error { return e.error }

// newCredentials returns nil where there are none, or those that cannot change, which go into the header of all runs.
func (b *builder) newCredentials(set *secret.Set, header func(value string)) credentials {
	switch {
	case b.BasicAuth != nil && b.BasicAuth.UsernameFile == "" && b.BasicAuth.PasswordFile == "":
		header("Basic " + basic(b.BasicAuth.Username, string(b.BasicAuth.Password)))
	case b.BasicAuth != nil:
		return &fileCredentials{set: set, user: reader(b.BasicAuth.Username, b.BasicAuth.UsernameFile), secret: reader(string(b.BasicAuth.Password), b.BasicAuth.PasswordFile)}
	case b.Authorization != nil && b.Authorization.CredentialsFile == "":
		header(authorizationType(b.Authorization) + " " + string(b.Authorization.Credentials))
	case b.Authorization != nil:
		return &fileCredentials{set: set, scheme: authorizationType(b.Authorization), secret: reader("", b.Authorization.CredentialsFile)}
	case b.OAuth2 != nil:
		return newTokens(*b.OAuth2, set)
	case b.user != nil:
		password, _ := b.user.Password()
		header("Basic " + basic(b.user.Username(), password))
	}
	return nil
}

func authorizationType(a *config.Authorization) string {
	if t := strings.TrimSpace(a.Type); t != "" {
		return t
	}
	return "Bearer"
}

// reader returns a reader of one of text and file. That of a file reads it each time.
func reader(text, file string) config.SecretReader {
	if file != "" {
		return config.NewFileSecret(file)
	}
	return config.NewInlineSecret(text)
}

// fileCredentials read files in each run.
type fileCredentials struct {
	set    *secret.Set
	scheme string              // empty for user and password (RFC 7617)
	user   config.SecretReader // nil with a scheme
	secret config.SecretReader
}

func (c *fileCredentials) authorization(ctx context.Context) (string, error) {
	text, err := c.secret.Fetch(ctx)
	c.set.Learn(text)
	if err != nil {
		return "", err
	}
	if c.scheme != "" {
		return c.scheme + " " + text, nil
	}
	user, err := c.user.Fetch(ctx)
	if err != nil {
		return "", err
	}
	c.set.Learn(user)
	c.set.LearnBasic(user, text)
	return "Basic " + basic(user, text), nil
}

// tokens are credentials from a token endpoint (RFC 6749). The library keeps a token until it expires, and requests the
// next without the context of the run, so the run's end is put on the connection instead. One run at a time gets its
// token here.
type tokens struct {
	transport http.RoundTripper // adds a token and calls RoundTrip
	set       *secret.Set
	turn      chan struct{} // holds the one whose call it is

	mu     sync.Mutex
	run    context.Context // of the call under way
	stops  []func() bool
	dialed bool // in the last call
	header string
}

func newTokens(o config.OAuth2, set *secret.Set) *tokens {
	t := &tokens{set: set, turn: make(chan struct{}, 1)}
	credential := reader(string(o.ClientSecret), o.ClientSecretFile)
	if o.GrantType == "urn:ietf:params:oauth:grant-type:jwt-bearer" { // RFC 7523
		credential = reader(string(o.ClientCertificateKey), o.ClientCertificateKeyFile)
	}
	t.transport = config.NewOAuth2RoundTripper(set.Watch(credential), &o, (*tokenTaker)(t),
		config.WithDialContextFunc(t.dial), config.WithKeepAlivesDisabled())
	return t
}

func (t *tokens) authorization(ctx context.Context) (string, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { <-t.turn }()
	t.begin(ctx)
	req := (&http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: defaultHeader}).WithContext(ctx)
	resp, err := t.transport.RoundTrip(req)
	if dialed := t.end(); err != nil {
		if _, ok := errors.AsType[*url.Error](err); ok || dialed {
			err = &tokenError{err}
		}
		return "", err
	}
	_ = resp.Body.Close()
	t.set.Learn(t.header)
	return t.header, nil
}

func (t *tokens) begin(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run, t.dialed, t.header = ctx, false, ""
}

// end reports whether there was need of another server.
func (t *tokens) end() (dialed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.run = nil
	for _, stop := range t.stops {
		stop()
	}
	t.stops = nil
	return t.dialed
}

func (t *tokens) dial(_ context.Context, network, address string) (net.Conn, error) {
	t.mu.Lock()
	run := t.run
	t.dialed = true
	t.mu.Unlock()
	if run == nil {
		return nil, context.Canceled
	}
	conn, err := dialer.DialContext(run, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(run, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stops = append(t.stops, stop)
	return conn, nil
}

// tokenTaker is where a request with a token goes: no further.
type tokenTaker tokens

func (t *tokenTaker) RoundTrip(req *http.Request) (*http.Response, error) {
	t.header = req.Header.Get("Authorization")
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
}

func basic(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}
