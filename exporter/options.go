package exporter

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Options tells an exporter what to do. Start from [DefaultOptions].
type Options struct {
	// ConfigFile is the YAML file with the checks. Empty means the embedded default, which checks the machine.
	ConfigFile string
	// ListenAddresses are host:port or vsock://:port; they are ignored with SystemdSocket, which takes the sockets that
	// systemd passes.
	ListenAddresses []string
	SystemdSocket   bool
	// WebConfigFile is a configuration of the Prometheus exporter toolkit: TLS, basic authentication, rate limits.
	WebConfigFile string
	// TelemetryPath is the route of the metrics.
	TelemetryPath string
	// EnableLifecycle serves POST /-/reload, EnablePprof /debug/pprof/.
	EnableLifecycle, EnablePprof bool
	// Concurrency bounds the runs under way at once.
	Concurrency int
	// DurationHistogram is the form of healthcheck_run_duration_seconds.
	DurationHistogram collector.Histogram
	// WatchInterval is how often the content of the configuration's files is looked at; zero means never.
	WatchInterval time.Duration
	// ReloadRequests asks for a reload with each value, as a signal does; nil asks for none.
	ReloadRequests <-chan os.Signal
	// Logger is where the exporter logs; nil logs nothing.
	Logger *slog.Logger
}

// DefaultOptions returns the options of an exporter that is started without flags.
func DefaultOptions() Options {
	return Options{
		ListenAddresses:   []string{":8989"}, // the port that clients of the agents' /status know
		TelemetryPath:     "/metrics",
		Concurrency:       healthcheck.DefaultConcurrency,
		DurationHistogram: collector.HistogramOff,
		WatchInterval:     5 * time.Second,
	}
}

// takenPaths are the routes that the metrics cannot have.
var takenPaths = []string{"/", statusPath, healthyPath, readyPath, reloadPath}

func (o *Options) validate() error {
	var errs []error
	if !plainPath(o.TelemetryPath) {
		errs = append(errs, fmt.Errorf("telemetry path %q must begin with /, be clean, and have only characters that a URL shows as they are", o.TelemetryPath))
	}
	for _, p := range takenPaths {
		if o.TelemetryPath == p {
			errs = append(errs, fmt.Errorf("telemetry path %q is taken by another page", p))
		}
	}
	if strings.HasPrefix(o.TelemetryPath, statusPath+"/") || strings.HasPrefix(o.TelemetryPath, pprofPath) {
		errs = append(errs, fmt.Errorf("telemetry path %q is below a path of the exporter", o.TelemetryPath))
	}
	if o.Concurrency < 1 {
		errs = append(errs, fmt.Errorf("concurrency %d must be at least 1", o.Concurrency))
	}
	if o.WatchInterval < 0 {
		errs = append(errs, fmt.Errorf("watch interval %s is negative", o.WatchInterval))
	}
	if len(o.ListenAddresses) == 0 && !o.SystemdSocket {
		errs = append(errs, errors.New("no address to listen on"))
	}
	return errors.Join(errs...)
}

// plainPath reports whether the router takes a path literally, and every client asks for it as it is written.
func plainPath(p string) bool {
	return strings.HasPrefix(p, "/") && (p == "/" || path.Clean(p) == strings.TrimSuffix(p, "/")) &&
		(&url.URL{Path: p}).EscapedPath() == p && !strings.Contains(p, "*")
}
