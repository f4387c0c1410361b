package kind

import (
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Built is what was made of a check.
type Built struct {
	Target      string
	Checker     healthcheck.Checker
	Fingerprint Fingerprint
}

// Builder makes the checkers of one configuration.
type Builder struct {
	Kinds map[string]Kind
	hash  fingerprinter
}

// Fingerprint returns the fingerprint of a check without mistakes.
func (b *Builder) Fingerprint(c *settings.Check) Fingerprint { return b.hash.sum(c) }

// Build makes the checker of a check. Its errors are those of the kind, which may be joined and have fields.
func (b *Builder) Build(c *settings.Check) (built Built, err error) {
	defer func() {
		if p := recover(); p != nil { // a bug in the kind's code
			err = settings.PanicError(p)
		}
	}()
	k := b.Kinds[c.Kind]
	checker, err := k.New(c.Config)
	if err != nil {
		return Built{}, err
	}
	built.Target = k.Target(c.Config)
	if h, ok := c.Config.(interface{ HidesReferences() bool }); ok && h.HidesReferences() {
		built.Target = reference.Redact(built.Target, c.Expansions)
	} else {
		built.Target = reference.RedactFiles(built.Target, c.Expansions)
	}
	built.Checker = withoutSecrets(checker, c.OfKind(), built.Target)
	return built, nil
}
