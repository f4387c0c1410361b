// Command generate writes the JSON Schema of the configuration and the reference in docs, from the sources of the module
// that it is run in.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/manual"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root, err := manual.Root(".")
	if err != nil {
		return err
	}
	files, lacks, err := manual.Files(root)
	if err != nil {
		return err
	}
	for _, lack := range lacks {
		fmt.Fprintln(os.Stderr, "lacks", lack)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil { //nolint:gosec // for everybody to read
			return err
		}
	}
	return nil
}
