package config

import (
	"slices"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
)

// windowSet is all the maintenance windows of a check. The zero set has none.
type windowSet struct {
	list    []maintenance.Window // in canonical form
	contain func(time.Time) bool // nil without windows
}

// windowsOf returns the set of those windows that the mapping at p has itself, and of those that it has in common with
// others. It reports mistakes in the former.
func (l *loader) windowsOf(p place, own []maintenance.Window, common windowSet, before int) windowSet {
	if len(own) == 0 {
		return common
	}
	at, _ := p.locate("maintenance")
	line := l.push("maintenance", -1, at.line)
	defer l.pop(line)
	all := slices.Concat(own, common.list)
	contain, err := l.calendars.Build(all)
	if err == nil {
		return windowSet{maintenance.Canonical(all), contain}
	}
	for _, e := range flatten(err) {
		l.reportBelow(at, e, before)
	}
	return common
}
