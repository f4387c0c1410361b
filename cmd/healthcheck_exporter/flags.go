package main

import (
	"io"
	"slices"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

const (
	program        = "healthcheck_exporter"
	defaultCommand = "serve"
)

const histogramFlag = "metrics.duration-histogram"

var histogramForms = []string{
	string(collector.HistogramOff), string(collector.HistogramNative), string(collector.HistogramClassic), string(collector.HistogramBoth),
}

// commandLine holds the program's commands and flags.
type commandLine struct {
	app     *kingpin.Application
	options exporter.Options
	web     *web.FlagConfig
	log     promslog.Config

	histogram string
	given     map[string]bool // flags among the arguments
	timeout   positive
	client    clientFlags
	run       runFlags
	imports   importFlags
	printed   string // the endpoint to print
	command   string // that was chosen
	ended     bool   // kingpin has printed help or the version
	endCode   int
}

// clientFlags are those of commands that ask a running process.
type clientFlags struct {
	statusURL, healthyURL httpURL
	httpConfig            string
	timeout               positive
}

// parse sets the command that args ask for, and the values of the flags. The default command is not kingpin's: with one of those, a flag that lacks
// its value is ignored, and --web.config.file $UNSET would serve without a password.
func (c *commandLine) parse(args []string) error {
	parsed, err := c.app.ParseContext(args)
	if err == nil {
		c.noteGiven(parsed)
	}
	if err == nil && parsed.SelectedCommand == nil && !asksForCompletion(parsed) {
		help := slices.ContainsFunc(parsed.Elements, func(e *kingpin.ParseElement) bool { return e.Clause == c.app.HelpFlag })
		if help {
			args = []string{c.app.HelpCommand.FullCommand()}
		} else {
			args = append(slices.Clone(args), defaultCommand)
		}
	}
	if c.command, err = c.app.Parse(args); err != nil || c.ended {
		return err
	}
	o := &c.options
	o.ListenAddresses, o.SystemdSocket, o.WebConfigFile = *c.web.WebListenAddresses, *c.web.WebSystemdSocket, *c.web.WebConfigFile
	o.DurationHistogram = collector.Histogram(c.histogram)
	return c.refuseEmpty()
}

func newCommandLine(stdout, stderr io.Writer) *commandLine {
	c := &commandLine{options: exporter.DefaultOptions(), given: make(map[string]bool)}
	c.app = kingpin.New(program, "Runs health checks on their own schedule and serves their outcomes to Prometheus.")
	c.app.UsageWriter(stdout)
	c.app.ErrorWriter(stderr)
	terminate := func(code int) { c.ended, c.endCode = true, code }
	c.app.Terminate(terminate)
	c.app.DefaultEnvars()
	c.app.HelpFlag.Short('h').NoEnvar()
	addVersion(c.app, stdout, terminate)
	shortenHelp(c.app)
	o := &c.options

	c.app.Flag("config.file", "YAML file with the checks, or a folder or glob of them; may be repeated. Without one, the machine that this runs on is checked.").
		PlaceHolder("FILE").StringsVar(&o.ConfigFiles)
	c.app.Flag("config.strict", "Refuse a configuration for a mistake in any file, also in one that a folder, glob or include has found.").
		BoolVar(&o.ConfigStrict)
	c.app.Flag("config.watch-interval", "How often to look whether the content of the configuration has changed; 0 for never. A change is taken when two looks have seen the same.").
		Default(o.WatchInterval.String()).DurationVar(&o.WatchInterval)
	c.web = kingpinflag.AddFlags(c.app, o.ListenAddresses[0])
	c.app.GetFlag("web.config.file").PlaceHolder("FILE")
	c.app.Flag("web.health-listen-address", "Addresses that serve /-/healthy and /-/ready and nothing else, without TLS and credentials; may be repeated.").
		PlaceHolder("ADDRESS").StringsVar(&o.HealthListenAddresses)
	c.app.Flag("web.telemetry-path", "Path of the metrics.").
		Default(o.TelemetryPath).StringVar(&o.TelemetryPath)
	c.app.Flag("web.enable-lifecycle", "Serve POST and PUT /-/reload.").BoolVar(&o.EnableLifecycle)
	c.app.Flag("web.enable-pprof", "Serve /debug/pprof/.").BoolVar(&o.EnablePprof)
	c.app.Flag("runner.concurrency", "How many checks may run at once.").
		Default(strconv.Itoa(o.Concurrency)).IntVar(&o.Concurrency)
	c.app.Flag(histogramFlag, "Form of the histogram of run durations: "+oneOf(histogramForms)+".").
		Default(string(o.DurationHistogram)).EnumVar(&c.histogram, histogramForms...)
	promslogflag.AddFlags(c.app, &c.log)

	c.app.Command(defaultCommand, "Run the checks and serve their outcomes (the default).")
	c.app.Command("check", "Run every check once and print a table. Exit code 0: all OK, 1: any FAIL, 2: cannot run.")
	c.app.Command("wait", "Run the checks until all are OK. Exit code 0: all OK, 1: not in time, 2: cannot run.").
		Flag("timeout", "How long to wait.").Default("3m").SetValue(&c.timeout)
	status := c.app.Command("status", "Print the status of a running exporter or agent. Exit code 0: OK, 1: FAIL or no status, 2: cannot ask.")
	// Not the default variable, HEALTHCHECK_EXPORTER_URL: the embedded configuration has another use for that.
	status.Flag("url", "Where the status is served.").Default("http://localhost:8989/status").Envar(statusURLVariable).
		SetValue(&c.client.statusURL)
	addHTTPConfig(status, &c.client)
	healthy := c.app.Command("healthy", "Ask whether the exporter on this machine works, for the health check of a container. Exit code 0: yes, 1: no, 2: cannot ask.")
	healthy.Flag("url", "What to ask; by default /-/healthy at the --web.health-listen-address, or else at the --web.listen-address, as --web.config.file has it.").
		PlaceHolder("URL").Envar("HEALTHCHECK_EXPORTER_HEALTHY_URL").SetValue(&c.client.healthyURL)
	healthy.Flag("timeout", "How long to wait for the answer.").Default("4s").Envar("HEALTHCHECK_EXPORTER_HEALTHY_TIMEOUT").
		SetValue(&c.client.timeout)
	addHTTPConfig(healthy, &c.client)
	c.app.Command("validate", "Read the configuration and the flags and print every mistake, and what is probably not meant. Exit code 0: no mistake, 1: some, 2: some in the flags.")
	addRun(c.app, &c.run)
	addImport(c.app, &c.imports)
	printed := c.app.Command("print", "Print the effective configuration: defaults, templates and targets filled in, secrets as their references. Exit code 0: printed, 1: a mistake in the configuration, 2: cannot run.")
	printed.Flag("endpoint", "Print this check alone, and where each of its values comes from.").
		PlaceHolder("ENDPOINT").Envar("HEALTHCHECK_EXPORTER_PRINT_ENDPOINT").StringVar(&c.printed)
	c.app.Command("schema", "Print the JSON Schema of the configuration, for editors.")
	c.checkValues()
	return c
}

// addHTTPConfig adds the flag for what a client needs to be let in. There is none for a password, as everybody on a
// machine sees the arguments of its processes.
func addHTTPConfig(command *kingpin.CmdClause, c *clientFlags) {
	command.Flag("http.config.file", "Client configuration with TLS, credentials or a proxy, as in http_config of Prometheus.").
		PlaceHolder("FILE").StringVar(&c.httpConfig)
}

// statusURLVariable is also looked at by healthy.
const statusURLVariable = "HEALTHCHECK_EXPORTER_STATUS_URL"
