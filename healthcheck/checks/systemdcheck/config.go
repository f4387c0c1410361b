// Package systemdcheck checks the state of units of systemd, asked over D-Bus
// (https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html). It works on Linux.
//
// The tests ask a manager that is made up through a real bus (dbus-daemon), and beside that the real manager of a user
// (systemd --user), where one can be started: that needs root, and control groups that can be written.
package systemdcheck

import (
	"cmp"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "systemd"

const (
	maxNames = 50  // names and patterns of a check, and units that it looks at
	maxName  = 255 // bytes of the name of a unit
)

// The values of [Config.Scope].
const (
	ScopeSystem = "system"
	ScopeUser   = "user"
)

// Config says which units to look at and what to expect of them: unit, units or failed_units, and only one of them. Each
// run opens a connection of its own to the bus.
type Config struct {
	// Unit is the name of a unit: "nginx.service". Without a suffix it is a service. It is looked up as systemctl show
	// does, so that one which is not loaded is read from its file; one without a file is a failure.
	Unit string `yaml:"unit" example:"nginx.service"`
	// Units are several of them, by names or by patterns with *, ? and [], which find loaded units. Each pattern must find
	// one, and all together may find 50.
	Units []string `yaml:"units" example:"[nginx.service, 'app@*.service']"`
	// FailedUnits wants no unit of the manager to be failed, as systemctl --failed lists them.
	FailedUnits bool `yaml:"failed_units" default:"false" example:"true"`
	// Ignore are names and patterns of units that may be failed, with failed_units only.
	Ignore []string `yaml:"ignore" example:"['user@*.service']"`
	// Expect says in which states each unit must be.
	Expect Expect `yaml:"expect"`
	// MaxAge is the longest since a timer last started its unit; one that never has is a failure. It is for names that end
	// in .timer only; zero is no limit.
	MaxAge time.Duration `yaml:"max_age" default:"0s" example:"25h"`
	// Scope is whose manager to ask: system, or user for that of the user that the exporter runs as.
	Scope string `yaml:"scope" default:"system" example:"user"`
	// Address is that of the bus, one of a Unix domain socket. By default it is in DBUS_SYSTEM_BUS_ADDRESS, or the bus is
	// at /run/dbus/system_bus_socket; for the scope user it is in DBUS_SESSION_BUS_ADDRESS, or at $XDG_RUNTIME_DIR/bus.
	Address string `yaml:"address" example:"unix:path=/host/run/dbus/system_bus_socket"`
}

// Expect says in which states each unit must be, by the words of systemctl.
type Expect struct {
	// Active are the active states (ActiveState).
	Active []string `yaml:"active" default:"[active]" example:"[active, reloading]"`
	// Sub are the states of the type of the unit (SubState); without any, all are fine.
	Sub []string `yaml:"sub" example:"[running]"`
	// UnitFile are the states of the file (UnitFileState), such as enabled, disabled, static or masked; without any, all
	// are fine.
	UnitFile []string `yaml:"unit_file" example:"[enabled, enabled-runtime]"`
}

// Target returns what is looked at.
func (c Config) Target() string {
	target := strings.Join(append(c.names(), c.Units...), ", ")
	if c.FailedUnits {
		target = "failed units"
	}
	if c.Scope == ScopeUser {
		target += " (user)"
	}
	return target
}

// names returns the single unit, if there is one.
func (c Config) names() []string {
	if c.Unit == "" {
		return nil
	}
	return []string{c.Unit}
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. It fails on other systems
// than Linux. Whether there is a bus is seen in runs.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	if runtime.GOOS != "linux" {
		m.Add("", "units of systemd can be checked on linux only, not on %s", runtime.GOOS)
	}
	m.Exclusive("units", field.Given{Field: "unit", Set: c.Unit != ""}, field.Given{Field: "units", Set: len(c.Units) > 0},
		field.Given{Field: "failed_units", Set: c.FailedUnits})
	if c.Unit == "" && len(c.Units) == 0 && !c.FailedUnits {
		m.Add("", "has no unit, no units and not failed_units: give one of them")
	}
	scope := m.OneOf("scope", c.Scope, ScopeSystem, ScopeUser)
	m.Line("address", c.Address)
	if c.Address != "" {
		_, err := socketOf(c.Address)
		m.Check("address", err)
	}
	m.NotNegative("max_age", c.MaxAge)
	chk := &checker{
		target: c.Target(), scope: scope, address: c.Address, failed: c.FailedUnits, maxAge: c.MaxAge,
		ignore: c.Ignore, active: c.Expect.Active, sub: c.Expect.Sub, unitFile: c.Expect.UnitFile,
	}
	if len(chk.active) == 0 {
		chk.active = []string{stateActive}
	}
	chk.addNames(&m, c)
	if c.MaxAge > 0 && !chk.hasTimer() {
		m.Add("max_age", "is for timers, whose names end in .timer")
	}
	checkStates(&m, c)
	if err := m.Err(); err != nil {
		return nil, err
	}
	return chk, nil
}

// addNames takes over the names and patterns of units.
func (c *checker) addNames(m *field.Mistakes, config Config) {
	if len(config.Units) > maxNames {
		m.Add("units", "has %d names, the most is %d", len(config.Units), maxNames)
	}
	if config.Unit != "" {
		checkName(m, "unit", config.Unit)
		if isPattern(config.Unit) {
			m.Add("unit", "is a pattern: give it as units")
		}
		c.names = append(c.names, withSuffix(config.Unit))
	}
	for i, name := range config.Units {
		checkName(m, field.Item("units", i), name)
		if isPattern(name) {
			c.patterns = append(c.patterns, name)
		} else {
			c.names = append(c.names, withSuffix(name))
		}
	}
	for i, name := range config.Ignore {
		checkName(m, field.Item("ignore", i), name)
	}
	if len(config.Ignore) > 0 && !config.FailedUnits {
		m.Add("ignore", "is for failed_units")
	}
}

func (c *checker) hasTimer() bool {
	for _, name := range append(c.names[:len(c.names):len(c.names)], c.patterns...) {
		if isTimer(name) {
			return true
		}
	}
	return false
}

func checkName(m *field.Mistakes, name, text string) {
	m.Line(name, text)
	switch {
	case text == "":
		m.Add(name, "is empty")
	case len(text) > maxName:
		m.Add(name, "has %d bytes, the most is %d", len(text), maxName)
	case strings.Contains(text, "/"):
		m.Add(name, "is a path: give the name of a unit, as systemd-escape makes it")
	case isPattern(text):
		_, err := path.Match(text, "")
		m.Check(name, err)
	}
}

func checkStates(m *field.Mistakes, c Config) {
	check := func(name string, states []string) {
		for i, s := range states {
			m.Line(field.Item(name, i), s)
			if s == "" {
				m.Add(field.Item(name, i), "is empty")
			}
		}
	}
	check("expect.active", c.Expect.Active)
	check("expect.sub", c.Expect.Sub)
	check("expect.unit_file", c.Expect.UnitFile)
	if c.FailedUnits && len(c.Expect.Active)+len(c.Expect.Sub)+len(c.Expect.UnitFile) > 0 {
		m.Add("expect", "is for unit and units")
	}
}

func isPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

func isTimer(name string) bool { return strings.HasSuffix(name, ".timer") }

// withSuffix returns the whole name of a unit.
func withSuffix(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return cmp.Or(name, "x") + ".service"
}
