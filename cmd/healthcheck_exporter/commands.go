package main

import (
	"context"
	"fmt"
	"io"
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
func serve(ctx context.Context, o *exporter.Options, stderr io.Writer) int {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	o.ReloadRequests = hup
	o.Logger.Info("starting "+program, "version", version.Info(), "build", version.BuildContext())
	running := tuneGC(o.ConfigFile)
	e, err := exporter.New(ctx, *o)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitCannot
	}
	running()
	if err := e.Run(ctx); err != nil {
		fmt.Fprintln(stderr, err)
		return exitCannot
	}
	return exitOK
}

// check runs every check once and prints a table.
func check(ctx context.Context, o *exporter.Options, stdout, stderr io.Writer) int {
	snapshot, err := exporter.CheckOnce(ctx, *o)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitCannot
	}
	printTable(stdout, snapshot.States)
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "interrupted")
		return exitCannot
	}
	return exitCode(snapshot.Level)
}

// wait runs the checks until all are OK.
func wait(ctx context.Context, o *exporter.Options, timeout time.Duration, stdout, stderr io.Writer) int {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var last healthcheck.Snapshot
	level, err := exporter.Wait(limited, *o, func(s healthcheck.Snapshot) { last = s })
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitCannot
	}
	printTable(stdout, last.States)
	if level == healthcheck.FAIL && ctx.Err() != nil {
		fmt.Fprintln(stderr, "interrupted")
		return exitCannot
	}
	if level == healthcheck.FAIL {
		fmt.Fprintf(stderr, "not all checks are OK after %s\n", timeout)
	}
	return exitCode(level)
}

// status prints what a running process says of itself.
func status(ctx context.Context, url string, stdout, stderr io.Writer) int {
	type answer struct {
		output string
		err    error
	}
	answered := make(chan answer, 1)
	go func() { // which ends by itself, but later than somebody who interrupts it wants to wait
		output, err := healthcheck.GetHealthcheckOutput(url)
		answered <- answer{output, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(stderr, "interrupted")
		return exitCannot
	case a := <-answered:
		if a.output != "" {
			fmt.Fprintln(stdout, a.output)
		}
		if a.err != nil {
			fmt.Fprintln(stderr, a.err)
			return exitFail
		}
		return exitOK
	}
}

// validate reads the configuration.
func validate(o *exporter.Options, stdout, stderr io.Writer) int {
	c, err := exporter.Validate(*o)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFail
	}
	fmt.Fprintf(stdout, "the configuration is valid: %d checks\n", len(c.Checks))
	return exitOK
}

func exitCode(l healthcheck.StatusLevel) int {
	if l == healthcheck.FAIL {
		return exitFail
	}
	return exitOK
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
