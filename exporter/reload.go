package exporter

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// settings is the configuration in force.
type settings struct {
	turn    chan struct{} // holds a value while a configuration is read, so that one is read after the other
	current config.InUse  // for whoever has the turn
	targets targets       // likewise
	reading atomic.Int32  // readings under way, with those that were given up

	applying sync.Mutex
	closed   bool // nothing is applied any more

	state struct {
		sync.RWMutex
		watched  config.Sources // of the last attempt, good or bad
		identity healthcheck.Identity
		ok       bool
		at       time.Time // of the last success
	}
}

// loadPatience is how long a configuration may take to read: some seconds are enough for 100,000 checks on a slow
// machine. What takes longer is a file that hangs: on a file system that has lost its server, or a pipe where a kind of
// check reads a certificate.
const loadPatience = time.Minute

// maxHanging bounds the readings that have not ended: each keeps a thread, and what it has read so far.
const maxHanging = 8

var (
	errStopped = errors.New("interrupted while the configuration was read")
	errHang    = fmt.Errorf("%d earlier readings of the configuration still hang in files that it named", maxHanging)
	// errUnsettled is told to nobody: what is still being written is read again soon.
	errUnsettled = errors.New("the configuration is being written")
	errClosed    = errors.New("the exporter has stopped")
)

// await returns what f returns. If stop is closed or patience ends first it returns an error, while f goes on: whoever
// reads a file may be stuck in the kernel, where nothing can interrupt it, and must not hold up the end.
func await[T any](stop <-chan struct{}, patience time.Duration, f func() T) (result T, err error) {
	select {
	case <-stop:
		return result, errStopped
	default:
	}
	done := make(chan T, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case result = <-done:
		return result, nil
	case <-stop:
		return result, errStopped
	case <-timer.C:
		return result, fmt.Errorf("reading has not ended within %s; does a file hang?", patience)
	}
}

// Reload reads the configuration again and applies it. Everything is read, validated and built first; when there is a
// mistake the error tells all of them, and nothing changes. A check whose definition is the same keeps its schedule,
// state, history and counters; one with another definition keeps all but its schedule. A file that hangs ends it with
// an error, after a minute at the latest.
func (e *Exporter) Reload() error { return e.reload(e.ended, nil) }

// reload is Reload until stop is closed. With settled, nothing happens unless it is true once everything was read.
func (e *Exporter) reload(stop <-chan struct{}, settled func() bool) error {
	s := &e.settings
	select {
	case s.turn <- struct{}{}:
	case <-stop:
		return errStopped
	}
	defer func() { <-s.turn }()
	type outcome struct {
		next *config.Config
		err  error
	}
	began := time.Now()
	o := e.loadOptions() // taken while it is our turn: a reading that is given up goes on
	if s.reading.Load() >= maxHanging {
		return errHang
	}
	read, err := await(stop, e.patience, func() outcome {
		s.reading.Add(1)
		defer s.reading.Add(-1)
		next, err := e.read(o)
		if settled != nil && !settled() {
			err = errUnsettled
		}
		return outcome{next, err}
	})
	if err == nil {
		err = read.err
	}
	if err == nil {
		err = e.apply(read.next, began)
	}
	if err == nil {
		s.current = read.next.InUse()
		e.find(read.next.Groups)
		err = e.succeeded(read.next)
	} else if !errors.Is(err, errUnsettled) && !errors.Is(err, errStopped) {
		e.failed(err)
	}
	return err
}

func (e *Exporter) apply(next *config.Config, began time.Time) error {
	s := &e.settings
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.closed {
		return errClosed
	}
	ch, unchanged := changes(s.current, next)
	if err := e.registry.Apply(ch); err != nil {
		return err
	}
	e.log.Info("configuration read", "file", e.source(), "added", len(ch.Register), "changed", len(ch.Update),
		"removed", len(ch.Unregister), "unchanged", unchanged, "kept", len(next.Kept), "took", time.Since(began))
	return nil
}

// succeeded notes that c is in force, and returns an error that tells which of its files are not.
func (e *Exporter) succeeded(c *config.Config) error {
	partly := filesError(c.Files)
	now := time.Now()
	s := &e.settings.state
	s.Lock()
	defer s.Unlock()
	s.watched = c.Sources
	s.identity = healthcheck.Identity{Name: c.Name, Version: c.Version}
	e.reloads.files(c.Files)
	s.ok = partly == nil
	if partly != nil {
		e.reloads.successful.Set(0)
		return partly
	}
	s.at = now
	e.reloads.successful.Set(1)
	e.reloads.successTime.Set(float64(now.UnixMilli()) / 1e3)
	return nil
}

// FilesError tells which files of a configuration have mistakes, so that their checks go on as they are, or are missing,
// while those of all other files are in force.
type FilesError struct{ Files []config.File }

// filesError returns the error for those of the files that have mistakes, or nil.
func filesError(files []config.File) error {
	e := &FilesError{}
	for _, f := range files {
		if f.Err != nil {
			e.Files = append(e.Files, f)
		}
	}
	if len(e.Files) == 0 {
		return nil
	}
	return e
}

// Error returns every mistake, a line each.
func (e *FilesError) Error() string { return errors.Join(e.Unwrap()...).Error() }

// Unwrap returns the mistakes.
func (e *FilesError) Unwrap() []error {
	var all []error
	for _, f := range e.Files {
		if joined, ok := f.Err.(interface{ Unwrap() []error }); ok {
			all = append(all, joined.Unwrap()...)
		} else {
			all = append(all, f.Err)
		}
	}
	return all
}

func (e *Exporter) failed(err error) {
	s := &e.settings.state
	s.Lock()
	defer s.Unlock()
	if sources, ok := config.SourcesOf(err); ok {
		s.watched = sources
	}
	s.ok = false
	e.reloads.files(config.FilesOf(err))
	e.reloads.successful.Set(0)
}

// loadOptions returns how to read the next configuration.
func (e *Exporter) loadOptions() config.Options {
	s := &e.settings
	return config.Options{
		Previous: s.current,
		Groups:   s.targets.inUse(),
		Targets:  e.discovery.Targets,
		Lookup:   e.lookup,
		Strict:   e.options.ConfigStrict,
	}
}

func (e *Exporter) read(o config.Options) (*config.Config, error) {
	if files := e.options.configFiles(); len(files) > 0 {
		return config.LoadFiles(files, o)
	}
	return config.Parse("default.yml", config.DefaultYAML(), o)
}

// configFiles returns what the configuration is read from; nothing stands for the embedded default.
func (o *Options) configFiles() []string {
	if o.ConfigFile == "" {
		return o.ConfigFiles
	}
	return append([]string{o.ConfigFile}, o.ConfigFiles...)
}

func (e *Exporter) source() string {
	files := e.options.configFiles()
	if len(files) == 0 {
		return "(embedded default)"
	}
	return strings.Join(files, ", ")
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
		if _, inForce := to.Kept[endpoint]; !kept[endpoint] && !inForce {
			ch.Unregister = append(ch.Unregister, endpoint)
		}
	}
	return ch, unchanged
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
