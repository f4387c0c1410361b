package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const runCommand = "run"

// runFlags are those of the command run.
type runFlags struct {
	endpoint string
	timeout  positive
}

// addRun adds the command run.
func addRun(app *kingpin.Application, f *runFlags) {
	c := app.Command(runCommand, "Run one check now and print its outcome with all that it measured. Exit code 0: OK, 1: FAIL, 2: cannot run.")
	c.Arg("endpoint", "The check.").Required().StringVar(&f.endpoint)
	c.Flag("timeout", "How long the run may take, in the place of the check's own timeout.").
		PlaceHolder("DURATION").Envar("HEALTHCHECK_EXPORTER_RUN_TIMEOUT").SetValue(&f.timeout)
}

// runOne carries out the command run.
func runOne(ctx context.Context, o *exporter.Options, f *runFlags, stdout io.Writer) error {
	state, err := exporter.RunOne(ctx, *o, f.endpoint, f.timeout.duration())
	if err != nil {
		return err
	}
	printState(stdout, &state)
	if state.LastRunFailed() {
		return verdict{}
	}
	return nil
}

// printState prints what is known of a check that has run: first what happened, then what it measured, under the names
// that the metrics have.
func printState(w io.Writer, s *healthcheck.State) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value = oneLine(value); value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	c := s.Check
	row("CHECK", c.Endpoint)
	if c.Name != c.Endpoint {
		row("NAME", c.Name)
	}
	row("KIND", c.Kind)
	row("TARGET", c.Target)
	status := s.Status()
	row("STATUS", string(status.Result))
	if s.LastRunFailed() {
		reason, _ := s.LastFailure()
		row("REASON", reason.String())
	}
	row("DETAILS", status.Details)
	end, took := s.LastRun()
	row("ENDED", end.Format(time.RFC3339))
	row("DURATION", took.Round(10*time.Microsecond).String()+" of "+s.Timeout().String())
	_ = t.Flush() // as good as the writes before it
	values := s.Values()
	if len(values) == 0 {
		return
	}
	fmt.Fprintln(t, "\nMEASURE\tVALUE")
	for _, v := range values {
		fmt.Fprintf(t, "%s\t%s\n", oneLine(seriesName(v)), shownValue(v.Measure.Name(), v.Value, end))
	}
	_ = t.Flush()
}

// seriesName returns the name of a value as /metrics has it, without the labels of the check.
func seriesName(v healthcheck.Value) string {
	name := "healthcheck_" + v.Measure.Name()
	var labels []string
	for label, value := range v.Labels() {
		labels = append(labels, label+"="+strconv.Quote(value))
	}
	if labels == nil {
		return name
	}
	return name + "{" + strings.Join(labels, ",") + "}"
}

// shownValue returns a value, and what it means to people.
func shownValue(name string, value float64, now time.Time) string {
	number := strconv.FormatFloat(value, 'f', -1, 64)
	if text := exporter.FormatValue(name, value, now); text != number {
		return number + " (" + text + ")"
	}
	return number
}
