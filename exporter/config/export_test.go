package config

import (
	"reflect"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// WithKind returns options whose only kinds are those added this way.
func WithKind[C interface{ Target() string }](o Options, name string, constructor func(C) (healthcheck.Checker, error)) Options {
	all := map[string]builder{name: kind(constructor)}
	for n, b := range o.kinds {
		all[n] = b
	}
	o.kinds = all
	return o
}

// KindConfigs returns the configuration types of the kinds.
func KindConfigs() map[string]reflect.Type {
	types := make(map[string]reflect.Type)
	for name, b := range kinds {
		types[name] = b.config
	}
	return types
}

// Unsupported returns what the decoder cannot fill in a type.
func Unsupported(t reflect.Type) []string { return make(typeSet).unsupported(t) }

// Redact is redact with one expansion.
func Redact(text, raw, value string) string {
	return redact(text, []expansion{{raw: raw, value: value}})
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
