package tlscheck

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

var (
	fileNotAfter = healthcheck.NewMeasure("tls_file_not_after_timestamp_seconds", "When the first of the certificates in a file that the last run read expires.", "certificate_file")

	fileCount = healthcheck.NewMeasure("tls_files", "Number of files with certificates that the last run found.")
)

// Bounds of what is read.
const (
	maxFiles = 100
	maxFile  = 1 << 20 // bytes
	maxTold  = 3       // mistakes of a run that are told
)

type fileChecker struct {
	patterns    []string
	minValidity time.Duration
}

// Check reads all files. Each file counts by itself: one that cannot be read does not hide another.
func (c *fileChecker) Check(ctx context.Context) healthcheck.Result {
	paths, err := c.find()
	found := len(paths)
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	if found > maxFiles {
		errs = append(errs, healthcheck.Errorf(healthcheck.ReasonError, "there are more than %d files: the first of them were read", maxFiles))
		paths = paths[:maxFiles]
	}
	values := []healthcheck.Value{fileCount.Value(float64(found))}
	var earliest time.Time
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			errs = append(errs, healthcheck.Errorf(healthcheck.ReasonTimeout, "%s was not read in time: %w", path, err))
			break
		}
		end, err := c.judge(path)
		if err != nil {
			errs = append(errs, err)
		}
		if end.IsZero() {
			continue
		}
		values = append(values, fileNotAfter.Value(float64(end.Unix()), strings.ToValidUTF8(path, "�")))
		if earliest.IsZero() || end.Before(earliest) {
			earliest = end
		}
	}
	if !earliest.IsZero() {
		values = append(values, certs.NotAfter.Value(float64(earliest.Unix())))
	}
	result := healthcheck.Fail(first(errs))
	result.Values = values
	return result
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
		paths = append(paths, matches...)
	}
	slices.Sort(paths)
	return slices.Compact(paths), err
}

// judge returns when the first certificate in a file expires, and what is wrong with the file. The time is zero where it
// is not known.
func (c *fileChecker) judge(path string) (end time.Time, err error) {
	list, err := read(path)
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	for _, cert := range list {
		if end.IsZero() || cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
		if err == nil && now.Before(cert.NotBefore) {
			err = healthcheck.Errorf(healthcheck.ReasonTLS, "%s: a certificate is not valid before %s", path, cert.NotBefore.UTC().Format(time.DateTime+" UTC"))
		}
	}
	switch {
	case err != nil:
	case now.After(end):
		err = healthcheck.Errorf(healthcheck.ReasonTLS, "%s: a certificate has expired at %s", path, end.UTC().Format(time.DateTime+" UTC"))
	default:
		err = certs.OutlivesUntil(end, c.minValidity, path+": a certificate")
	}
	return end, err
}

// read returns the certificates in a file of PEM.
func read(path string) ([]*x509.Certificate, error) {
	content, err := load(path)
	if err != nil {
		reason := healthcheck.ReasonError
		if errors.Is(err, fs.ErrPermission) {
			reason = healthcheck.ReasonAuth
		}
		return nil, healthcheck.WithReason(reason, err)
	}
	var list []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, healthcheck.Errorf(healthcheck.ReasonBody, "%s: a certificate cannot be read: %w", path, err)
		}
		list = append(list, cert)
	}
	if len(list) == 0 {
		return nil, healthcheck.Errorf(healthcheck.ReasonBody, "%s has no certificate in PEM", path)
	}
	return list, nil
}

// load returns the content of a file, which must be a regular one: to open another, such as a pipe, could block.
func load(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return content, err
}
