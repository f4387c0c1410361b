// Package tlscheck checks certificates: those of a server, at once or after what its protocol says before TLS (STARTTLS),
// or those in files.
package tlscheck

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/starttls"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "tls"

// Config says where the certificates are: either an Address or Files.
type Config struct {
	// Address is a host name or IP address and a port: "www.example.org:443", "[2001:db8::1]:25". Internationalized names
	// are taken as browsers do. When the chain expires is measured even when it has expired, is not trusted, or is one for
	// another name.
	Address string `yaml:"address" example:"www.example.org:443"`
	// StartTLS is the protocol in which the server is asked to begin TLS: ftp, imap, ldap, mysql, pop3, postgres, smtp or
	// xmpp. Without it TLS begins at once.
	StartTLS string `yaml:"starttls" example:"smtp"`
	// Files are patterns of files with certificates, as of [path/filepath.Match]; up to 100 files of up to 1 MiB. They are in
	// PEM, such as that of a web server, DER, PKCS#12 or JKS, whichever it is; of a folder, such as where a Kubernetes secret
	// is mounted, it is tls.crt in it. Each pattern must find one. What else is in them, such as keys, is not looked at. A
	// certificate that has expired, or is not valid yet, fails; who issued it does not matter, unless Verify says so.
	Files []string `yaml:"files" example:"[/etc/letsencrypt/live/*/fullchain.pem]"`
	// Password is that of the files in PKCS#12 and JKS. Without one, JKS is read all the same.
	Password config.Secret `yaml:"password" example:"${file:/run/secrets/keystore}"`
	// PasswordFile is a file that holds the password, read in each run.
	PasswordFile string `yaml:"password_file" example:"/run/secrets/keystore"`
	// Verify demands that the first certificate of each file, of a keystore that of each key, leads with the others of the
	// file to an authority that is trusted: those in tls_config, by default those of the system. Of tls_config only ca,
	// ca_file and server_name count then, the latter as the name that the certificates must have.
	Verify bool `yaml:"verify" default:"false"`
	// TLSConfig is how to speak TLS. With insecure_skip_verify the chain may be one that is not trusted, or is for another
	// name, or has expired, and is measured alone.
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// MinValidity is how long all certificates must be valid from now on: of a chain until the first of them ends, of
	// several chains that can be verified the one that lasts longest.
	MinValidity time.Duration `yaml:"min_validity" default:"0s" example:"14d"`
	// OCSP is what the server must staple to the certificate. "optional": nothing, unless the certificate demands it (RFC
	// 7633), but one that was revoked fails; with insecure_skip_verify neither does. "required": a response of who issued it
	// that it is good, and that is not outdated.
	OCSP string `yaml:"ocsp" default:"optional" example:"required"`
	// Refuse is what the server must not accept.
	Refuse Refuse `yaml:"refuse"`
	// MaxLatency is the longest that everything together may take, without what Refuse needs; zero means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
}

const maxTarget = 200 // bytes

// Target returns the address, or the patterns of files.
func (c Config) Target() string {
	if c.Address != "" {
		return target.AddressLabel(c.Address, "")
	}
	text := strings.ToValidUTF8(strings.Join(c.Files, ", "), "�")
	if len(text) > maxTarget {
		text = strings.ToValidUTF8(text[:maxTarget], "") + "…"
	}
	return text
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	c.TLSConfig.SetDirectory(dir)
	c.PasswordFile = config.JoinDir(dir, c.PasswordFile)
	c.Files = slices.Clone(c.Files)
	for i := range c.Files {
		c.Files[i] = config.JoinDir(dir, c.Files[i])
	}
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here, and
// again when they change; the files with certificates are read in each run.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	m.NotNegative("min_validity", c.MinValidity)
	m.NotNegative("max_latency", c.MaxLatency)
	m.Exclusive("certificates", field.Given{Field: "address", Set: c.Address != ""}, field.Given{Field: "files", Set: len(c.Files) > 0})
	m.Exclusive("the password", field.Given{Field: "password", Set: c.Password != ""}, field.Given{Field: "password_file", Set: c.PasswordFile != ""})
	if len(c.Files) > 0 {
		return c.newFiles(&m)
	}
	m.Unused("is for files",
		field.Given{Field: "password", Set: c.Password != ""}, field.Given{Field: "password_file", Set: c.PasswordFile != ""}, field.Given{Field: "verify", Set: c.Verify})
	chk := &checker{protocol: c.StartTLS, minValidity: c.MinValidity, maxLatency: c.MaxLatency}
	var err error
	if c.Address == "" {
		m.Add("", `names no certificates: give an address, such as "www.example.org:443", or files`)
	} else {
		chk.address, err = target.ParseAddress(c.Address, "")
		m.Check("address", err)
	}
	if c.StartTLS != "" {
		m.OneOf("starttls", c.StartTLS, starttls.Protocols()...)
	}
	chk.ocsp = m.OneOf("ocsp", c.OCSP, ocspOptional, ocspRequired)
	chk.refusal = c.Refuse.compile(&m)
	chk.insecure = c.TLSConfig != nil && c.TLSConfig.InsecureSkipVerify
	source, err := certs.NewSourceOf(c.TLSConfig)
	m.Check("tls_config", err)
	if c.StartTLS == "" {
		chk.dialer.TLS = source
	} else {
		chk.later = source
	}
	if err := m.Err(); err != nil {
		return nil, err
	}
	return chk, nil
}

func (c *Config) newFiles(m *field.Mistakes) (healthcheck.Checker, error) {
	m.Unused("is for an address: files are read",
		field.Given{Field: "max_latency", Set: c.MaxLatency != 0}, field.Given{Field: "ocsp", Set: c.OCSP != ""},
		field.Given{Field: "refuse", Set: c.Refuse.WeakCiphers || len(c.Refuse.Versions) > 0}, field.Given{Field: "starttls", Set: c.StartTLS != ""})
	m.Unused("is for an address, or files that are verified", field.Given{Field: "tls_config", Set: c.TLSConfig != nil && !c.Verify})
	for i, pattern := range c.Files {
		path := field.Item("files", i)
		if !m.Required(path, pattern, "name a file or a pattern of files") {
			continue
		}
		m.NoNUL(path, pattern)
		if _, err := filepath.Match(pattern, ""); err != nil {
			m.Add(path, "is no pattern: [ has no end, or a backslash is the last character")
		}
	}
	chk := &fileChecker{patterns: slices.Clone(c.Files), minValidity: c.MinValidity}
	if c.Verify {
		var err error
		chk.verify, err = certs.NewSourceOf(c.TLSConfig)
		m.Check("tls_config", err)
	}
	switch {
	case c.PasswordFile != "":
		chk.password, chk.secrets = config.NewFileSecret(c.PasswordFile), secret.New(c.Target())
	case c.Password != "":
		chk.password, chk.secrets = config.NewInlineSecret(string(c.Password)), secret.New(c.Target())
		chk.secrets.Add(string(c.Password))
	}
	if err := m.Err(); err != nil {
		return nil, err
	}
	return chk, nil
}
