package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/prometheus/common/version"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// serve runs the exporter until ctx ends.
func serve(ctx context.Context, o *exporter.Options) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	o.ReloadRequests = hup
	o.Logger.Info("starting "+program, "version", version.Info(), "build", version.BuildContext())
	running := tuneGC(o.ConfigFiles)
	e, err := exporter.New(ctx, *o)
	if errors.Is(err, context.Canceled) {
		return nil // stopped before it began
	}
	if err != nil {
		return err
	}
	running()
	return e.Run(ctx)
}

// check runs every check once and prints a table.
func check(ctx context.Context, o *exporter.Options, stdout io.Writer) error {
	snapshot, err := exporter.CheckOnce(ctx, *o)
	if err != nil {
		return err
	}
	printTable(stdout, snapshot.States)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case snapshot.Level == healthcheck.FAIL:
		return verdict{}
	}
	return nil
}

// wait runs the checks until all are OK.
func wait(ctx context.Context, o *exporter.Options, timeout time.Duration, stdout io.Writer) error {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last healthcheck.Snapshot
	level, err := exporter.Wait(limited, *o, func(s healthcheck.Snapshot) { last = s })
	if err != nil && !errors.Is(err, context.DeadlineExceeded) { // which is met before the first round
		return err
	}
	printTable(stdout, last.States)
	switch {
	case level != healthcheck.FAIL:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return verdict{fmt.Errorf("not all checks are OK after %s", timeout)}
}

// status prints what a running process says of itself.
func status(ctx context.Context, c *clientFlags, stdout io.Writer) error {
	document, level, err := exporter.Status(ctx, string(c.statusURL), c.httpConfig)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return verdict{err}
	}
	fmt.Fprintln(stdout, document)
	if level == healthcheck.FAIL {
		return verdict{errors.New("the status is FAIL")}
	}
	return nil
}

// healthy asks the exporter on this machine whether it works.
func healthy(ctx context.Context, o *exporter.Options, c *clientFlags, stdout io.Writer) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout.duration())
	defer cancel()
	address := string(c.healthyURL)
	if len(o.HealthListenAddresses) == 0 {
		address = healthyURL(address, os.Getenv(statusURLVariable))
	}
	err := exporter.Healthy(limited, exporter.HealthyOptions{
		URL:                   address,
		HTTPConfigFile:        c.httpConfig,
		ListenAddresses:       o.ListenAddresses,
		SystemdSocket:         o.SystemdSocket,
		WebConfigFile:         o.WebConfigFile,
		HealthListenAddresses: o.HealthListenAddresses,
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return verdict{err}
	}
	fmt.Fprintln(stdout, "healthy")
	return nil
}

// healthyURL returns what to ask, or nothing. Where containers are told by a variable at which address their own status
// is served, the health check is there too.
func healthyURL(given, status string) string {
	u, err := url.Parse(status)
	if given != "" || status == "" || err != nil {
		return given
	}
	if host := u.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return ""
	}
	return u.Scheme + "://" + u.Host + "/-/healthy"
}

// validate reads the configuration and the options.
func validate(ctx context.Context, o *exporter.Options, stdout, stderr io.Writer) error {
	done := make(chan func() error, 1)
	go func() { // which may hang, with a file
		c, err := exporter.Validate(*o)
		done <- func() error {
			if err != nil {
				return verdict{err}
			}
			for _, w := range c.Warnings {
				fmt.Fprintln(stderr, "warning:", w)
			}
			fmt.Fprintf(stdout, "the configuration is valid: %d checks\n", len(c.Checks))
			return nil
		}
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case say := <-done:
		return say()
	}
}

// printTable prints a line for each check.
func printTable(w io.Writer, states []healthcheck.State) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CHECK\tSTATUS\tDURATION\tREASON\tDETAILS")
	for i := range states {
		s := &states[i]
		st := s.Status()
		reason, optional := "", ""
		if s.Failing() {
			r, _ := s.LastFailure()
			reason = r.String()
			if s.Check.Optional {
				optional = " (optional)"
			}
		}
		_, d := s.LastRun()
		fmt.Fprintf(t, "%s\t%s%s\t%s\t%s\t%s\n", s.Check.Endpoint, st.Result, optional, d.Round(10*time.Microsecond), reason, oneLine(st.Details))
	}
	_ = t.Flush() // as good as the writes before it
}

// oneLine keeps details, which may come from a hostile target, from breaking the table or the terminal.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
