package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// Exit codes.
const (
	exitOK     = 0
	exitFail   = 1 // a check, or the whole, is FAIL
	exitCannot = 2 // the command could not do its work
)

const (
	program        = "healthcheck_exporter"
	defaultCommand = "serve"
)

// commandLine holds the program's commands and flags.
type commandLine struct {
	app     *kingpin.Application
	options exporter.Options
	web     *web.FlagConfig
	log     promslog.Config

	histogram string
	levelFlag bool // --log.level is among the arguments
	timeout   time.Duration
	statusURL string
	ended     bool // kingpin has printed help or the version
	endCode   int
}

// run parses args and carries out the command. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	setVersion()
	c := newCommandLine(stdout, stderr)
	command, err := c.parse(args)
	if c.ended {
		return c.endCode
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v, try --help\n", program, err)
		return exitCannot
	}
	o := &c.options
	o.ListenAddresses, o.SystemdSocket, o.WebConfigFile = *c.web.WebListenAddresses, *c.web.WebSystemdSocket, *c.web.WebConfigFile
	o.DurationHistogram = collector.Histogram(c.histogram)
	c.log.Writer = stderr
	if command != defaultCommand && !c.levelIsSet() {
		_ = c.log.Level.Set("error") // a level that exists; these commands print what they have to say
	}
	o.Logger = promslog.New(&c.log)
	switch command {
	case "check":
		return check(ctx, o, stdout, stderr)
	case "wait":
		return wait(ctx, o, c.timeout, stdout, stderr)
	case "status":
		return status(ctx, c.statusURL, stdout, stderr)
	case "validate":
		return validate(o, stdout, stderr)
	}
	return serve(ctx, o, stderr)
}

// parse returns the command that args ask for. The default command is not kingpin's: with one of those, a flag that lacks
// its value is ignored, and --web.config.file $UNSET would serve without a password.
func (c *commandLine) parse(args []string) (command string, err error) {
	parsed, err := c.app.ParseContext(args)
	if err == nil && parsed.SelectedCommand == nil {
		help := slices.ContainsFunc(parsed.Elements, func(e *kingpin.ParseElement) bool { return e.Clause == c.app.HelpFlag })
		if help {
			args = []string{c.app.HelpCommand.FullCommand()}
		} else {
			args = append(slices.Clone(args), defaultCommand)
		}
	}
	return c.app.Parse(args)
}

func newCommandLine(stdout, stderr io.Writer) *commandLine {
	c := &commandLine{options: exporter.DefaultOptions()}
	c.app = kingpin.New(program, "Runs health checks on their own schedule and serves their outcomes to Prometheus.")
	c.app.UsageWriter(stdout)
	c.app.ErrorWriter(stderr)
	c.app.Terminate(func(code int) { c.ended, c.endCode = true, code })
	c.app.DefaultEnvars()
	// The version of the image is often in the environment, under the very name that this flag would have there.
	c.app.HelpFlag.Short('h').NoEnvar()
	c.app.Version(version.Print(program))
	c.app.VersionFlag.NoEnvar()
	o := &c.options

	c.app.Flag("config.file", "YAML file with the checks. Without one, the machine that this runs on is checked.").
		PlaceHolder("FILE").StringVar(&o.ConfigFile)
	c.app.Flag("config.watch-interval", "How often to look whether the content of the configuration has changed; 0 for never.").
		Default(o.WatchInterval.String()).DurationVar(&o.WatchInterval)
	c.web = kingpinflag.AddFlags(c.app, o.ListenAddresses[0])
	c.app.Flag("web.telemetry-path", "Path of the metrics.").
		Default(o.TelemetryPath).StringVar(&o.TelemetryPath)
	c.app.Flag("web.enable-lifecycle", "Serve POST /-/reload.").BoolVar(&o.EnableLifecycle)
	c.app.Flag("web.enable-pprof", "Serve /debug/pprof/.").BoolVar(&o.EnablePprof)
	c.app.Flag("runner.concurrency", "How many checks may run at once.").
		Default(strconv.Itoa(o.Concurrency)).IntVar(&o.Concurrency)
	c.app.Flag("metrics.duration-histogram", "Form of the histogram of run durations: off, native, classic or both.").
		Default(string(o.DurationHistogram)).
		EnumVar(&c.histogram, string(collector.HistogramOff), string(collector.HistogramNative), string(collector.HistogramClassic), string(collector.HistogramBoth))
	promslogflag.AddFlags(c.app, &c.log)
	c.app.GetFlag(promslogflag.LevelFlagName).IsSetByUser(&c.levelFlag)

	c.app.Command(defaultCommand, "Run the checks and serve their outcomes (the default).")
	c.app.Command("check", "Run every check once and print a table. Exit code 0: all OK, 1: any FAIL, 2: cannot run.")
	c.app.Command("wait", "Run the checks until all are OK. Exit code 0: all OK, 1: not in time, 2: cannot run.").
		Flag("timeout", "How long to wait.").Default("3m").DurationVar(&c.timeout)
	c.app.Command("status", "Print the status of a running exporter or agent. Exit code 0: OK, 1: FAIL or no answer.").
		// Not the default variable, HEALTHCHECK_EXPORTER_URL: the embedded configuration has another use for that.
		Flag("url", "Where the status is served.").Default("http://localhost:8989/status").Envar("HEALTHCHECK_EXPORTER_STATUS_URL").
		StringVar(&c.statusURL)
	c.app.Command("validate", "Read the configuration and the flags and print every mistake. Exit code 0: none, 1: some.")
	return c
}

// levelIsSet reports whether the user chose a log level, by flag or by variable.
func (c *commandLine) levelIsSet() bool {
	return c.levelFlag || c.app.GetFlag(promslogflag.LevelFlagName).HasEnvarValue()
}

// setVersion takes the version from the build where the linker was not told it.
func setVersion() {
	if version.Version != "" {
		return
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		version.Version = info.Main.Version
	}
}
