package exporter

import (
	"context"
	"errors"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// CheckOnce runs every configured check once, without serving anything, and returns the outcome. The error tells every
// mistake in the configuration.
func CheckOnce(ctx context.Context, o Options) (healthcheck.Snapshot, error) {
	e := newExporter(o)
	if err := e.Reload(); err != nil {
		return healthcheck.Snapshot{}, err
	}
	defer e.close()
	e.registry.Run(ctx)
	return e.registry.Snapshot(), nil
}

// waitPause is the time between two rounds of Wait.
const waitPause = 500 * time.Millisecond

// Wait runs every configured check again and again until all that are not optional are OK, or ctx ends; the level tells
// which. After each round it calls progress, which may be nil.
func Wait(ctx context.Context, o Options, progress func(healthcheck.Snapshot)) (healthcheck.StatusLevel, error) {
	e := newExporter(o)
	if err := e.Reload(); err != nil {
		return healthcheck.FAIL, err
	}
	defer e.close()
	ticker := time.NewTicker(waitPause)
	defer ticker.Stop()
	for {
		level := e.registry.Run(ctx)
		if progress != nil {
			progress(e.registry.Snapshot())
		}
		if level != healthcheck.FAIL {
			return level, nil
		}
		select {
		case <-ctx.Done():
			return healthcheck.FAIL, nil
		case <-ticker.C:
		}
	}
}

// Validate looks at the options and at the web configuration, reads the configuration file, or the embedded default, and
// builds everything, but opens no socket and runs nothing. The error tells every mistake.
func Validate(o Options) (*config.Config, error) {
	c, err := newExporter(o).read(nil)
	if err := errors.Join(o.validate(), validateWeb(o.WebConfigFile), err); err != nil {
		return nil, err
	}
	return c, nil
}

// close unregisters all checks, so that they give back what they hold.
func (e *Exporter) close() {
	snapshot := e.registry.Snapshot()
	var ch healthcheck.Changes
	for i := range snapshot.States {
		ch.Unregister = append(ch.Unregister, snapshot.States[i].Check.Endpoint)
	}
	_ = e.registry.Apply(ch) // all of them are there
}
