package config

import (
	"errors"
	"reflect"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/kind"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// WithKind returns options whose only kinds are those added this way.
func WithKind[C interface{ Target() string }](o Options, name string, constructor func(C) (healthcheck.Checker, error)) Options {
	all := map[string]kind.Kind{name: kind.Of(constructor)}
	for n, b := range o.kinds {
		all[n] = b
	}
	o.kinds = all
	return o
}

// Captured returns options under which the kinds hand over their configurations instead of making checks.
func Captured(o Options, got func(config any)) Options {
	o.kinds = make(map[string]kind.Kind)
	for name, b := range kind.All() {
		b.New = func(config any) (healthcheck.Checker, error) {
			got(config)
			return nil, errors.New("captured")
		}
		o.kinds[name] = b
	}
	return o
}

// KindConfigs returns the configuration types of the kinds.
func KindConfigs() map[string]reflect.Type {
	types := make(map[string]reflect.Type)
	for name, b := range kind.All() {
		types[name] = b.Config
	}
	return types
}

// Unsupported returns what the decoder cannot fill in a type.
func Unsupported(t reflect.Type) []string { return settings.Unsupported(t) }

// Redact is redact with one expansion.
func Redact(text, raw, value string) string {
	return reference.Redact(text, []reference.Expansion{{Raw: raw, Value: value}})
}

// Unredacted returns the checker that a kind made.
func Unredacted(c healthcheck.Checker) healthcheck.Checker { return kind.Unredacted(c) }

// Kind is a kind of checks. Configurations are pointers.
type Kind struct {
	Name   string
	Config reflect.Type
	Target func(config any) string
	New    func(config any) (healthcheck.Checker, error)
}

// Kinds returns the kinds by name.
func Kinds() map[string]Kind {
	all := make(map[string]Kind)
	for name, b := range kind.All() {
		all[name] = Kind{Name: name, Config: b.Config, Target: b.Target, New: b.New}
	}
	return all
}
