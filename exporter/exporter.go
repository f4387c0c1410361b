// Package exporter runs the checks of a configuration and serves what is known of them over HTTP: metrics, the
// compatible status JSON and a page for people.
package exporter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Exporter is one running exporter: a registry with the configured checks, their runner and the HTTP server.
type Exporter struct {
	options   Options
	log       *slog.Logger
	started   time.Time
	registry  *healthcheck.Registry
	collector *collector.Collector
	own       *prometheus.Registry // metrics of the process and of the exporter itself
	reloads   *reloadMetrics
	discovery *discovery.Manager
	listeners []net.Listener
	health    health
	settings  settings
	ended     chan struct{} // closed when nothing is served any more
	patience  time.Duration // with a reading of the configuration
}

// New reads the configuration and opens the sockets. Nothing runs or is served before [Exporter.Run], which must be
// called to give the sockets back. The error tells every mistake there is; it is ctx's if that ends first.
// Mistakes in files that were found, not named, are logged, unless o.ConfigStrict says otherwise.
func New(ctx context.Context, o Options) (*Exporter, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	e := newExporter(o)
	err := validateWeb(ctx.Done(), o.WebConfigFile)
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	if err = e.listen(ctx); err != nil {
		return nil, err
	}
	err = e.reload(ctx.Done(), nil)
	if partly, ok := errors.AsType[*FilesError](err); ok {
		logMistakes(e.log, partly)
	} else if err != nil {
		e.closeSockets()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return e, nil
}

// newExporter returns an exporter without sockets and checks.
func newExporter(o Options) *Exporter {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	registry := &healthcheck.Registry{Logger: log}
	own := newProcessMetrics()
	e := &Exporter{
		options:   o,
		log:       log,
		started:   time.Now(),
		registry:  registry,
		collector: collector.New(registry, collector.WithHistogram(o.DurationHistogram), collector.WithProfile(collector.ProfileDefault)),
		own:       own,
		reloads:   newReloadMetrics(own),
		settings:  settings{turn: make(chan struct{}, 1)},
		ended:     make(chan struct{}),
		patience:  loadPatience,
	}
	e.discovery = discovery.NewManager(discovery.Options{Log: log, Changed: e.targetsChanged})
	own.MustRegister(e.discovery.Collector())
	return e
}

// Addr returns the first address that the exporter listens on.
func (e *Exporter) Addr() net.Addr { return e.listeners[0].Addr() }

// url returns where the exporter reaches itself.
func (e *Exporter) url() string {
	scheme := "http"
	if servesTLS(e.options.WebConfigFile) {
		scheme = "https"
	}
	for _, l := range e.listeners {
		if addr, ok := l.Addr().(*net.TCPAddr); ok {
			return scheme + "://" + selfAddress(addr)
		}
	}
	return scheme + "://localhost:8989"
}

// selfAddress returns the address under which a listener is reached from this machine.
func selfAddress(addr *net.TCPAddr) string {
	host := addr.IP.String()
	switch {
	case addr.IP.IsUnspecified():
		host = "localhost"
	case addr.Zone != "":
		host += "%25" + addr.Zone // RFC 6874
	}
	return net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// shutdownGrace is how long requests under way may take when the exporter stops.
const shutdownGrace = 5 * time.Second

// Run runs checks and serves until ctx ends, or a server fails. It returns when everything it began has ended, but for
// checks and requests that do not stop when they are told to. It is called once.
func (e *Exporter) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer e.close()
	defer e.closeSockets() // a server that fails at its start leaves its own open
	servers := make([]*http.Server, len(e.listeners))
	failed := make(chan error, len(e.listeners)+len(e.health.listeners)+1)
	handler := e.router()
	var serving, stopping, working sync.WaitGroup
	for i, l := range e.listeners {
		// Each listener has a server of its own: the toolkit wraps the handler of the server that it is given.
		servers[i] = newServer(handler, e.log)
		serving.Go(func() {
			if err := e.serve(l, servers[i]); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve on %s: %w", l.Addr(), err)
			}
		})
	}
	e.serveHealth(&serving, failed)
	working.Go(func() {
		runner := &healthcheck.Runner{Registry: e.registry, Concurrency: e.options.Concurrency}
		if err := runner.Run(ctx); err != nil {
			failed <- fmt.Errorf("run checks: %w", err)
		}
	})
	working.Go(func() { e.watch(ctx) })
	working.Go(func() { e.discovery.Run(ctx) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	e.log.Info("stopping")
	e.health.stopping.Store(true)
	cancel()
	for _, s := range servers {
		stopping.Go(func() { shutdown(context.WithoutCancel(ctx), s) })
	}
	stopping.Wait()
	close(e.ended)
	working.Wait()
	e.stopHealth(context.WithoutCancel(ctx))
	e.waitFor(&serving)
	return err
}

// waitFor waits for servers that were shut down. One that cannot read its web configuration does not get to know.
func (e *Exporter) waitFor(serving *sync.WaitGroup) {
	_, err := await(nil, time.Second, func() struct{} { serving.Wait(); return struct{}{} })
	if err != nil {
		e.log.Warn("a server does not stop; does a file of its configuration hang?", "file", e.options.WebConfigFile)
	}
}

func (e *Exporter) serve(l net.Listener, s *http.Server) error {
	none := false
	return web.Serve(l, s, &web.FlagConfig{
		WebListenAddresses: &e.options.ListenAddresses,
		WebSystemdSocket:   &none, // the listener is open already
		WebConfigFile:      &e.options.WebConfigFile,
	}, e.log)
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute, // more than any scrape timeout, and than a profile of usual length
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func shutdown(ctx context.Context, s *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		_ = s.Close() // cuts off what is left
	}
}
