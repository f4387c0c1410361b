package settings

import (
	"slices"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
)

// Windows is all the maintenance windows of a check. The zero Windows has none.
type Windows struct {
	List    []maintenance.Window // in canonical form
	Contain func(time.Time) bool // nil without windows
}

// windowsOf returns the windows that the mapping at p has itself, and those that it has in common with others. It
// reports mistakes in the former.
func (r *Reader) windowsOf(p document.Place, own []maintenance.Window, common Windows, before int) Windows {
	if len(own) == 0 {
		return common
	}
	at, _ := p.Locate("maintenance")
	from := r.Push("maintenance", -1, at.Pos)
	defer r.Pop(from)
	all := slices.Concat(own, common.List)
	contain, err := r.common.calendars.Build(all)
	if err == nil {
		return Windows{maintenance.Canonical(all), contain}
	}
	for _, e := range document.Flatten(err) {
		r.reportBelow(at, e, before)
	}
	return common
}
