package exporter

import "github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"

// ConfigSchema returns the JSON Schema of the configuration file.
func ConfigSchema() []byte { return config.Schema() }
