package exporter

import (
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

// ImportOptions say what to import.
type ImportOptions struct {
	Files []string // configuration files of another program
	// From is one of [ImportFormats]; empty means that the content of the files tells.
	From string
	// WithSecrets leaves secrets in the output, instead of references to variables.
	WithSecrets bool
}

// Import makes a configuration of ours of files of blackbox_exporter and Prometheus, gatus, or uptime-kuma. The error says
// that nothing could be made of them; what could not be taken over is in the result.
func Import(o ImportOptions) (*Imported, error) {
	return convert.Load(o.Files, convert.Options{From: convert.Format(o.From), WithSecrets: o.WithSecrets})
}

// Imported is what [Import] has made.
type Imported = convert.Result

// ImportFormats returns the formats that can be imported.
func ImportFormats() []string {
	var names []string
	for _, f := range convert.Formats() {
		names = append(names, string(f))
	}
	return names
}
