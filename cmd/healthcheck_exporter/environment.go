package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// neverEmpty are the flags whose empty value is most likely that of a variable which is not set, and would be taken for
// something harmful: another configuration, or none with passwords.
var neverEmpty = []string{"config.file", "web.config.file"}

// refuseEmpty returns an error if a flag, or its variable, is given without a value.
func (c *commandLine) refuseEmpty() error {
	for _, name := range neverEmpty {
		f := c.app.GetFlag(name).Model()
		if f.Value.String() != "" {
			continue
		}
		if c.given[name] {
			return fmt.Errorf("--%s is given without a file", name)
		}
		if _, ok := os.LookupEnv(f.Envar); ok {
			return fmt.Errorf("%s is set to nothing: give it a file, or unset it", f.Envar)
		}
	}
	return nil
}

// flagOf are the flags of options that can be wrong though they can be read.
var flagOf = map[string]string{
	"TelemetryPath":         "web.telemetry-path",
	"Concurrency":           "runner.concurrency",
	"WatchInterval":         "config.watch-interval",
	"ConfigFiles":           "config.file",
	"ListenAddresses":       "web.listen-address",
	"HealthListenAddresses": "web.health-listen-address",
	"HTTPConfigFile":        "http.config.file",
	"WebConfigFile":         "web.config.file",
}

// named returns the error with each mistake in an option put down to its variable, if it comes from there, or flag.
func (c *commandLine) named(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range joined.Unwrap() {
			errs = append(errs, c.named(e))
		}
		return errors.Join(errs...)
	}
	e, ok := err.(*exporter.OptionError) //nolint:errorlint // what wraps one says more
	if !ok {
		return err
	}
	return fmt.Errorf("%s: %w", origin(c.flag(flagOf[e.Option]), c.given), err)
}

// flag returns one that all commands have, or the one that was chosen.
func (c *commandLine) flag(name string) *kingpin.FlagClause {
	if f := c.app.GetFlag(name); f != nil {
		return f
	}
	return c.app.GetCommand(c.command).GetFlag(name)
}

// noteGiven remembers the flags among the arguments.
func (c *commandLine) noteGiven(parsed *kingpin.ParseContext) {
	for _, element := range parsed.Elements {
		if f, ok := element.Clause.(*kingpin.FlagClause); ok {
			c.given[f.Model().Name] = true
		}
	}
}
