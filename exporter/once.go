package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/internal/page"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// CheckOnce runs every configured check once, without serving anything, and returns the outcome. The error tells every
// mistake in the configuration.
func CheckOnce(ctx context.Context, o Options) (healthcheck.Snapshot, error) {
	o.ConfigStrict = true // somebody is looking
	e := newExporter(o)
	if err := e.reload(ctx.Done(), nil); err != nil {
		return healthcheck.Snapshot{}, cmp.Or(ctx.Err(), err)
	}
	defer e.close()
	defer e.findOnce(ctx)()
	_, _ = e.registry.Run(ctx) // what was cut short shows as such
	return e.awaitLastWords(ctx), nil
}

// UnknownCheckError says that no check has an endpoint.
type UnknownCheckError struct {
	Endpoint string
	Nearest  []string // endpoints that may be meant
}

// Error proposes the nearest endpoints.
func (e *UnknownCheckError) Error() string {
	text := fmt.Sprintf("no check has the endpoint %.100q", e.Endpoint)
	if len(e.Nearest) == 0 {
		return text
	}
	return text + `; did you mean "` + strings.Join(e.Nearest, `", or "`) + `"?`
}

// RunOne runs one configured check once, whatever its schedule, without serving anything, and returns the outcome.
// Timeout, if not zero, is in the place of the check's own. Mistakes in other files than the check's, where files were
// found and not named, are heeded only if o.ConfigStrict says so. The error is an [UnknownCheckError] if there is no such
// check.
func RunOne(ctx context.Context, o Options, endpoint string, timeout time.Duration) (healthcheck.State, error) {
	e := newExporter(o)
	broken := e.reload(ctx.Done(), nil)
	if _, partly := errors.AsType[*FilesError](broken); broken != nil && !partly {
		return healthcheck.State{}, cmp.Or(ctx.Err(), broken)
	}
	defer e.close()
	state, ok := e.registry.Lookup(endpoint)
	if !ok {
		unknown := &UnknownCheckError{Endpoint: endpoint, Nearest: nearest(endpoint, e.endpoints())}
		return healthcheck.State{}, errors.Join(broken, unknown) // it may be in what is broken
	}
	if timeout > 0 {
		c := *state.Check
		c.Timeout, c.Interval = timeout, max(timeout, c.Interval)
		if err := e.registry.Update(c); err != nil {
			return healthcheck.State{}, err
		}
	}
	if _, err := e.registry.RunCheck(ctx, endpoint); ctx.Err() != nil {
		return healthcheck.State{}, cmp.Or(ctx.Err(), err)
	} else if err != nil {
		return healthcheck.State{}, err
	}
	e.awaitLastWords(ctx)
	state, _ = e.registry.Lookup(endpoint)
	return state, ctx.Err()
}

func (e *Exporter) endpoints() (list []string) {
	snapshot := e.registry.Snapshot()
	for i := range snapshot.States {
		list = append(list, snapshot.States[i].Check.Endpoint)
	}
	return list
}

// A check that is past its deadline has been told to stop, and knows more than that it is late: what hung, and what a
// program had printed. It gets a moment to say so.
const (
	lastWords      = 3 * time.Second // more than a program is given to end
	lastWordsPause = 10 * time.Millisecond
)

// awaitLastWords returns a snapshot in which no run is past its deadline, if there is one soon.
func (e *Exporter) awaitLastWords(ctx context.Context) healthcheck.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	ticker := time.NewTicker(lastWordsPause)
	defer ticker.Stop()
	for {
		snapshot := e.registry.Snapshot()
		if !slices.ContainsFunc(snapshot.States, func(s healthcheck.State) bool { return s.Stuck() }) {
			return snapshot
		}
		select {
		case <-ctx.Done():
			return snapshot
		case <-ticker.C:
		}
	}
}

// waitPause is the time between two rounds of Wait.
const waitPause = 500 * time.Millisecond

// Wait runs every configured check again and again until all that are not optional are OK, or ctx ends; the level tells
// which. After each round it calls progress, which may be nil.
func Wait(ctx context.Context, o Options, progress func(healthcheck.Snapshot)) (healthcheck.StatusLevel, error) {
	o.ConfigStrict = true // somebody is looking
	e := newExporter(o)
	if err := e.reload(ctx.Done(), nil); err != nil {
		return healthcheck.FAIL, cmp.Or(ctx.Err(), err)
	}
	defer e.close()
	defer e.findOnce(ctx)()
	ticker := time.NewTicker(waitPause)
	defer ticker.Stop()
	for {
		level, _ := e.registry.Run(ctx)
		if progress != nil {
			progress(e.awaitLastWords(ctx))
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
	e := newExporter(o)
	load := e.loadOptions()
	load.Strict = true
	c, err := e.read(load)
	if err := errors.Join(o.Validate(), validateWeb(nil, o.WebConfigFile), err); err != nil {
		return nil, err
	}
	return c, nil
}

// close unregisters all checks, so that they give back what they hold. Nothing is applied after it.
func (e *Exporter) close() {
	s := &e.settings
	s.applying.Lock()
	defer s.applying.Unlock()
	s.closed = true
	snapshot := e.registry.Snapshot()
	var ch healthcheck.Changes
	for i := range snapshot.States {
		ch.Unregister = append(ch.Unregister, snapshot.States[i].Check.Endpoint)
	}
	_ = e.registry.Apply(ch) // all of them are there
}

// FormatValue writes a measured value for people as the page does: by the unit at the end of the measure's name, timestamps
// with their distance from now.
func FormatValue(name string, v float64, now time.Time) string { return page.FormatValue(name, v, now) }
