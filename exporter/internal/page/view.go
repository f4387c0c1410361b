package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// view is what the template shows: texts, all of them still to be escaped.
type view struct {
	Name, Version string
	Failing       bool
	Level         string
	Summary       string
	Now, Started  moment
	Query         query
	Tiles         []tile
	Total         string // checks there are
	AllHref       string // the page without search and state
	RefreshHref   string // turns refreshing on, or off when it is on
	RefreshOffer  int
	Groups        []group
	Range         string // "1–500 of 2,000", empty when all are there
	Prev, Next    string
	Runner        runner
	Reloaded      moment
	ReloadFailed  bool
	MetricsHref   string
	Pprof         bool
	Exporter      string // its version
}

// tile is a number that is also a filter.
type tile struct {
	Label, Count, Note string
	Class              string
	Href               string
	Current            bool
}

type group struct {
	Title, Class string
	Count        string // over all pages
	Rows         []row
}

type runner struct {
	Active                bool
	Running, Limit        string
	Stuck, Panics         string
	HasStuck, HasPanicked bool
}

type moment struct {
	Ago, UTC, ISO string // all empty for never
}

func (p *page) view(q query, now time.Time) *view {
	snapshot := p.checks.Snapshot()
	sel := choose(snapshot.States, q)
	pages := max((len(sel.order)+maxRows-1)/maxRows, 1)
	q.Page = min(q.Page, pages)
	first := (q.Page - 1) * maxRows
	last := min(first+maxRows, len(sel.order))

	id := p.info.Identity()
	v := &view{
		Name:         brief(id.Name),
		Version:      brief(id.Version),
		Failing:      snapshot.Level == healthcheck.FAIL,
		Level:        string(snapshot.Level),
		Summary:      summary(&snapshot, sel.counts),
		Now:          newMoment(now, now),
		Started:      newMoment(now, p.info.Started),
		Query:        q,
		Tiles:        tiles(q, sel.counts),
		Total:        grouped(len(snapshot.States)),
		AllHref:      q.withState("").withSearch("").Href(),
		RefreshHref:  q.withRefresh(0).Href(),
		RefreshOffer: offeredRefresh,
		Groups:       p.groups(&snapshot, sel, sel.order[first:last], now),
		Runner:       newRunner(snapshot.Runner),
		Pprof:        p.info.Pprof,
		Exporter:     p.info.Version,
	}
	if p.info.MetricsPath != "" {
		v.MetricsHref = "." + p.info.MetricsPath
	}
	if q.Refresh == 0 {
		v.RefreshHref = q.withRefresh(offeredRefresh).Href()
	}
	if pages > 1 {
		v.Range = fmt.Sprintf("%s–%s of %s", grouped(first+1), grouped(last), grouped(len(sel.order)))
	}
	if q.Page > 1 {
		v.Prev = q.onPage(q.Page - 1).Href()
	}
	if q.Page < pages {
		v.Next = q.onPage(q.Page + 1).Href()
	}
	if p.info.Reload != nil {
		ok, when := p.info.Reload()
		v.Reloaded = newMoment(now, when)
		v.ReloadFailed = !ok
	}
	return v
}

// summary says in one sentence why the level is what it is.
func summary(s *healthcheck.Snapshot, counts [numRanks]int) string {
	required := counts[rankFail] + counts[rankQuietFail]
	optional, unknown := counts[rankOptionalFail], counts[rankUnknown]
	total := len(s.States)
	var parts []string
	if required > 0 {
		parts = append(parts, fmt.Sprintf("%s of %s failing", grouped(required), plural(total, "check")))
	}
	if optional > 0 {
		parts = append(parts, plural(optional, "optional check")+" failing")
	}
	if unknown > 0 {
		parts = append(parts, plural(unknown, "check")+" not run yet")
	}
	if s.Level == healthcheck.FAIL && required == 0 {
		parts = append([]string{"the first round of checks is not complete"}, parts...)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case total == 0:
		return "no checks are registered"
	case total == 1:
		return "the only check is OK"
	}
	return "all " + plural(total, "check") + " are OK"
}

func tiles(q query, counts [numRanks]int) []tile {
	newTile := func(label, state string, count int) tile {
		t := tile{Label: label, Count: grouped(count), Href: q.withState(state).Href(), Current: q.State == state}
		if count > 0 {
			t.Class = state
		}
		return t
	}
	failing := newTile("failing", stateFail, counts[rankFail]+counts[rankQuietFail]+counts[rankOptionalFail])
	if n := counts[rankOptionalFail]; n > 0 {
		failing.Note = grouped(n) + " optional"
	}
	ok := newTile("OK", stateOK, counts[rankUnsettled]+counts[rankBlocked]+counts[rankOK])
	var notes []string
	if n := counts[rankUnsettled]; n > 0 {
		notes = append(notes, grouped(n)+" failed last run")
	}
	if n := counts[rankBlocked]; n > 0 {
		notes = append(notes, grouped(n)+" blocked")
	}
	ok.Note = strings.Join(notes, ", ")
	total := 0
	for _, n := range counts {
		total += n
	}
	return []tile{
		failing,
		newTile("not run yet", stateUnknown, counts[rankUnknown]),
		ok,
		newTile("in all", "", total),
	}
}

// groups returns the checks of one page under a heading for each state.
func (p *page) groups(s *healthcheck.Snapshot, sel selection, order []int, now time.Time) []group {
	c := sel.chosen
	groups := []group{
		{Title: "Failing", Class: stateFail, Count: grouped(c[rankFail] + c[rankQuietFail] + c[rankOptionalFail])},
		{Title: "Not run yet", Class: stateUnknown, Count: grouped(c[rankUnknown])},
		{Title: "OK", Class: stateOK, Count: grouped(c[rankUnsettled] + c[rankBlocked] + c[rankOK])},
	}
	for _, i := range order {
		state := rankOf(&s.States[i]).state()
		g := slices.IndexFunc(groups, func(g group) bool { return g.Class == state })
		groups[g].Rows = append(groups[g].Rows, p.row(s, &s.States[i], now))
	}
	return slices.DeleteFunc(groups, func(g group) bool { return len(g.Rows) == 0 })
}

func newRunner(s healthcheck.RunnerStats) runner {
	return runner{
		Active:      s.Limit > 0,
		Running:     grouped(s.Running),
		Limit:       grouped(s.Limit),
		Stuck:       grouped(s.Stuck),
		HasStuck:    s.Stuck > 0,
		Panics:      grouped(s.Panics),
		HasPanicked: s.Panics > 0,
	}
}

func newMoment(now, t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	return moment{
		Ago: formatAgo(now.Sub(t)),
		UTC: t.UTC().Format(timeLayout),
		ISO: t.UTC().Format(time.RFC3339),
	}
}
