package tlscheck_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

const password = "sesame-2026"

func x509Of(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// keystores returns files with the certificate, and its authority where they can have more than one.
func keystores(t *testing.T, ca *certstest.CA, cert *tls.Certificate) map[string][]byte {
	t.Helper()
	leaf, authority := x509Of(t, cert.Certificate[0]), x509Of(t, ca.DER())
	files := map[string][]byte{"a.der": leaf.Raw, "a.jks": jks(2, password, leaf.Raw, authority.Raw), "old.jks": jks(1, password, leaf.Raw, authority.Raw)}
	for name, encoder := range map[string]*pkcs12.Encoder{"modern.p12": pkcs12.Modern, "des.p12": pkcs12.LegacyDES, "rc2.p12": pkcs12.LegacyRC2} {
		content, err := encoder.Encode(cert.PrivateKey, leaf, []*x509.Certificate{authority}, password)
		require.NoError(t, err)
		files[name] = content
	}
	content, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{leaf, authority}, password)
	require.NoError(t, err)
	files["trust.p12"] = content
	return files
}

// jks returns a keystore with a key that has the first certificate, and the others as trusted.
func jks(version uint32, password string, leaf []byte, trusted ...[]byte) []byte {
	var b bytes.Buffer
	number := func(n uint32) { _ = binary.Write(&b, binary.BigEndian, n) }
	text := func(s string) { _ = binary.Write(&b, binary.BigEndian, uint16(len(s))); b.WriteString(s) }
	certificate := func(der []byte) {
		if version > 1 {
			text("X.509")
		}
		number(uint32(len(der)))
		b.Write(der)
	}
	number(0xfeedfeed)
	number(version)
	number(uint32(1 + len(trusted)))
	number(1)
	text("alias")
	b.Write(make([]byte, 8))
	number(3)
	b.WriteString("key")
	number(1)
	certificate(leaf)
	for _, der := range trusted {
		number(2)
		text("another")
		b.Write(make([]byte, 8))
		certificate(der)
	}
	h := sha1.New()
	for _, c := range password {
		h.Write([]byte{0, byte(c)})
	}
	h.Write([]byte("Mighty Aphrodite"))
	h.Write(b.Bytes())
	return h.Sum(b.Bytes())
}

func TestKeystores(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	end := time.Now().Add(48 * time.Hour).Truncate(time.Second)
	cert := ca.Issue(t, end, "a.example.org")
	secretFile := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(secretFile, []byte(password+"\n"), 0o600))
	for name, content := range keystores(t, ca, &cert) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			require.NoError(t, os.WriteFile(path, content, 0o600))
			c := tlscheck.Config{Files: []string{path}, Password: password, MinValidity: 47 * time.Hour}
			r := run(t, c)
			checktest.RequireOK(t, r)
			m := measured(r)
			assert.InDelta(t, end.Unix(), m["tls_file_not_after_timestamp_seconds "+path], 0)
			if name == "a.der" {
				assert.InDelta(t, 1, m["tls_file_certificates "+path], 0)
				return
			}
			assert.InDelta(t, 2, m["tls_file_certificates "+path], 0)
			c.MinValidity = 49 * time.Hour
			assertFails(t, run(t, c), healthcheck.ReasonTLS, path+": a certificate expires at ")

			c.MinValidity, c.Password, c.PasswordFile = 0, "", secretFile
			checktest.RequireOK(t, run(t, c))
			c.PasswordFile = ""
			c.Password = "sesame-2025"
			assertFails(t, run(t, c), healthcheck.ReasonAuth, path+": the password is wrong, or missing")
			assert.NotContains(t, run(t, c).Details, "sesame")

			c.Password = password
			for _, end := range []int{2, 10, 30, len(content) / 2, len(content) - 1} {
				require.NoError(t, os.WriteFile(path, content[:end], 0o600))
				r := run(t, c)
				assert.True(t, r.Failed(), "cut at %d", end)
				assert.Contains(t, r.Details, path+": ")
			}
		})
	}
}

// TestPasswordless: a keystore of Java shows its certificates to everybody.
func TestPasswordless(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	cert := ca.Issue(t, time.Now().Add(time.Hour), "a")
	path := filepath.Join(dir, "a.jks")
	require.NoError(t, os.WriteFile(path, jks(2, password, cert.Certificate[0]), 0o600))
	checktest.RequireOK(t, run(t, tlscheck.Config{Files: []string{path}}))

	content, err := pkcs12.Passwordless.Encode(cert.PrivateKey, x509Of(t, cert.Certificate[0]), nil, "")
	require.NoError(t, err)
	path = filepath.Join(dir, "a.p12")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	checktest.RequireOK(t, run(t, tlscheck.Config{Files: []string{path}}))

	c := tlscheck.Config{Files: []string{path}, PasswordFile: filepath.Join(dir, "nosuch")}
	assertFails(t, run(t, c), healthcheck.ReasonError, "nosuch")
}

// TestHostileKeystores: what a file says of itself costs nothing.
func TestHostileKeystores(t *testing.T) {
	ca := certstest.NewCA(t)
	cert := ca.Issue(t, time.Now().Add(time.Hour), "a")
	leaf := x509Of(t, cert.Certificate[0])
	head := "\xfe\xed\xfe\xed\x00\x00\x00\x02"
	rest := string(make([]byte, 20))
	slow, err := pkcs12.Modern.WithIterations(1000).Encode(cert.PrivateKey, leaf, nil, password)
	require.NoError(t, err)
	slow = bytes.ReplaceAll(slow, []byte{2, 2, 0x03, 0xe8}, []byte{2, 2, 0x7f, 0xff}) // 32,767, of the same length
	require.NotContains(t, string(slow), "\x02\x02\x03\xe8")
	for what, tc := range map[string]struct {
		content []byte
		details string
	}{
		"many entries":      {[]byte(head + "\xff\xff\xff\xff" + rest), "is cut, or not one of Java's keystores"},
		"a long key":        {[]byte(head + "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00" + string(make([]byte, 8)) + "\xff\xff\xff\xff" + rest), "is cut"},
		"many in a chain":   {[]byte(head + "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00" + string(make([]byte, 8)) + "\x00\x00\x00\x00\xff\xff\xff\xff" + rest), "is cut"},
		"a secret key":      {[]byte("\xce\xce\xce\xce\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00" + string(make([]byte, 8)) + rest), "neither a certificate nor the key of one"},
		"no entries":        {[]byte(head + "\x00\x00\x00\x00" + rest), "has no certificate"},
		"more than it has":  {[]byte(head + "\x00\x00\x00\x00" + "more" + rest), "is cut"},
		"another version":   {[]byte("\xfe\xed\xfe\xed\x00\x00\x00\x09\x00\x00\x00\x00" + rest), "is cut"},
		"another password":  {slow, "the password is wrong"},
		"an empty sequence": {[]byte{0x30, 0}, "a certificate cannot be read"},
	} {
		t.Run(what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a")
			require.NoError(t, os.WriteFile(path, tc.content, 0o600))
			c := tlscheck.Config{Files: []string{path}}
			if what == "another password" {
				c.Password = password
			}
			r := run(t, c)
			assert.Contains(t, r.Details, path+": ")
			assert.Contains(t, r.Details, tc.details)
		})
	}
	path := filepath.Join(t.TempDir(), "a")
	// MacData with a salt, and 16,777,215 iterations.
	require.NoError(t, os.WriteFile(path, []byte("\x30\x10\x02\x01\x03\x30\x0b\x04\x03\x01\x02\x03\x02\x04\x00\xff\xff\xff"), 0o600))
	assertFails(t, run(t, tlscheck.Config{Files: []string{path}}), healthcheck.ReasonBody, "wants more than 1000000 iterations")
}

func TestVerifyFiles(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	cert := ca.Issue(t, time.Now().Add(time.Hour), "a.example.org")
	path := writePEM(t, dir, "a.pem", cert)
	c := tlscheck.Config{Files: []string{path}, Verify: true, TLSConfig: &config.TLSConfig{CA: ca.PEM}}
	r := run(t, c)
	checktest.RequireOK(t, r)
	assert.InDelta(t, 1, measured(r)["tls_file_verified "+path], 0)
	assert.InDelta(t, 1, measured(r)["tls_certificate_verified"], 0)

	c.TLSConfig = &config.TLSConfig{CA: ca.PEM, ServerName: "b.example.org"}
	r = run(t, c)
	assertFails(t, r, healthcheck.ReasonTLS, path+": x509: certificate is valid for a.example.org, not b.example.org")
	assert.InDelta(t, 0, measured(r)["tls_file_verified "+path], 0)
	assert.InDelta(t, 0, measured(r)["tls_certificate_verified"], 0)

	c.TLSConfig = &config.TLSConfig{CA: certstest.NewCA(t).PEM}
	assertFails(t, run(t, c), healthcheck.ReasonTLS, "unknown authority")
	c.TLSConfig = nil
	assertFails(t, run(t, c), healthcheck.ReasonTLS, path+": x509: ")

	content, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{x509Of(t, ca.DER())}, password)
	require.NoError(t, err)
	trust := filepath.Join(dir, "trust.p12")
	require.NoError(t, os.WriteFile(trust, content, 0o600))
	assertFails(t, run(t, tlscheck.Config{Files: []string{trust}, Verify: true, Password: password}), healthcheck.ReasonBody, "has no key, of whose certificate the chain could be verified")

	_, err = tlscheck.New(tlscheck.Config{Files: []string{"a"}, TLSConfig: &config.TLSConfig{}, Password: "a", PasswordFile: "b"})
	assert.Equal(t, []string{"", "tls_config"}, checktest.Fields(t, err))
	_, err = tlscheck.New(tlscheck.Config{Address: "a:1", Verify: true, Password: "secret", PasswordFile: "b"})
	assert.ElementsMatch(t, []string{"", "verify", "password", "password_file"}, checktest.Mistakes(t, err, "secret"))
}

// TestSecretFolder: as Kubernetes mounts one.
func TestSecretFolder(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	data := filepath.Join(dir, "..2026_11_27")
	require.NoError(t, os.Mkdir(data, 0o700))
	writePEM(t, data, "tls.crt", ca.Issue(t, time.Now().Add(time.Hour), "a"))
	require.NoError(t, os.WriteFile(filepath.Join(data, "tls.key"), []byte("key"), 0o600))
	require.NoError(t, os.Symlink("..2026_11_27", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink("..data/tls.crt", filepath.Join(dir, "tls.crt")))
	require.NoError(t, os.Symlink("..data/tls.key", filepath.Join(dir, "tls.key")))
	r := run(t, tlscheck.Config{Files: []string{dir}})
	checktest.RequireOK(t, r)
	assert.Contains(t, measured(r), "tls_file_not_after_timestamp_seconds "+filepath.Join(dir, "tls.crt"))
	require.NoError(t, os.Remove(filepath.Join(data, "tls.crt")))
	assertFails(t, run(t, tlscheck.Config{Files: []string{dir}}), healthcheck.ReasonError, "tls.crt: no such file")
}

// TestRealKeystores: those of Java's keytool and of OpenSSL.
func TestRealKeystores(t *testing.T) {
	for program, debian := range map[string]string{"keytool": "default-jre-headless", "openssl": "openssl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is missing: install the Debian package %s", program, debian)
		}
	}
	ca, dir := certstest.NewCA(t), t.TempDir()
	cert := ca.Issue(t, time.Now().Add(48*time.Hour), "a.example.org")
	certPEM, key := certstest.EncodePEM(t, &cert)
	for name, text := range map[string]string{"ca.pem": ca.PEM, "cert.pem": certPEM, "key.pem": key} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	command := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	store := []string{"-deststorepass", password, "-destkeypass", password, "-srckeystore", "openssl.p12", "-srcstorepass", password}
	command("openssl", "pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-certfile", "ca.pem", "-name", "a", "-passout", "pass:"+password, "-out", "openssl.p12")
	command(append([]string{"keytool", "-importkeystore", "-destkeystore", "java.jks", "-deststoretype", "JKS"}, store...)...)
	command(append([]string{"keytool", "-importkeystore", "-destkeystore", "java.p12", "-deststoretype", "PKCS12"}, store...)...)
	command("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem", "-keystore", "trust.p12", "-storepass", password, "-storetype", "PKCS12")
	for name, want := range map[string]float64{"openssl.p12": 2, "java.jks": 2, "java.p12": 2, "trust.p12": 1} {
		path := filepath.Join(dir, name)
		c := tlscheck.Config{Files: []string{path}, Password: password}
		if name != "trust.p12" {
			c.Verify, c.TLSConfig = true, &config.TLSConfig{CA: ca.PEM}
		}
		r := run(t, c)
		checktest.RequireOK(t, r)
		assert.InDelta(t, want, measured(r)["tls_file_certificates "+path], 0, name)
		c.Password = "sesame-2025"
		assertFails(t, run(t, c), healthcheck.ReasonAuth, path+": the password is wrong, or missing")
	}
}

func FuzzKeystore(f *testing.F) {
	f.Add([]byte("\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x00" + string(make([]byte, 20))))
	f.Add([]byte("\x30\x10\x02\x01\x03\x30\x0b\x04\x03\x01\x02\x03\x02\x04\x00\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "a")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		checker, err := tlscheck.New(tlscheck.Config{Files: []string{path}})
		require.NoError(t, err)
		checker.Check(t.Context())
	})
}
