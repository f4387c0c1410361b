// Package config reads the exporter's configuration: one YAML file that says what to check, how often, and what to
// make of it.
//
// It is strict and thorough: an unknown key, a value of the wrong type or a check that cannot be built is a mistake,
// every mistake is reported at once, and each names file, line and path. Text may refer to environment variables
// and files (${VAR}, ${VAR:-default}, ${file:/run/secrets/x}); what these hold appears in no error.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// MaxSize is the largest configuration that is read, in bytes: room for 100,000 checks of 300 bytes each.
const MaxSize = 32 << 20

// Config is a configuration in which everything is valid and every check is ready to run.
type Config struct {
	Name, Version string // as in /status
	Checks        []Check
	Sources       Sources // the files that it was made from
}

// Check is one configured check. Its intervals, timeout and thresholds are the effective ones, defaults filled in.
type Check struct {
	healthcheck.Check
	// Line is where the check begins in the file.
	Line int
	// Fingerprint identifies what the check does: it is equal for two checks whose effective settings, including
	// the contents of variables and ${file:...}, are equal, whatever their layout and place in the file. It is
	// derived from secrets, so it is for comparing, not for showing.
	Fingerprint Fingerprint
}

// InUse is what the next configuration has to know of the one in use, by endpoint: little, as there may be many checks.
type InUse map[string]BuiltCheck

// BuiltCheck is what was made of a check.
type BuiltCheck struct {
	Target      string
	Checker     healthcheck.Checker
	Fingerprint Fingerprint
}

// InUse returns what is to be kept of c.
func (c *Config) InUse() InUse {
	u := make(InUse, len(c.Checks))
	for i := range c.Checks {
		check := &c.Checks[i]
		u[check.Endpoint] = BuiltCheck{check.Target, check.Checker, check.Fingerprint}
	}
	return u
}

// Options tells how to read a configuration. The zero value is ready to use.
type Options struct {
	// Lookup returns the value of an environment variable; nil means [os.LookupEnv].
	Lookup func(name string) (value string, ok bool)
	// Dir is the folder that relative paths in the configuration start from; empty means that of the configuration.
	Dir string
	// Previous, if not nil, is of the configuration in use. A check with the same endpoint and fingerprint in both
	// keeps its Checker, so that nothing it holds, such as a connection, is lost.
	Previous InUse

	kinds map[string]builder // for tests; nil means all
}

// Load reads the configuration file at path. The error joins one [*Error] for each mistake, sorted by line;
// [SourcesOf] tells which files to watch for the repair.
func Load(path string, opts Options) (*Config, error) {
	sources := newSources()
	data, err := sources.readConfig(path)
	if err != nil {
		return nil, &mistakes{errs: []error{&Error{File: path, Err: err}}, sources: sources.done()}
	}
	return parse(path, data, opts, sources)
}

// Parse is [Load] for a configuration that is already in memory. The name stands for the file in errors; if opts.Dir
// is empty, relative paths start from the name's folder. Every error carries a line.
func Parse(name string, data []byte, opts Options) (*Config, error) {
	return parse(name, data, opts, newSources())
}

func parse(name string, data []byte, opts Options, sources *sourceReader) (*Config, error) {
	if opts.Lookup == nil {
		opts.Lookup = os.LookupEnv
	}
	if opts.Dir == "" {
		opts.Dir = filepath.Dir(name)
	}
	l := newLoader(name, opts, sources)
	cfg := l.load(data)
	if err := l.errs.join(sources.done()); err != nil {
		return nil, err
	}
	cfg.Sources = sources.done()
	return cfg, nil
}

var errTooLarge = fmt.Errorf("the file is larger than %d MiB", MaxSize>>20)

// readLimited reads all of the file at path, which may also be a pipe.
func readLimited(path string) (data []byte, regular bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, cause(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, cause(err)
	}
	if info.IsDir() {
		return nil, false, errors.New("this is a folder, not a file")
	}
	data, err = io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, false, cause(err)
	}
	if len(data) > MaxSize {
		return nil, false, errTooLarge
	}
	return data, info.Mode().IsRegular(), nil
}

// cause drops operation and path from an error of package os, for messages that begin with the path.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}
