package exporter

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// settings is the configuration in force.
type settings struct {
	mu      sync.Mutex // held while a configuration is read, so that one is read after the other
	current config.InUse
	watched config.Sources // of the last attempt, good or bad

	state struct {
		sync.RWMutex
		identity healthcheck.Identity
		ok       bool
		at       time.Time // of the last success
	}
}

// Reload reads the configuration again and applies it. Everything is read, validated and built first; when there is a
// mistake the error tells all of them, and nothing changes. A check whose definition is the same keeps its schedule,
// state, history and counters; one with another definition keeps all but its schedule.
func (e *Exporter) Reload() error {
	s := &e.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	began := time.Now()
	next, err := e.read(s.current)
	if err == nil {
		ch, unchanged := changes(s.current, next)
		if err = e.registry.Apply(ch); err == nil {
			e.log.Info("configuration read", "file", e.source(), "added", len(ch.Register), "changed", len(ch.Update),
				"removed", len(ch.Unregister), "unchanged", unchanged, "took", time.Since(began))
		}
	}
	if err != nil {
		if sources, ok := config.SourcesOf(err); ok {
			s.watched = sources
		}
		e.reloads.successful.Set(0)
		s.state.Lock()
		s.state.ok = false
		s.state.Unlock()
		return err
	}
	s.current, s.watched = next.InUse(), next.Sources
	now := time.Now()
	s.state.Lock()
	s.state.identity = healthcheck.Identity{Name: next.Name, Version: next.Version}
	s.state.ok, s.state.at = true, now
	s.state.Unlock()
	e.reloads.successful.Set(1)
	e.reloads.successTime.Set(float64(now.UnixMilli()) / 1e3)
	return nil
}

func (e *Exporter) read(previous config.InUse) (*config.Config, error) {
	o := config.Options{Previous: previous, Lookup: e.lookup}
	if e.options.ConfigFile == "" {
		return config.Parse("default.yml", config.DefaultYAML(), o)
	}
	return config.Load(e.options.ConfigFile, o)
}

func (e *Exporter) source() string {
	if e.options.ConfigFile == "" {
		return "(embedded default)"
	}
	return e.options.ConfigFile
}

// urlVariable is set for the embedded default, which checks the exporter itself.
const urlVariable = "HEALTHCHECK_EXPORTER_URL"

func (e *Exporter) lookup(name string) (string, bool) {
	if value, ok := os.LookupEnv(name); ok || name != urlVariable {
		return value, ok
	}
	return e.url(), true
}

// changes returns what leads from one configuration to the next, and the number of checks that stay as they are.
func changes(from config.InUse, to *config.Config) (ch healthcheck.Changes, unchanged int) {
	kept := make(map[string]bool, len(from)) // of those in from
	for i := range to.Checks {
		c := &to.Checks[i]
		before, known := from[c.Endpoint]
		if !known {
			ch.Register = append(ch.Register, c.Check)
			continue
		}
		kept[c.Endpoint] = true
		if before.Fingerprint != c.Fingerprint {
			ch.Update = append(ch.Update, c.Check)
		} else {
			unchanged++
		}
	}
	for endpoint := range from {
		if !kept[endpoint] {
			ch.Unregister = append(ch.Unregister, endpoint)
		}
	}
	return ch, unchanged
}

// watch reloads when it is asked to, and when the content of a file of the configuration changes. It looks at contents,
// since mounted volumes change through links that are swapped, which no notification of a file tells.
func (e *Exporter) watch(ctx context.Context) {
	var tick <-chan time.Time
	if e.options.ConfigFile != "" && e.options.WatchInterval > 0 {
		ticker := time.NewTicker(e.options.WatchInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	requests := e.options.ReloadRequests
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-requests:
			if !ok {
				requests = nil // nobody will ask again
				continue
			}
			_ = e.reloadAndLog()
		case <-tick:
			if e.sourcesChanged() {
				_ = e.reloadAndLog()
			}
		}
	}
}

func (e *Exporter) sourcesChanged() bool {
	s := &e.settings
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.watched.Changed()
}

func (e *Exporter) reloadAndLog() error {
	err := e.Reload()
	if err != nil {
		logMistakes(e.log, err)
	}
	return err
}

func (e *Exporter) identity() healthcheck.Identity {
	s := &e.settings.state
	s.RLock()
	defer s.RUnlock()
	return s.identity
}

// lastReload tells whether the last attempt succeeded, and when one last did.
func (e *Exporter) lastReload() (ok bool, at time.Time) {
	s := &e.settings.state
	s.RLock()
	defer s.RUnlock()
	return s.ok, s.at
}

// maxLoggedMistakes bounds the lines about one configuration.
const maxLoggedMistakes = 50

func logMistakes(log *slog.Logger, err error) {
	var list []error
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		list = joined.Unwrap()
	} else {
		list = []error{err}
	}
	for i, mistake := range list {
		if i == maxLoggedMistakes {
			log.Error("configuration has more mistakes", "count", len(list)-i)
			return
		}
		log.Error("configuration is not valid and was not applied", "err", mistake)
	}
}
