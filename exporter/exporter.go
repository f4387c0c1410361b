// Package exporter runs the checks of a configuration and serves what is known of them over HTTP: metrics, the
// compatible status JSON and a page for people.
package exporter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
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
	listeners []net.Listener
	settings  settings
}

// New reads the configuration and opens the sockets. Nothing runs or is served before [Exporter.Run], which must be
// called to give the sockets back. The error tells every mistake there is.
func New(ctx context.Context, o Options) (*Exporter, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := newExporter(o)
	if err := validateWeb(o.WebConfigFile); err != nil {
		return nil, err
	}
	var err error
	if e.listeners, err = listen(ctx, &e.options); err != nil {
		return nil, err
	}
	if err := e.Reload(); err != nil {
		closeAll(e.listeners)
		return nil, err
	}
	return e, nil
}

func validateWeb(file string) error {
	if err := web.Validate(file); err != nil {
		return fmt.Errorf("web configuration %s: %w", file, err)
	}
	return nil
}

// newExporter returns an exporter without sockets and checks.
func newExporter(o Options) *Exporter {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	registry := &healthcheck.Registry{Logger: log}
	own := newProcessMetrics()
	return &Exporter{
		options:   o,
		log:       log,
		started:   time.Now(),
		registry:  registry,
		collector: collector.New(registry, collector.WithHistogram(o.DurationHistogram)),
		own:       own,
		reloads:   newReloadMetrics(own),
	}
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

// servesTLS reports whether a valid web configuration has a certificate.
func servesTLS(webConfigFile string) bool {
	if webConfigFile == "" {
		return false
	}
	data, err := os.ReadFile(webConfigFile)
	if err != nil {
		return false
	}
	var c struct {
		TLS map[string]any `yaml:"tls_server_config"`
	}
	return yaml.Unmarshal(data, &c) == nil && len(c.TLS) > 0
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
	defer closeAll(e.listeners) // a server that fails at its start leaves its own open
	servers := make([]*http.Server, len(e.listeners))
	failed := make(chan error, len(e.listeners)+1)
	handler := e.router()
	var serving, working sync.WaitGroup
	for i, l := range e.listeners {
		// Each listener has a server of its own: the toolkit wraps the handler of the server that it is given.
		servers[i] = newServer(handler, e.log)
		serving.Go(func() {
			if err := e.serve(l, servers[i]); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve on %s: %w", l.Addr(), err)
			}
		})
	}
	working.Go(func() {
		runner := &healthcheck.Runner{Registry: e.registry, Concurrency: e.options.Concurrency}
		if err := runner.Run(ctx); err != nil {
			failed <- fmt.Errorf("run checks: %w", err)
		}
	})
	working.Go(func() { e.watch(ctx) })

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	e.log.Info("stopping")
	cancel()
	for _, s := range servers {
		serving.Go(func() { shutdown(context.WithoutCancel(ctx), s) })
	}
	serving.Wait()
	working.Wait()
	return err
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
