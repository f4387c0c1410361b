package exporter

import (
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Registry returns the checks, for what no page shows and no configuration says.
func (e *Exporter) Registry() *healthcheck.Registry { return e.registry }

// SetPatience sets how long a configuration may take to read, before anything is asked of e.
func (e *Exporter) SetPatience(d time.Duration) { e.patience = d }

// NewWithoutSockets is New for a synctest bubble, in which nothing can be served.
func NewWithoutSockets(o Options) (*Exporter, error) {
	e := newExporter(o)
	return e, e.Reload()
}
