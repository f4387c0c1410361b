// Package config reads the exporter's configuration: YAML files that say what to check, how often, and what to make of
// it.
//
// It is strict and thorough: an unknown key, a value of the wrong type or a check that cannot be built is a mistake,
// every mistake is reported at once, and each names file, line and path. Text may refer to environment variables
// and files (${VAR}, ${VAR:-default}, ${file:/run/secrets/x}); what these hold appears in no error.
//
// Reading is a pipeline, in [LoadFiles]: internal/source reads files, internal/document makes trees of them,
// internal/reference tells what their references stand for, internal/settings makes typed settings of that, and
// internal/kind makes checkers of the settings. What one file cannot know of another is looked at here, last.
package config

import (
	"maps"
	"os"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/kind"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/source"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// MaxSize is the largest configuration file that is read, in bytes: room for 100,000 checks of 300 bytes each.
const MaxSize = source.MaxSize

// Config is a configuration that can be used: every check in it is ready to run.
type Config struct {
	Name, Version string // as in /status
	Checks        []Check
	// Kept are the checks in use whose files have mistakes now: they go on as they are.
	Kept     InUse
	Groups   []*Group // the checks that stand for one for each of their targets, also those of files of kept checks
	Files    []File   // the configuration files, in the order in which they were read
	Sources  Sources  // all the files that it was made from
	Warnings []*Error // what is valid and probably not meant, in the order of the checks
}

// File is a configuration file, or a folder or glob that could not be looked into.
type File struct {
	Path string
	Err  error // what is wrong with it, of the same sort as the error of [Load]; nil if its checks are in use
}

// Check is one configured check. Its intervals, timeout and thresholds are the effective ones, defaults filled in.
type Check struct {
	healthcheck.Check
	// File and Line are where the check begins.
	File string
	Line int
	// Origin tells for which target the check was made; the zero Origin is that of a check that stands for itself.
	Origin Origin
	// Fingerprint identifies what the check does: it is equal for two checks whose effective settings, including
	// the contents of variables and ${file:...}, are equal, whatever their layout and place in the file. It is
	// derived from secrets, so it is for comparing, not for showing.
	Fingerprint Fingerprint

	explained  *explained // with Options.Explain
	discovered bool       // for a target that is not written out
	refused    bool       // as its endpoint is taken
}

// Origin is a target of a group.
type Origin struct {
	Group string // [discovery.Spec.Check]
	ID    uint64 // [discovery.Target.ID]; zero if nobody has found it yet
}

type (
	// Fingerprint is a SHA-256 hash of the settings of a check.
	Fingerprint = kind.Fingerprint
	// Error is one mistake in a configuration.
	Error = document.Error
	// Sources are the files that a configuration was made from, with what they held at that time.
	Sources = source.Set
)

// Hash returns what [Sources.Hash] returns for a configuration that was made from the files as they are now.
func Hash(paths ...string) source.Digest { return source.Hash(paths...) }

// InUse is what the next configuration has to know of the one in use, by endpoint: little, as there may be many checks.
type InUse map[string]BuiltCheck

// BuiltCheck is what was made of a check.
type BuiltCheck struct {
	kind.Built
	File   string // where it stands
	Origin Origin
}

// InUse returns what the next configuration has to know of c.
func (c *Config) InUse() InUse {
	u := make(InUse, len(c.Checks)+len(c.Kept))
	for i := range c.Checks {
		u[c.Checks[i].Endpoint] = c.Checks[i].InUse()
	}
	maps.Copy(u, c.Kept)
	return u
}

// InUse returns what is to be kept of c.
func (c *Check) InUse() BuiltCheck {
	return BuiltCheck{kind.Built{Target: c.Target, Checker: c.Checker, Fingerprint: c.Fingerprint}, c.File, c.Origin}
}

// Options tells how to read a configuration. The zero value is ready to use.
type Options struct {
	// Lookup returns the value of an environment variable; nil means [os.LookupEnv].
	Lookup func(name string) (value string, ok bool)
	// Dir is the folder that relative paths in the configuration start from; empty means that of each file.
	Dir string
	// Previous, if not nil, is of the configuration in use. A check with the same endpoint and fingerprint in both
	// keeps its Checker, so that nothing it holds, such as a connection, is lost. The checks of a file that has mistakes
	// now are kept as they are.
	Previous InUse
	// Groups are those of the configuration in use.
	Groups []*Group
	// Targets returns what is known of the targets of a group; nil, or a nil slice, means only what is written out.
	Targets func(group string) []discovery.Target
	// Explain keeps what [Config.Explain] needs, which is a lot for many checks.
	Explain bool
	// Strict refuses a configuration for a mistake in any file.
	Strict bool

	kinds map[string]kind.Kind // for tests; nil means all
}

func (o Options) withDefaults() Options {
	if o.Lookup == nil {
		o.Lookup = os.LookupEnv
	}
	if o.kinds == nil {
		o.kinds = kind.All()
	}
	return o
}
