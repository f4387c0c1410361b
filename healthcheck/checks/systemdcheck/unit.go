package systemdcheck

import (
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	systemd     = "org.freedesktop.systemd1"
	managerPath = dbus.ObjectPath("/org/freedesktop/systemd1")
)

// unit is what the manager says of a unit.
type unit struct {
	name, load, active, sub, file, result string

	restarts, tasks, memory float64 // negative where the manager does not tell
	changed, triggered      time.Time
}

// list returns the loaded units in the given states, all without any, whose names fit one of the patterns.
func (b *bus) list(ctx context.Context, states, patterns []string) ([]unit, error) {
	const name = systemd + ".Manager.ListUnitsByPatterns"
	body, err := b.call(ctx, call{systemd, managerPath, name, []any{states, patterns}})
	if err != nil {
		return nil, err
	}
	if len(body) != 1 {
		return nil, errAnswer
	}
	rows, ok := body[0].([][]any)
	if !ok {
		return nil, errAnswer
	}
	units := make([]unit, 0, len(rows))
	for _, row := range rows { // name, description, load, active and sub state, …
		if len(row) < 5 {
			return nil, errAnswer
		}
		u := unit{}
		for i, to := range map[int]*string{0: &u.name, 2: &u.load, 3: &u.active, 4: &u.sub} {
			if *to, ok = row[i].(string); !ok {
				return nil, errAnswer
			}
		}
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b unit) int { return strings.Compare(a.name, b.name) })
	return units, nil
}

var errAnswer = healthcheck.Errorf(healthcheck.ReasonProtocol, "the answer of systemd has not the form that is documented")

// show returns a unit, which the manager loads for that if it is not.
func (b *bus) show(ctx context.Context, name string) (unit, error) {
	p, err := b.properties(ctx, name, "Unit")
	if err != nil {
		return unit{}, err
	}
	u := unit{
		name: name, load: p.text("LoadState"), active: p.text("ActiveState"), sub: p.text("SubState"), file: p.text("UnitFileState"),
		restarts: -1, tasks: -1, memory: -1, changed: p.time("StateChangeTimestamp"),
	}
	if u.load == "" || u.active == "" {
		return unit{}, fmt.Errorf("%s: %w", name, errAnswer)
	}
	kind := interfaces[path.Ext(name)]
	if kind == "" || u.load != "loaded" {
		return u, nil
	}
	if p, err = b.properties(ctx, name, kind); err != nil {
		return unit{}, err
	}
	u.result, u.triggered = p.text("Result"), p.time("LastTriggerUSec")
	u.restarts, u.tasks, u.memory = p.number("NRestarts"), p.number("TasksCurrent"), p.number("MemoryCurrent")
	return u, nil
}

// interfaces are those with a result or with what the processes of a unit use, by the suffix of names.
var interfaces = map[string]string{
	".service": "Service", ".socket": "Socket", ".mount": "Mount", ".swap": "Swap", ".timer": "Timer", ".path": "Path",
	".automount": "Automount", ".slice": "Slice", ".scope": "Scope",
}

// properties returns those of an interface of a unit.
func (b *bus) properties(ctx context.Context, name, kind string) (properties, error) {
	body, err := b.call(ctx, call{systemd, unitPath(name), "org.freedesktop.DBus.Properties.GetAll", []any{systemd + "." + kind}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(body) == 1 {
		if p, ok := body[0].(map[string]dbus.Variant); ok {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", name, errAnswer)
}

// unitPath returns the object of a unit: all but letters and digits is escaped, and so is a digit in front.
func unitPath(name string) dbus.ObjectPath {
	var b strings.Builder
	b.WriteString(string(managerPath) + "/unit/")
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return dbus.ObjectPath(b.String())
}

type properties map[string]dbus.Variant

func (p properties) text(name string) string {
	s, _ := p[name].Value().(string)
	return printable(s)
}

// time returns a time in microseconds since 1970, the zero one where there is none.
func (p properties) time(name string) time.Time {
	n, _ := p[name].Value().(uint64)
	if n == 0 || n > math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMicro(int64(n))
}

// number returns a number, or -1 where there is none: the manager has the largest for that.
func (p properties) number(name string) float64 {
	switch n := p[name].Value().(type) {
	case uint32:
		return float64(n)
	case uint64:
		if n != math.MaxUint64 {
			return float64(n)
		}
	}
	return -1
}
