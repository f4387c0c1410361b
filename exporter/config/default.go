package config

import (
	"bytes"
	_ "embed"
)

//go:embed default.yml
var defaultYAML []byte

// DefaultYAML returns the built-in configuration, which watches the machine that it runs on, with comments that make
// it an example of everything. The caller owns the copy.
func DefaultYAML() []byte { return bytes.Clone(defaultYAML) }

// Default returns the built-in configuration. The exporter's own address is http://localhost:8989 unless opts.Lookup
// has another one under the name HEALTHCHECK_EXPORTER_URL.
func Default(opts Options) (*Config, error) {
	return Parse("default.yml", defaultYAML, opts)
}
