package main

import (
	"io"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// schema prints the JSON Schema of the configuration file.
func schema(stdout io.Writer) error {
	_, err := stdout.Write(exporter.ConfigSchema())
	return err
}
