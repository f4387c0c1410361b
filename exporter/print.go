package exporter

import (
	"context"
	"io"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
)

// Print writes the effective configuration as YAML: defaults, templates and targets filled in, secrets as their references.
// If endpoint is not empty it writes that check alone, and where each of its values comes from. Targets are looked for until
// ctx ends, or for half a minute. The error tells every mistake in the configuration.
func Print(ctx context.Context, o Options, w io.Writer, endpoint string) error {
	e := newExporter(o)
	load := e.loadOptions()
	load.Strict, load.Explain = true, true
	c, err := e.read(load)
	if err != nil {
		return err
	}
	var specs []discovery.Spec
	for _, g := range c.Groups {
		if g.Dynamic() {
			specs = append(specs, g.Spec)
		}
	}
	if len(specs) > 0 {
		if c, err = e.readWithTargets(ctx, load, specs); err != nil {
			return err
		}
	}
	return c.Explain(w, endpoint)
}

func (e *Exporter) readWithTargets(ctx context.Context, load config.Options, specs []discovery.Spec) (*config.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	found, _, err := discovery.Find(ctx, specs, discovery.Options{Log: e.log, Gather: time.Millisecond})
	if err != nil {
		e.log.Warn("not all targets were found", "err", err)
	}
	load.Targets = func(group string) []discovery.Target { return found[group] }
	return e.read(load)
}
