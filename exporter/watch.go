package exporter

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// longestSettling is the time between the two looks that must see the same, unless the watch interval is shorter.
const longestSettling = 5 * time.Second

// watch reloads when it is asked to, and when the content of a file of the configuration has changed and was seen the
// same in two looks: half of a file may be valid YAML.
func (e *Exporter) watch(ctx context.Context) {
	changed := make(chan change)
	if len(e.options.configFiles()) > 0 && e.options.WatchInterval > 0 {
		go e.lookOut(ctx, changed) // not waited for: a look may hang
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
			_ = e.reloadAndLog(ctx.Done(), nil)
		case c := <-changed:
			c.outcome <- e.reloadAndLog(ctx.Done(), func() bool { return e.look() == c.seen })
		}
	}
}

type digest = [sha256.Size]byte

// change is what two looks have seen.
type change struct {
	seen    digest
	outcome chan error // takes what comes of it without waiting
}

// look returns a digest of the files of the configuration as they are now.
func (e *Exporter) look() digest { return e.watched().Look() }

// lookOut sends what the files of the configuration have become. It looks at contents, since mounted volumes change
// through links that are swapped, which no notification of a file tells.
func (e *Exporter) lookOut(ctx context.Context, changed chan<- change) {
	interval := e.options.WatchInterval
	timer := time.NewTimer(interval)
	defer timer.Stop()
	var before, tried digest // what the last look saw, if that was new; what was read in vain
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		pause := interval
		switch now := e.look(); {
		case now == e.watched().Hash():
			before, tried = digest{}, digest{}
		case now == tried: // a file hangs
			before = digest{}
		case now != before:
			before, pause = now, min(interval, longestSettling)
		default:
			before = digest{}
			c := change{now, make(chan error, 1)}
			select {
			case changed <- c:
			case <-ctx.Done():
				return
			}
			select {
			case err := <-c.outcome:
				if !errors.Is(err, errUnsettled) {
					tried = now
				}
			case <-ctx.Done():
				return
			}
		}
		timer.Reset(pause)
	}
}

func (e *Exporter) watched() config.Sources {
	s := &e.settings.state
	s.RLock()
	defer s.RUnlock()
	return s.watched
}

// reloadAndLog is reload, with a line for each mistake.
func (e *Exporter) reloadAndLog(stop <-chan struct{}, settled func() bool) error {
	err := e.reload(stop, settled)
	switch {
	case err == nil, errors.Is(err, errStopped), errors.Is(err, errUnsettled):
	default:
		logMistakes(e.log, err)
	}
	return err
}

// maxLoggedMistakes bounds the lines about one configuration.
const maxLoggedMistakes = 50

func logMistakes(log *slog.Logger, err error) {
	text := "configuration is not valid and was not applied"
	if partly, ok := errors.AsType[*FilesError](err); ok {
		text = "configuration file is not valid: its checks go on as they were, and new ones are missing"
		err = partly
	}
	list := []error{err}
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		list = joined.Unwrap()
	}
	for i, mistake := range list {
		if i == maxLoggedMistakes {
			log.Error("configuration has more mistakes", "count", len(list)-i)
			return
		}
		log.Error(text, "err", mistake)
	}
}
