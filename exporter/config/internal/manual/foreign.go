package manual

import (
	"maps"
	"reflect"
	"slices"

	promconfig "github.com/prometheus/common/config"
)

// fact is what a type of another module does not say of a field.
type fact struct {
	doc, def, example string
	refused           bool
}

// foreign are facts by type and field.
var foreign = map[string]fact{
	"config.BasicAuth.Username":     {doc: "The user.", example: "monitoring"},
	"config.BasicAuth.UsernameFile": {doc: "A file that holds the user.", example: "/run/secrets/user"},
	"config.BasicAuth.UsernameRef":  noManager,
	"config.BasicAuth.Password":     {doc: "The password.", example: "${file:/run/secrets/password}"},
	"config.BasicAuth.PasswordFile": {doc: "A file that holds the password, read in each run.", example: "/run/secrets/password"},
	"config.BasicAuth.PasswordRef":  noManager,

	"config.Authorization.Type":            {doc: "The scheme of the header Authorization.", def: "Bearer", example: "Token"},
	"config.Authorization.Credentials":     {doc: "What follows the scheme.", example: "${file:/run/secrets/token}"},
	"config.Authorization.CredentialsFile": {doc: "A file that holds the credentials, read in each run.", example: "/run/secrets/token"},
	"config.Authorization.CredentialsRef":  noManager,

	"config.OAuth2.ClientID":                 {doc: "The identifier of the client.", example: "monitoring"},
	"config.OAuth2.ClientSecret":             {doc: "The secret of the client.", example: "${file:/run/secrets/client}"},
	"config.OAuth2.ClientSecretFile":         {doc: "A file that holds the secret of the client.", example: "/run/secrets/client"},
	"config.OAuth2.ClientSecretRef":          noManager,
	"config.OAuth2.ClientCertificateKeyID":   {doc: "The identifier of the key that signs the token, its header kid.", example: "key-1"},
	"config.OAuth2.ClientCertificateKey":     {doc: "The RSA key that signs the token, in PEM, for the grant of RFC 7523.", example: "${file:/run/secrets/key.pem}"},
	"config.OAuth2.ClientCertificateKeyFile": {doc: "A file that holds this key.", example: "/run/secrets/key.pem"},
	"config.OAuth2.ClientCertificateKeyRef":  noManager,
	"config.OAuth2.GrantType": {
		doc: "The grant: client_credentials, or urn:ietf:params:oauth:grant-type:jwt-bearer (RFC 7523).",
		def: "client_credentials", example: "urn:ietf:params:oauth:grant-type:jwt-bearer",
	},
	"config.OAuth2.SignatureAlgorithm": {doc: "How the token is signed: RS256, RS384 or RS512.", def: "RS256", example: "RS512"},
	"config.OAuth2.Iss":                {doc: "The issuer that the token names; `client_id` if it is left out.", example: "monitoring"},
	"config.OAuth2.Audience":           {doc: "The audience that the token names; `token_url` if it is left out.", example: "https://idp.example.com/"},
	"config.OAuth2.Claims":             {doc: "Further claims of the token; they cannot be set in a configuration file yet.", refused: true},
	"config.OAuth2.Scopes":             {doc: "The scopes to ask for.", example: "[health.read]"},
	"config.OAuth2.TokenURL":           {doc: "Where the token comes from.", example: "https://idp.example.com/token"},
	"config.OAuth2.EndpointParams":     {doc: "Further parameters of the request for the token.", example: "{resource: health}"},
	"config.OAuth2.TLSConfig":          {doc: "TLS towards the server of the token."},

	"config.ProxyConfig.ProxyURL":             {doc: "The proxy to go through.", example: "http://proxy.example.com:3128"},
	"config.ProxyConfig.NoProxy":              {doc: "The hosts that are reached without the proxy, as the variable NO_PROXY lists them.", example: "localhost,10.0.0.0/8"},
	"config.ProxyConfig.ProxyFromEnvironment": {doc: "Take the proxy from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.", def: "false"},
	"config.ProxyConfig.ProxyConnectHeader":   {doc: "Sent to the proxy in CONNECT requests.", example: "{X-Team: [payments]}"},

	"config.TLSConfig.CA":                 {doc: "The certificates of the authorities to trust, in PEM; those of the system if it is left out.", example: "${file:/run/secrets/ca.pem}"},
	"config.TLSConfig.CAFile":             {doc: "A file that holds these certificates, read again when it changes.", example: "/etc/ssl/certs/ca-certificates.crt"},
	"config.TLSConfig.CARef":              noManager,
	"config.TLSConfig.Cert":               {doc: "The certificate to present to the server, in PEM.", example: "${file:/run/secrets/client.pem}"},
	"config.TLSConfig.CertFile":           {doc: "A file that holds this certificate.", example: "/run/secrets/client.pem"},
	"config.TLSConfig.CertRef":            noManager,
	"config.TLSConfig.Key":                {doc: "The key of this certificate, in PEM.", example: "${file:/run/secrets/client-key.pem}"},
	"config.TLSConfig.KeyFile":            {doc: "A file that holds this key.", example: "/run/secrets/client-key.pem"},
	"config.TLSConfig.KeyRef":             noManager,
	"config.TLSConfig.ServerName":         {doc: "The name that the certificate of the server must have; by default the host that is connected to.", example: "db.example.com"},
	"config.TLSConfig.InsecureSkipVerify": {doc: "Accept any certificate of the server.", def: "false"},
	"config.TLSConfig.MinVersion":         {doc: "The oldest version of TLS to speak.", def: "TLS12", example: "TLS13"},
	"config.TLSConfig.MaxVersion":         {doc: "The newest version of TLS to speak.", def: "TLS13", example: "TLS12"},

	"config.Header.Values":  {doc: "The values of the header.", example: "[shop]"},
	"config.Header.Secrets": {doc: "Values of the header that are shown nowhere.", example: "['${file:/run/secrets/token}']"},
	"config.Header.Files":   {doc: "Files that hold values of the header.", example: "[/run/secrets/token]"},

	"config.HTTPClientConfig.BearerToken":     {doc: "What follows Bearer in the header Authorization.", example: "${file:/run/secrets/token}"},
	"config.HTTPClientConfig.BearerTokenFile": {doc: "A file that holds it.", example: "/run/secrets/token"},

	"discovery.plain.Address": {doc: "The address, mostly host:port.", example: "a.example.com:443"},
	"discovery.plain.Labels":  {doc: "Labels of the target.", example: "{zone: a}"},

	"relabel.Config.SourceLabels": {doc: "The labels whose values are joined.", example: "[__meta_kubernetes_namespace]"},
	"relabel.Config.Separator":    {doc: "What stands between the joined values.", def: ";", example: "/"},
	"relabel.Config.Regex":        {doc: "What the joined values are matched with, as a whole.", def: "(.*)", example: "shop|pay"},
	"relabel.Config.Modulus":      {doc: "What the hash of the joined values is taken modulo of, for the action hashmod.", example: "4"},
	"relabel.Config.TargetLabel":  {doc: "The label that is set.", example: "team"},
	"relabel.Config.Replacement":  {doc: "What it is set to; $1 is the first group of the expression.", def: "$1", example: "team-$1"},
	"relabel.Config.Action":       {doc: "What is done: replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase.", def: "replace", example: "keep"},
}

var noManager = fact{doc: "Refused: it names a secret in a secret manager, and there is none.", refused: true}

func (n *Node) take(f fact) {
	if f == (fact{}) {
		return
	}
	n.Doc, n.Default, n.Example, n.Refused = []string{f.doc}, f.def, f.example, f.refused
}

// tlsVersions returns the names that Prometheus has for versions of TLS.
func tlsVersions() []string { return slices.Sorted(maps.Keys(promconfig.TLSVersions)) }

// reflectNew returns a pointer to a new value of the type of a node.
func reflectNew(n *Node) any { return reflect.New(n.Shape.Type).Interface() }
