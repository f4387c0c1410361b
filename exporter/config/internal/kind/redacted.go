package kind

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// withoutSecrets returns the checker with details that show nothing of what its configuration got from these
// expansions, but for variables that its target shows anyway, and with labels that show nothing of files.
func withoutSecrets(c healthcheck.Checker, expansions []reference.Expansion, target string) healthcheck.Checker {
	var secrets []reference.Expansion
	for _, e := range expansions {
		hidden := e.File || !secret.HasWord(target, e.Value)
		if e.Whole {
			hidden = slices.ContainsFunc(secrets, func(s reference.Expansion) bool { return strings.Contains(e.Raw, s.Raw) })
		}
		if hidden {
			secrets = append(secrets, e)
		}
	}
	if len(secrets) == 0 {
		return c
	}
	checker := redactedChecker{c, reference.NewRedactor(secrets)}
	if closer, ok := c.(io.Closer); ok {
		return &redactedCloser{checker, closer}
	}
	return &checker
}

// redactedChecker is a checker whose details, labels and panics are redacted.
type redactedChecker struct {
	inner    healthcheck.Checker
	redactor *reference.Redactor
}

// Check implements healthcheck.Checker.
func (c *redactedChecker) Check(ctx context.Context) healthcheck.Result {
	defer c.redactor.HidePanic()
	result := c.inner.Check(ctx)
	result.Details = c.redactor.Redact(result.Details, secret.MinLength)
	result.Values = c.redactValues(result.Values)
	return result
}

// redactValues returns the values with labels that show nothing of files. They are the caller's, and may be shared.
func (c *redactedChecker) redactValues(values []healthcheck.Value) []healthcheck.Value {
	if !c.redactor.HidesFiles() {
		return values
	}
	values = slices.Clone(values)
	for i := range values {
		values[i].Label = c.redactor.HideFiles(values[i].Label)
	}
	return values
}

// redactedCloser is a redactedChecker that has to be closed.
type redactedCloser struct {
	redactedChecker
	closer io.Closer
}

// Close implements io.Closer.
func (c *redactedCloser) Close() error {
	defer c.redactor.HidePanic()
	return c.closer.Close()
}

// Unredacted returns the checker that a kind made.
func Unredacted(c healthcheck.Checker) healthcheck.Checker {
	switch c := c.(type) {
	case *redactedChecker:
		return c.inner
	case *redactedCloser:
		return c.inner
	}
	return c
}
