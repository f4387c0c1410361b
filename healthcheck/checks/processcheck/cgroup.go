package processcheck

import (
	"iter"
	"strings"
)

// groupsOf yields the paths of the control groups in the text of /proc/PID/cgroup, with lines of the form
// number:controllers:path. Several hierarchies (version 1) have a line each.
func groupsOf(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			_, group, ok := strings.Cut(rest, ":")
			if ok && !yield(strings.TrimSuffix(group, " (deleted)")) {
				return
			}
		}
	}
}

// inCgroup reports whether one of the groups is the given one or below it.
func inCgroup(text, group string) bool {
	below := strings.TrimSuffix(group, "/") + "/"
	for g := range groupsOf(text) {
		if strings.HasPrefix(g+"/", below) {
			return true
		}
	}
	return false
}

// inUnit reports whether one of the groups is that of the unit, or below it.
func inUnit(text, unit string) bool {
	for g := range groupsOf(text) {
		if isUnit(g, unit) {
			return true
		}
	}
	return false
}

// isUnit reports whether a group belongs to a unit, by the way in which systemd lays them out: slices, then the unit, then
// what the unit makes of it. In that of the manager of a user the same follows once more. What comes then belongs to
// somebody else, such as the systemd of a container, which has units of the same names.
func isUnit(group, unit string) bool {
	slices := true
	for part := range strings.SplitSeq(group, "/") {
		switch {
		case part == "" || part == "..": // of groups outside of our namespace
			continue
		case part == unit:
			return true
		case !slices:
			return false
		}
		slices = strings.HasSuffix(part, ".slice") || strings.HasPrefix(part, "user@") && strings.HasSuffix(part, ".service")
		if !slices {
			return false
		}
	}
	return false
}
