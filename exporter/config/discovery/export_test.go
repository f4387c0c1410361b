package discovery

import (
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// Sink returns what a source of a check tells.
func (m *Manager) Sink(check string, i int) source.Sink { return m.checks[check].subs[i].feed }

// Collect returns the changes that were gathered.
func (m *Manager) Collect() []Change {
	changes, _, _ := m.collect(time.Now().Add(never))
	return changes
}
