// Package execcheck checks by running a program: a script, a command line tool, a monitoring plugin.
//
// A program runs without a shell, with a small environment, in a session and process group of its own. At the deadline
// of the run the whole group is asked to end (SIGTERM), and killed a second later. When the program ends by itself,
// everything left in its group is killed, so that a run leaves nothing behind; a process that has moved to another group
// or session is out of reach, and merely loses its output. On Linux the program is also killed when the exporter dies,
// though not what it has started. On Windows only the program itself is killed, at once.
//
// Where orphans come to the exporter, since it is the first process of a container or a subreaper, it reaps them, with
// the next run of any program. What other code of the process has started is left alone, but for a child that leads a
// session of its own and is not waited for in seconds. An init (docker run --init, or init: true in a Compose file) does
// the same for all.
package execcheck

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/value"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "exec"

// The values of [Config.Format].
const (
	FormatText   = "text"
	FormatNagios = "nagios"
)

const (
	defaultMaxOutput = 64 << 10
	limitMaxOutput   = 16 << 20
)

var (
	measureExitCode = healthcheck.NewMeasure("exec_exit_code", "Exit code of the last run that ended by itself; 128 and the signal's number if a signal ended it.")

	measureCPU = healthcheck.NewMeasure("exec_cpu_seconds", "CPU time that the last run took, user and system, with the children that the program waited for.")
)

// MeasureValue is the measure of free named values, such as the performance data of a plugin. It is shared by the kinds
// of checks that have such values.
var MeasureValue = value.Measure

// Config says what to run and what to expect of it.
type Config struct {
	// Command is the program and its arguments, passed on as they are: there is no shell. A name without a slash is
	// looked up in the exporter's PATH, a relative path starts from Dir, or else, in a configuration file, from the
	// file's folder. It is required.
	//
	// What the program repeats of its arguments, variables and input is hidden. Shown are options and the values of
	// those that are never secret (-H db1), numbers, absolute paths, and the plain words of a script after -c or -e.
	Command []string `yaml:"command" example:"[/usr/lib/nagios/plugins/check_load, -w, '5,4,3', -c, '10,8,6']"`
	// ShowArgs shows the arguments, as they are of use to know and none is a secret: in the target, up to 200 bytes of
	// them, and where the program repeats them. In a configuration file what a reference to a variable or a file stands
	// for is hidden all the same. Default: the target is the program alone.
	ShowArgs bool `yaml:"show_args"`
	// Env is added to the environment of the program.
	Env map[string]string `yaml:"env" example:"{LANG: C}"`
	// InheritEnv names variables that the program gets from the exporter's environment, "*" all of them. Those that it
	// gets in any case are PATH, HOME, USER, LOGNAME, SHELL, LANG, LANGUAGE, LC_*, TZ and TMPDIR, and on Windows what
	// programs need to start; the rest may be secrets of the exporter.
	InheritEnv []string `yaml:"inherit_env" example:"[KUBECONFIG]"`
	// Dir is the working directory. In a configuration file a relative one starts from the file's folder. Default: the
	// exporter's.
	Dir string `yaml:"dir" example:"/var/lib/checks"`
	// Stdin is what the program reads from its standard input. Default: nothing.
	Stdin string `yaml:"stdin" example:"ping"`
	// Format is how the output is taken: text, the default, or nagios, for programs that follow the Monitoring Plugins guidelines: exit codes 0
	// and 1 (WARNING) are OK, unless exit_codes is set, the first line of output becomes the details, and performance
	// data becomes healthcheck_value{value="<label>"} in base units: ms and us in seconds, KB (1000) and KiB (1024) in
	// bytes, percentages as ratios; other units are left as they are. What is not quite by the rules is taken as Icinga
	// does: commas, blanks around the equals sign, labels with blanks but no quotes. Of several pipes in a line the last
	// one counts, and words behind it that look like a line of a log are none. A run has up to 500 values, a check up to
	// 1,000 labels a day; the details tell what was dropped. The program runs with LC_NUMERIC=C.
	Format string `yaml:"format" default:"text" example:"nagios"`
	// MaxOutputBytes is how much is kept of standard output, and as much of standard error; the rest is read and
	// thrown away. Default 64 KiB, at most 16 MiB.
	MaxOutputBytes int64 `yaml:"max_output_bytes" default:"65536" example:"1048576"`
	// Expect is what makes a run OK.
	Expect Expect `yaml:"expect"`
}

// Expect is what the program must do within the timeout of the check.
type Expect struct {
	// ExitCodes are the codes of success. Default [0]; with format nagios [0, 1].
	ExitCodes []int `yaml:"exit_codes" default:"[0]" example:"[0, 1]"`
	// OutputMatches are regular expressions (RE2) each of which must match in standard output or standard error.
	OutputMatches []string `yaml:"output_matches" example:"['^OK']"`
	// OutputNotMatches are regular expressions none of which may match in either.
	OutputNotMatches []string `yaml:"output_not_matches" example:"[deprecated]"`
}

// SetDirectory makes relative paths start from dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	if c.Dir != "" && !filepath.IsAbs(c.Dir) {
		c.Dir = filepath.Join(dir, c.Dir)
	}
	if c.Dir != "" || len(c.Command) == 0 || filepath.IsAbs(c.Command[0]) || filepath.Base(c.Command[0]) == c.Command[0] {
		return
	}
	// Absolute, as a path that is joined to the working directory may be a mere name, which is looked up elsewhere.
	if path, err := filepath.Abs(filepath.Join(dir, c.Command[0])); err == nil {
		c.Command[0] = path
	}
}

// New returns the check that c describes. The environment is read now; the program need not exist yet.
func New(c Config) (healthcheck.Checker, error) {
	v := validator{}
	v.command(c.Command)
	v.env(c.Env)
	v.names("inherit_env", c.InheritEnv)
	v.NoNUL("dir", c.Dir)
	format := v.OneOf("format", c.Format, FormatText, FormatNagios)
	field.Between(&v.Mistakes, "max_output_bytes", c.MaxOutputBytes, 0, limitMaxOutput)
	v.exitCodes(c.Expect.ExitCodes)
	ck := &checker{
		path:      c.program(),
		dir:       c.Dir,
		stdin:     c.Stdin,
		nagios:    format == FormatNagios,
		maxOutput: int(cmp.Or(c.MaxOutputBytes, defaultMaxOutput)),
		exitCodes: slices.Clone(c.Expect.ExitCodes),
		want:      v.Patterns("expect.output_matches", c.Expect.OutputMatches),
		unwanted:  v.Patterns("expect.output_not_matches", c.Expect.OutputNotMatches),
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	ck.secrets = secretsOf(&c)
	ck.args = slices.Clone(c.Command[1:])
	ck.env = environment(c, ck.nagios)
	if len(ck.exitCodes) == 0 {
		ck.exitCodes = []int{0}
		if ck.nagios {
			ck.exitCodes = []int{0, 1}
		}
	}
	return ck, nil
}

// environment returns the variables for the program, never nil: to os/exec, nil means all of the exporter's.
func environment(c Config, nagios bool) []string {
	env := []string{}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if nagios && name == "LC_ALL" && !slices.Contains(c.InheritEnv, name) {
			continue // it would override LC_NUMERIC
		}
		if inherited(name) || slices.Contains(c.InheritEnv, name) || slices.Contains(c.InheritEnv, "*") {
			env = append(env, v)
		}
	}
	if nagios {
		env = append(env, "LC_NUMERIC=C")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, name+"="+c.Env[name]) // the last of a name counts
	}
	return env
}

// inherited reports whether a program gets the variable in any case.
func inherited(name string) bool {
	if runtime.GOOS == "windows" {
		name = strings.ToUpper(name)
	}
	return strings.HasPrefix(name, "LC_") || slices.Contains(inheritedNames, name)
}

type checker struct {
	path           string
	args, env      []string
	dir, stdin     string
	nagios         bool
	maxOutput      int
	exitCodes      []int
	want, unwanted []*regexp.Regexp
	labels         labelSet
	secrets        *secret.Set // what the program is given
}

// Check runs the program once. It may be called concurrently.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	r, err := c.run(ctx)
	if err == nil {
		err = c.judge(&r)
	}
	res := healthcheck.Fail(err) // which quotes nothing that the program was given
	res.Values = r.values
	text := cmp.Or(c.firstLine(r.stderr.kept), c.firstLine(r.stdout.kept))
	if c.nagios {
		plugin := parsePlugin(r.stdout.kept, r.stdout.cut, c.secrets)
		text = cmp.Or(plugin.text, text)
		if r.ended {
			res.Values = append(res.Values, c.labels.admit(plugin.values, &plugin.dropped)...)
			text = strings.TrimSpace(text + " " + plugin.dropped.note())
		}
		if err == nil {
			res.Details = joinNonEmpty(pluginState(r.exitCode), text)
		}
	}
	if err != nil {
		res.Details = joinNonEmpty(res.Details, text)
	}
	return res
}

// judge compares a run that ended by itself with what is expected.
func (c *checker) judge(r *run) error {
	switch {
	case r.signal != "":
		return healthcheck.Errorf(healthcheck.ReasonExitCode, "ended by signal %d (%s)", r.exitCode-128, r.signal)
	case slices.Contains(c.exitCodes, r.exitCode):
	case c.nagios:
		return healthcheck.Errorf(healthcheck.ReasonExitCode, "%s", cmp.Or(pluginState(r.exitCode), "exit code 0"))
	default:
		return healthcheck.Errorf(healthcheck.ReasonExitCode, "exit code %d, want %s", r.exitCode, list(c.exitCodes))
	}
	for _, re := range c.want {
		if !r.matches(re) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "output does not match %q%s", re, r.cutNote())
		}
	}
	for _, re := range c.unwanted {
		if r.matches(re) {
			return healthcheck.Errorf(healthcheck.ReasonBody, "output matches %q", re)
		}
	}
	return nil
}

// joinNonEmpty returns a and b with a colon between them if there are both.
func joinNonEmpty(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ": " + b
}

func list(codes []int) string {
	var b strings.Builder
	for i, code := range codes {
		if i > 0 {
			b.WriteString(" or ")
		}
		fmt.Fprint(&b, code)
	}
	return b.String()
}

// validator collects the mistakes in a Config.
type validator struct{ field.Mistakes }

func (v *validator) command(command []string) {
	if len(command) == 0 || command[0] == "" {
		v.Add("command", "is empty; list the program and its arguments, such as [/usr/bin/test, -f, /run/ready]")
	}
	for i, arg := range command {
		v.NoNUL(field.Item("command", i), arg)
	}
}

func (v *validator) env(env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !validName(name) {
			v.Add("env", "%.40q is no name of a variable", name)
			continue
		}
		v.NoNUL("env."+name, env[name])
	}
}

func (v *validator) names(list string, names []string) {
	for i, name := range names {
		if !validName(name) {
			v.Add(field.Item(list, i), "%.40q is no name of a variable", name)
		}
	}
}

func validName(name string) bool { return name != "" && !strings.ContainsAny(name, "=\x00") }

func (v *validator) exitCodes(codes []int) {
	for i, code := range codes {
		field.Between(&v.Mistakes, field.Item("expect.exit_codes", i), code, 0, maxExitCode)
	}
}
