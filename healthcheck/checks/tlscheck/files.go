package tlscheck

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/regular"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

var (
	fileNotAfter = healthcheck.NewMeasure("tls_file_not_after_timestamp_seconds", "When the first of the certificates in a file that the last run read expires.", "certificate_file")

	fileCertificates = healthcheck.NewMeasure("tls_file_certificates", "Number of certificates in a file that the last run read.", "certificate_file")

	fileVerified = healthcheck.NewMeasure("tls_file_verified", "Whether the certificates in a file that the last run read passed verification, where the check wants it.", "certificate_file")

	fileCount = healthcheck.NewMeasure("tls_files", "Number of files with certificates that the last run found.")
)

// Bounds of what is read.
const (
	maxFiles = 100
	maxFile  = 1 << 20 // bytes
	maxTold  = 3       // mistakes of a run that are told
	maxText  = 200     // bytes of what a library says of a file
)

// secretFile is what the folder of a Kubernetes secret of type kubernetes.io/tls has.
const secretFile = "tls.crt"

type fileChecker struct {
	patterns    []string
	verify      *certs.Source       // whom to trust; nil: it does not matter who issued a certificate
	password    config.SecretReader // of keystores; nil: none
	secrets     *secret.Set
	minValidity time.Duration
}

// Check reads all files. Each file counts by itself: one that cannot be read does not hide another.
func (c *fileChecker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	r := fileRun{fileChecker: c, verified: 1}
	err := r.do(ctx)
	result := c.secrets.Fail(err)
	result.Values = r.values
	return result
}

// fileRun is one run of a check and what it has found so far.
type fileRun struct {
	*fileChecker

	values   []healthcheck.Value
	errs     []error
	key      string         // of keystores
	trust    *x509.CertPool // nil: that of the system
	name     string         // which leaves must have; empty: any
	earliest time.Time
	verified float64
}

func (r *fileRun) note(err error) {
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *fileRun) do(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	paths, err := r.find()
	r.note(err)
	r.values = append(r.values, fileCount.Value(float64(len(paths))))
	if len(paths) > maxFiles {
		r.note(healthcheck.Errorf(healthcheck.ReasonError, "there are more than %d files: the first of them were read", maxFiles))
		paths = paths[:maxFiles]
	}
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			r.note(healthcheck.Errorf(healthcheck.ReasonTimeout, "%s was not read in time: %w", path, err))
			break
		}
		r.note(r.judge(path))
	}
	if !r.earliest.IsZero() {
		r.values = append(r.values, certs.NotAfter.Value(float64(r.earliest.Unix())))
		if r.verify != nil {
			r.values = append(r.values, certs.Verified.Value(r.verified))
		}
	}
	return first(r.errs)
}

// prepare reads what all files need.
func (r *fileRun) prepare(ctx context.Context) (err error) {
	if r.password != nil {
		r.key, err = r.password.Fetch(ctx)
		r.secrets.Learn(r.key)
		if err != nil {
			return err
		}
	}
	if r.verify == nil {
		return nil
	}
	cfg, err := r.verify.Config()
	if err != nil {
		return err
	}
	r.trust, r.name = cfg.RootCAs, cfg.ServerName
	return nil
}

// first joins the first errors, with the reason of the first.
func first(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	texts := make([]string, 0, maxTold+1)
	for _, err := range errs[:min(len(errs), maxTold)] {
		texts = append(texts, err.Error())
	}
	if more := len(errs) - maxTold; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return healthcheck.Errorf(healthcheck.ReasonOf(errs[0]), "%s", strings.Join(texts, "; "))
}

// find returns the files of all patterns, sorted, each once.
func (c *fileChecker) find() (paths []string, err error) {
	for _, pattern := range c.patterns {
		matches, globErr := filepath.Glob(pattern)
		if globErr == nil && len(matches) == 0 && err == nil {
			err = healthcheck.Errorf(healthcheck.ReasonError, "%s: there is no such file, or none that may be seen", pattern)
		}
		for _, path := range matches {
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(path, secretFile)
			}
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), err
}

// judge measures a file, and returns what is wrong with it.
func (r *fileRun) judge(path string) error {
	b, err := r.read(path)
	if err != nil {
		return err
	}
	list := b.certificates()
	end := list[0].NotAfter
	now := time.Now()
	for _, cert := range list {
		if cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
		if err == nil && now.Before(cert.NotBefore) {
			err = healthcheck.Errorf(healthcheck.ReasonTLS, "%s: a certificate is not valid before %s", path, certs.Date(cert.NotBefore))
		}
	}
	if r.earliest.IsZero() || end.Before(r.earliest) {
		r.earliest = end
	}
	label := strings.ToValidUTF8(path, "�")
	r.values = append(r.values, fileNotAfter.Value(float64(end.Unix()), label), fileCertificates.Value(float64(len(list)), label))
	untrusted := r.verifyFile(&b, path, label)
	switch {
	case err != nil:
	case now.After(end):
		err = healthcheck.Errorf(healthcheck.ReasonTLS, "%s: a certificate has expired at %s", path, certs.Date(end))
	case untrusted != nil:
		err = untrusted
	default:
		err = certs.OutlivesUntil(end, r.minValidity, path+": a certificate")
	}
	return err
}

// verifyFile returns why a chain of the file is not one that is trusted.
func (r *fileRun) verifyFile(b *bundle, path, label string) (err error) {
	if r.verify == nil {
		return nil
	}
	if len(b.chains) == 0 {
		err = healthcheck.Errorf(healthcheck.ReasonBody, "%s has no key, of whose certificate the chain could be verified", path)
	}
	for _, chain := range b.chains {
		options := x509.VerifyOptions{Roots: r.trust, DNSName: r.name, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
		for _, cert := range chain[1:] {
			options.Intermediates.AddCert(cert)
		}
		if _, verifyErr := chain[0].Verify(options); verifyErr != nil && err == nil {
			err = healthcheck.Errorf(healthcheck.ReasonTLS, "%s: %s", path, r.secrets.Excerpt([]byte(verifyErr.Error()), maxText))
		}
	}
	verified := 1.0
	if err != nil {
		verified, r.verified = 0, 0
	}
	r.values = append(r.values, fileVerified.Value(verified, label))
	return err
}

// read returns the certificates in a file, one at least.
func (r *fileRun) read(path string) (bundle, error) {
	content, err := load(path)
	if err != nil {
		reason := healthcheck.ReasonError
		if errors.Is(err, fs.ErrPermission) {
			reason = healthcheck.ReasonAuth
		}
		return bundle{}, healthcheck.WithReason(reason, err)
	}
	b, err := parse(content, r.key)
	if err != nil {
		err = healthcheck.Errorf(healthcheck.ReasonOf(err), "%s: %s", path, r.secrets.Excerpt([]byte(err.Error()), maxText))
	}
	return b, err
}

// load returns the content of a file. Its errors name the file.
func load(path string) ([]byte, error) {
	content, _, err := regular.Read(path, maxFile+1)
	switch {
	case errors.Is(err, regular.ErrOther):
		return nil, fmt.Errorf("%s is no file", path)
	case err == nil && len(content) > maxFile:
		return nil, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return content, err
}
