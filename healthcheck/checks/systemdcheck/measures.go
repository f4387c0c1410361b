package systemdcheck

import (
	"slices"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

var (
	measureUnits = healthcheck.NewMeasure("systemd_units", "Units looked at in the last run by their active state; with failed_units, those that are failed and not ignored.", "active_state")

	measureChanged = healthcheck.NewMeasure("systemd_unit_state_change_timestamp_seconds", "When the state of the unit last changed; absent where it has not since the manager was started.", "systemd_unit")

	measureRestarts = healthcheck.NewMeasure("systemd_unit_restarts", "How often the service was started again by itself since it was started by somebody.", "systemd_unit")

	measureTasks = healthcheck.NewMeasure("systemd_unit_tasks", "Tasks of the unit, which are its processes and threads; absent where the manager does not count them.", "systemd_unit")

	measureMemory = healthcheck.NewMeasure("systemd_unit_memory_bytes", "Memory of the unit, file cache included; absent where the manager does not count it.", "systemd_unit")

	measureTriggered = healthcheck.NewMeasure("systemd_timer_last_trigger_timestamp_seconds", "When the timer last started its unit; absent where it never has.", "systemd_unit")
)

// activeStates are those that there is a value of in each run; others are "other".
var activeStates = []string{stateActive, "activating", "deactivating", "failed", "inactive", "reloading", "other"}

// values returns what was measured.
func (c *checker) values(units []unit) []healthcheck.Value {
	if c.failed {
		return []healthcheck.Value{measureUnits.Value(float64(len(units)), "failed")}
	}
	counts := make(map[string]int)
	for i := range units {
		state := units[i].active
		if !slices.Contains(activeStates, state) {
			state = "other"
		}
		counts[state]++
	}
	var values []healthcheck.Value
	for _, state := range activeStates {
		if n := counts[state]; n > 0 || state != "other" {
			values = append(values, measureUnits.Value(float64(n), state))
		}
	}
	for i := range units {
		values = append(values, units[i].values()...)
	}
	return values
}

func (u *unit) values() (values []healthcheck.Value) {
	at := func(m *healthcheck.Measure, t time.Time) {
		if !t.IsZero() {
			values = append(values, m.Value(float64(t.UnixMilli())/1000, u.name))
		}
	}
	count := func(m *healthcheck.Measure, n float64) {
		if n >= 0 {
			values = append(values, m.Value(n, u.name))
		}
	}
	at(measureChanged, u.changed)
	at(measureTriggered, u.triggered)
	count(measureRestarts, u.restarts)
	count(measureTasks, u.tasks)
	count(measureMemory, u.memory)
	return values
}
