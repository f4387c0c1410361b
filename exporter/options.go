package exporter

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Options tells an exporter what to do. Start from [DefaultOptions].
type Options struct {
	// ConfigFile is the YAML file with the checks. Empty means the embedded default, which checks the machine.
	ConfigFile string
	// ConfigFiles are more of them, or what stands for them: files, folders and globs, as [config.LoadFiles] takes them.
	ConfigFiles []string
	// ConfigStrict refuses a configuration for a mistake in any file. Otherwise a file that was found, in a folder, by a
	// glob or an include, has mistakes alone: its checks that run go on as they are.
	ConfigStrict bool
	// ListenAddresses are host:port or vsock://:port; they are ignored with SystemdSocket, which takes the sockets that
	// systemd passes.
	ListenAddresses []string
	SystemdSocket   bool
	// HealthListenAddresses serve /-/healthy and /-/ready and nothing else, in plain text and to everybody, whatever
	// WebConfigFile asks for; they are as ListenAddresses, and also used beside systemd's sockets. Empty means none.
	HealthListenAddresses []string
	// WebConfigFile is a configuration of the Prometheus exporter toolkit: TLS, basic authentication, rate limits.
	WebConfigFile string
	// TelemetryPath is the route of the metrics.
	TelemetryPath string
	// EnableLifecycle serves POST and PUT /-/reload, EnablePprof /debug/pprof/.
	EnableLifecycle, EnablePprof bool
	// Concurrency bounds the runs under way at once.
	Concurrency int
	// DurationHistogram is the form of healthcheck_run_duration_seconds.
	DurationHistogram collector.Histogram
	// WatchInterval is how often the content of the configuration's files is looked at; zero means never. A change is
	// taken when a second look, after the same time or five seconds, has seen the same.
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

// OptionError is a mistake in one of the [Options], or of what [Healthy] or [Status] are told.
type OptionError struct {
	Option string // the name of the field
	Err    error
}

// Error returns what is wrong, with the value.
func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *OptionError) Unwrap() error { return e.Err }

// Validate returns every mistake in the options, each an [OptionError]. It reads no file.
func (o *Options) Validate() error {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &OptionError{option, fmt.Errorf(format, args...)})
	}
	if slices.Contains(o.ConfigFiles, "") {
		bad("ConfigFiles", "a configuration file without a name")
	}
	if !plainPath(o.TelemetryPath) {
		bad("TelemetryPath", "telemetry path %q must begin with /, be clean, and have only characters that a URL shows as they are", o.TelemetryPath)
	}
	for _, p := range takenPaths {
		if o.TelemetryPath == p {
			bad("TelemetryPath", "telemetry path %q is taken by another page", p)
		}
	}
	if strings.HasPrefix(o.TelemetryPath, statusPath+"/") || strings.HasPrefix(o.TelemetryPath, pprofPath) {
		bad("TelemetryPath", "telemetry path %q is below a path of the exporter", o.TelemetryPath)
	}
	if o.Concurrency < 1 {
		bad("Concurrency", "concurrency %d must be at least 1", o.Concurrency)
	}
	if o.WatchInterval < 0 {
		bad("WatchInterval", "watch interval %s is negative", o.WatchInterval)
	}
	addresses := func(option string, list []string) {
		for _, address := range list {
			if err := validateAddress(address); err != nil {
				bad(option, "listen on %q: %w", address, err)
			}
		}
	}
	addresses("HealthListenAddresses", o.HealthListenAddresses)
	if o.SystemdSocket {
		return errors.Join(errs...)
	}
	if len(o.ListenAddresses) == 0 {
		bad("ListenAddresses", "no address to listen on")
	}
	addresses("ListenAddresses", o.ListenAddresses)
	return errors.Join(errs...)
}

// plainPath reports whether the router takes a path literally, and every client asks for it as it is written.
func plainPath(p string) bool {
	return strings.HasPrefix(p, "/") && (p == "/" || path.Clean(p) == strings.TrimSuffix(p, "/")) &&
		(&url.URL{Path: p}).EscapedPath() == p && !strings.Contains(p, "*")
}
