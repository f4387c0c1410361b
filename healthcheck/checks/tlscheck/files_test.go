package tlscheck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

func TestFiles(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	soon, later := time.Now().Add(48*time.Hour).Truncate(time.Second), time.Now().Add(2000*time.Hour).Truncate(time.Second)
	a := writePEM(t, dir, "a.crt", ca.Issue(t, later, "a"), ca.Issue(t, soon, "b"))
	b := writePEM(t, dir, "b.crt", ca.Issue(t, later, "a"))
	c := tlscheck.Config{Files: []string{filepath.Join(dir, "*.crt"), b}}
	r := run(t, c)
	checktest.RequireOK(t, r)
	assert.Equal(t, map[string]float64{
		"tls_files": 2, "tls_file_not_after_timestamp_seconds " + a: float64(soon.Unix()), "tls_file_not_after_timestamp_seconds " + b: float64(later.Unix()),
		"tls_file_certificates " + a: 2, "tls_file_certificates " + b: 1,
		"tls_certificate_not_after_timestamp_seconds": float64(soon.Unix()),
	}, measured(r), "each file once")

	c.MinValidity = 72 * time.Hour
	assertFails(t, run(t, c), healthcheck.ReasonTLS, a+": a certificate expires at "+soon.UTC().Format(time.DateTime+" UTC")+", sooner than in 3d")
}

// TestBadFiles: each is told, and hides no other.
func TestBadFiles(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	past, good := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	fine := writePEM(t, dir, "fine.crt", ca.Issue(t, good, "a"))
	future := ca.Issue(t, time.Now().AddDate(2, 0, 0), "a") // it begins a year before
	key := writePEM(t, dir, "key.pem", ca.Issue(t, good, "a"))
	text, err := os.ReadFile(key)
	require.NoError(t, err)
	onlyKey, _, _ := strings.Cut(string(text), "-----BEGIN CERTIFICATE")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	for _, tc := range []struct {
		what, path string
		reason     healthcheck.Reason
		details    string
	}{
		{"expired", writePEM(t, dir, "old.crt", ca.Issue(t, past, "a")), healthcheck.ReasonTLS, "a certificate has expired at " + past.UTC().Format(time.DateTime+" UTC")},
		{"not yet", writePEM(t, dir, "new.crt", future), healthcheck.ReasonTLS, "a certificate is not valid before "},
		{"missing", filepath.Join(dir, "nosuch*"), healthcheck.ReasonError, "there is no such file"},
		{"empty", write("empty.crt", ""), healthcheck.ReasonBody, "has no certificate in PEM, DER, PKCS#12 or JKS"},
		{"a key", write("only.key", onlyKey), healthcheck.ReasonBody, "has no certificate in PEM, DER, PKCS#12 or JKS"},
		{"broken", write("broken.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), healthcheck.ReasonBody, "a certificate cannot be read"},
		{"a folder", filepath.Join(dir, "folder"), healthcheck.ReasonError, "no such file"},
		{"too long", write("long.crt", strings.Repeat("x", 1<<20+1)), healthcheck.ReasonError, "has more than 1048576 bytes"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := run(t, tlscheck.Config{Files: []string{fine, tc.path}})
			assertFails(t, r, tc.reason, tc.path)
			assert.Contains(t, r.Details, tc.details)
			assert.NotContains(t, r.Details, "BEGIN")
			assert.Contains(t, measured(r), "tls_file_not_after_timestamp_seconds "+fine)
		})
	}
	r := run(t, tlscheck.Config{Files: []string{filepath.Join(dir, "*")}})
	assertFails(t, r, healthcheck.ReasonBody, "4 more")
}

func TestManyFiles(t *testing.T) {
	ca, dir := certstest.NewCA(t), t.TempDir()
	cert := ca.Issue(t, time.Now().Add(time.Hour), "a")
	for i := range 101 {
		writePEM(t, dir, fmt.Sprintf("%03d.pem", i), cert)
	}
	r := run(t, tlscheck.Config{Files: []string{filepath.Join(dir, "*.pem")}})
	assertFails(t, r, healthcheck.ReasonError, "more than 100 files")
	assert.Len(t, r.Values, 202)
}

func TestSetDirectory(t *testing.T) {
	given := []string{"a/*.crt", "/b"}
	c := tlscheck.Config{Files: given}
	c.SetDirectory("/etc/x")
	assert.Equal(t, []string{"/etc/x/a/*.crt", "/b"}, c.Files)
	assert.Equal(t, "a/*.crt", given[0], "the caller's list is the caller's")
	assert.Equal(t, "/etc/x/a/*.crt, /b", c.Target())
}
