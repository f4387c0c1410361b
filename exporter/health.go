package exporter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/go-chi/chi/v5"
)

// health is what is served at addresses of its own to whoever asks, in plain text, whatever the web configuration wants:
// whether the process works, and is ready. It is there until all else has ended.
type health struct {
	listeners []net.Listener
	servers   []*http.Server
	stopping  atomic.Bool // ready no more
	complete  atomic.Bool // see targetsReady
}

// HealthAddr returns the first address of [Options.HealthListenAddresses], or nil if there is none.
func (e *Exporter) HealthAddr() net.Addr {
	if len(e.health.listeners) == 0 {
		return nil
	}
	return e.health.listeners[0].Addr()
}

// serveHealth begins to serve until stopHealth. A server that fails is told.
func (e *Exporter) serveHealth(serving *sync.WaitGroup, failed chan<- error) {
	r := chi.NewRouter()
	e.routeHealth(r)
	for _, l := range e.health.listeners {
		s := newServer(r, e.log)
		e.health.servers = append(e.health.servers, s)
		e.log.Info("serving health", "address", l.Addr())
		serving.Go(func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve health on %s: %w", l.Addr(), err)
			}
		})
	}
}

func (e *Exporter) stopHealth(ctx context.Context) {
	var stopping sync.WaitGroup
	for _, s := range e.health.servers {
		stopping.Go(func() { shutdown(ctx, s) })
	}
	stopping.Wait()
}

// routeHealth adds the routes that tell of the process, not of what it checks.
func (e *Exporter) routeHealth(r chi.Router) {
	get(r, healthyPath, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, healthyText)
	}))
	get(r, readyPath, http.HandlerFunc(e.serveReady))
}

func (e *Exporter) serveReady(w http.ResponseWriter, _ *http.Request) {
	switch {
	case e.health.stopping.Load():
		http.Error(w, "healthcheck_exporter is not ready: it is stopping.", http.StatusServiceUnavailable)
	case !e.registry.Ready():
		http.Error(w, "healthcheck_exporter is not ready: not every check has run yet.", http.StatusServiceUnavailable)
	case !e.targetsReady():
		http.Error(w, "healthcheck_exporter is not ready: not all targets have been looked for, or not all that were found have been checked yet.", http.StatusServiceUnavailable)
	default:
		fmt.Fprintln(w, "healthcheck_exporter is ready.")
	}
}

// targetsReady reports whether all targets have been looked for once, and the checks of those that were found have run. It
// stays true: what is found later makes nothing that was ready less so. A source that fails counts as having answered.
func (e *Exporter) targetsReady() bool {
	if e.health.complete.Load() {
		return true
	}
	if !e.discovery.Settled() {
		return false
	}
	snapshot := e.registry.Snapshot()
	for i := range snapshot.States {
		if !snapshot.States[i].Ran() {
			return false
		}
	}
	e.health.complete.Store(true)
	return true
}
