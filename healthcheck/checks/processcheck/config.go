// Package processcheck checks that processes run: how many, since when, and what they use. It reads /proc and works on
// Linux; see proc(5) for the files.
package processcheck

import (
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "process"

// Config says which processes to look for and what to expect of them. At least one of name, command_line, pid_file,
// cgroup, unit and user is needed; a process is found where all that are given fit. Zombies, which have ended and wait for
// their parents, are not found, but measured. The exporter sees the processes of its own PID namespace.
type Config struct {
	// Name is the name of the program: what the kernel knows as the name of the process (comm, at most 15 bytes), or
	// the last part of the path in its first argument.
	Name string `yaml:"name" example:"nginx"`
	// CommandLine is a regular expression (RE2) that is found in the arguments, which are joined by blanks; the first 256
	// KiB are looked at. With it, the exporter never finds itself. It is shown; command lines of processes are not.
	CommandLine string `yaml:"command_line" example:"java .* -jar /srv/app\\.jar"`
	// PIDFile is a file whose first line is the number of the process. A file that is empty, or has something else, is a
	// failure. The number may have gone to another process after the one that wrote the file has died: that is seen where
	// another selector, such as name, does not fit, and where it happens between two runs.
	PIDFile string `yaml:"pid_file" example:"/run/nginx.pid"`
	// Cgroup is the path of a control group, as in /proc/PID/cgroup; processes in groups below it are found too.
	Cgroup string `yaml:"cgroup" example:"/system.slice/nginx.service"`
	// Unit is a unit of systemd that the processes belong to by their control group: of the system, or of a user. Without
	// a suffix it is a service.
	Unit string `yaml:"unit" example:"nginx.service"`
	// User is the effective user, by number or by name in /etc/passwd.
	User string `yaml:"user" example:"www-data"`

	// MinCount is how many processes must be found. It is 1 by default, or max_count where that is less.
	MinCount *int `yaml:"min_count" default:"1" example:"2"`
	// MaxCount is how many processes may be found; 0 wants none. Without it there may be any number.
	MaxCount *int `yaml:"max_count" example:"8"`
	// MinAge is how long the oldest of the processes must have run: a program that dies and is started again all the time
	// does not get that old.
	MinAge time.Duration `yaml:"min_age" default:"0s" example:"1m"`
	// MaxAge is how long the oldest may have run, such as a job that hangs; zero is no limit.
	MaxAge time.Duration `yaml:"max_age" default:"0s" example:"6h"`
	// MaxCPU is how many cores all processes together may use, on average between two runs: 0.9 is 90 % of one core; zero
	// is no limit. It is first judged in the second run, and over a second at least.
	MaxCPU float64 `yaml:"max_cpu" example:"1.5"`
	// MaxMemory is how much resident memory all processes together may have, with what they share counted for each: a size,
	// or a share of the machine's memory.
	MaxMemory amount.Bytes `yaml:"max_memory" example:"2GiB"`
	// MaxMemoryEach is the same for each process.
	MaxMemoryEach amount.Bytes `yaml:"max_memory_each" example:"512MiB"`
	// MaxThreads is how many threads all processes together may have; zero is no limit.
	MaxThreads int `yaml:"max_threads" example:"500"`
	// MaxOpenFiles is how many files each process may have open: a number, or a share of its own (soft) limit. The files of
	// processes of other users are seen only with the capability CAP_SYS_PTRACE; without it this is a failure, of the
	// reason auth.
	MaxOpenFiles amount.Count `yaml:"max_open_files" example:"80%"`
}

// Target returns the selectors.
func (c Config) Target() string {
	var parts []string
	for _, s := range []struct{ what, value string }{
		{"", c.Name}, {"command line ", c.CommandLine}, {"pid file ", c.PIDFile},
		{"cgroup ", c.Cgroup}, {"unit ", c.Unit}, {"user ", c.User},
	} {
		if s.value != "" {
			parts = append(parts, s.what+s.value)
		}
	}
	return strings.Join(parts, ", ")
}

// SetDirectory makes a relative pid_file relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	if c.PIDFile != "" && !filepath.IsAbs(c.PIDFile) {
		c.PIDFile = filepath.Join(dir, c.PIDFile)
	}
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. It fails on other systems
// than Linux. The checker keeps the CPU time of the processes between runs.
func New(c Config) (healthcheck.Checker, error) {
	checker, err := newChecker(c, "")
	if err != nil {
		return nil, err // not a nil *checker in the interface
	}
	return checker, nil
}

// newChecker is New with the folder that proc and etc are in, without a slash at its end.
func newChecker(c Config, root string) (*checker, error) {
	var m field.Mistakes
	if runtime.GOOS != "linux" {
		m.Add("", "processes can be checked on linux only, not on %s", runtime.GOOS)
	}
	if c.Target() == "" {
		m.Add("", "has nothing to find processes by: give name, command_line, pid_file, cgroup, unit or user")
	}
	chk := &checker{target: c.Target(), root: root, sel: newSelectors(&m, c)}
	chk.limits = newLimits(&m, c)
	if err := m.Err(); err != nil {
		return nil, err
	}
	return chk, nil
}

// selectors say which processes are looked for. Empty ones fit all.
type selectors struct {
	name        string
	commandLine *regexp.Regexp
	pidFile     string
	cgroup      string
	unit        string
	user        string
}

func newSelectors(m *field.Mistakes, c Config) selectors {
	for _, f := range []struct{ name, text string }{
		{"name", c.Name}, {"pid_file", c.PIDFile}, {"cgroup", c.Cgroup}, {"unit", c.Unit}, {"user", c.User},
	} {
		m.Line(f.name, f.text)
	}
	if strings.Contains(c.Name, "/") {
		m.Add("name", "is a path: give its last part, or command_line")
	}
	s := selectors{
		name: c.Name, commandLine: m.Pattern("command_line", c.CommandLine), pidFile: c.PIDFile,
		cgroup: c.Cgroup, unit: c.Unit, user: c.User,
	}
	if c.Cgroup != "" {
		if !strings.HasPrefix(c.Cgroup, "/") {
			m.Add("cgroup", `does not begin with "/", as the paths in /proc/PID/cgroup do`)
		}
		s.cgroup = path.Clean(c.Cgroup)
	}
	if strings.Contains(c.Unit, "/") {
		m.Add("unit", "is a path: give the name of a unit, or cgroup")
	}
	if c.Unit != "" && !strings.Contains(c.Unit, ".") {
		s.unit = c.Unit + ".service"
	}
	return s
}

// limits are what is expected.
type limits struct {
	minCount, maxCount         int // maxCount is negative where there is none
	minAge, maxAge             time.Duration
	maxCPU                     float64
	maxMemory, maxEach, maxFds *amount.Limit // nil: none
	maxThreads                 int
}

func newLimits(m *field.Mistakes, c Config) limits {
	l := limits{
		minCount: 1, maxCount: -1, minAge: c.MinAge, maxAge: c.MaxAge,
		maxCPU: c.MaxCPU, maxThreads: c.MaxThreads,
	}
	if c.MaxCount != nil {
		l.maxCount = *c.MaxCount
		l.minCount = min(l.minCount, l.maxCount)
	}
	if c.MinCount != nil {
		l.minCount = *c.MinCount
	}
	const most = 1 << 22 // PID_MAX_LIMIT
	field.Between(m, "min_count", l.minCount, 0, most)
	if c.MaxCount != nil {
		field.Between(m, "max_count", l.maxCount, 0, most)
		if l.minCount > l.maxCount {
			m.Add("min_count", "%d is more than max_count", l.minCount)
		}
	}
	m.NotNegative("min_age", c.MinAge)
	m.NotNegative("max_age", c.MaxAge)
	if c.MaxAge > 0 && c.MinAge > c.MaxAge {
		m.Add("min_age", "%s is more than max_age", c.MinAge)
	}
	if !(c.MaxCPU >= 0 && c.MaxCPU <= 1<<20) { // NaN too
		m.Add("max_cpu", "%s is not a number of cores", strconv.FormatFloat(c.MaxCPU, 'g', -1, 64))
	}
	if c.MaxThreads < 0 {
		m.Add("max_threads", "%d is negative", c.MaxThreads)
	}
	l.maxMemory = limitOf(m, "max_memory", c.MaxMemory)
	l.maxEach = limitOf(m, "max_memory_each", c.MaxMemoryEach)
	l.maxFds = limitOf(m, "max_open_files", c.MaxOpenFiles)
	return l
}

// limitOf parses an amount, or returns nil where there is none.
func limitOf[A interface {
	~string
	Limit() (amount.Limit, error)
}](m *field.Mistakes, name string, a A) *amount.Limit {
	if a == "" {
		return nil
	}
	l, err := a.Limit()
	m.Check(name, err)
	return &l
}
