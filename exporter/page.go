package exporter

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for page.html
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

//go:embed page.html
var pageHTML string

// Bounds of one page, so that its size does not depend on how many checks there are or what they say.
const (
	pageRows        = 500
	pageLabels      = 16   // labels of a check
	pageDependsOn   = 16   // dependencies of a check
	pageValues      = 24   // measured values of a check
	pageDetails     = 1000 // bytes of the details that explain a state
	pageRunDetails  = 120  // bytes of the details of one run in the history
	pageText        = 200  // bytes of a name, a target and other short texts
	pageURL         = 1024 // bytes of the longest endpoint that is linked
	pageSearch      = 100  // bytes of a search text
	pageNumber      = 1_000_000
	minPageRefresh  = 5 // seconds
	maxPageRefresh  = 3600
	offeredRefresh  = 15
	pageTimeLayout  = "2006-01-02 15:04:05 UTC"
	pageContentType = "text/html; charset=utf-8"
)

// pageInfo is what the page shows besides the checks.
type pageInfo struct {
	Identity    func() healthcheck.Identity // called for each request; nil means no name
	MetricsPath string                      // absolute, as "/metrics"; empty means none
	Version     string                      // of the exporter
	Started     time.Time
	Reload      func() (ok bool, when time.Time) // whether the last reload succeeded, and when the last success was; may be nil
	Pprof       bool                             // /debug/pprof/ is served
}

// pageSource is what the page shows: a registry, or a test's states.
type pageSource interface {
	Snapshot() healthcheck.Snapshot
	History(endpoint string) []healthcheck.Outcome
}

// newPage returns the handler of the page for people: a registry's last outcomes as HTML, the failing checks first,
// at most 500 to a page. It runs no check and needs no script, and nothing that a check says can change its structure.
// Query parameters: state (fail, ok, unknown), q (a text to look for), page (from 1), and refresh (seconds between
// reloads by the browser). What it cannot make sense of is ignored. It answers any method as GET or HEAD.
func newPage(checks pageSource, info pageInfo) http.Handler {
	if info.Identity == nil {
		info.Identity = func() healthcheck.Identity { return healthcheck.Identity{} }
	}
	return &page{
		checks:   checks,
		info:     info,
		template: template.Must(template.New("page").Parse(pageHTML)),
		policy:   pagePolicy(pageHTML),
	}
}

// pagePolicy returns the Content-Security-Policy that allows the style sheet of a document and the icon in it, and
// nothing else.
func pagePolicy(document string) string {
	_, style, _ := strings.Cut(document, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

type page struct {
	checks   pageSource
	info     pageInfo
	template *template.Template
	policy   string

	mu sync.Mutex // one rendering at a time: a snapshot of 100,000 checks is 20 MB
}

func (p *page) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := p.render(parsePageQuery(req.URL.Query()))
	if err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", pageContentType)
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if req.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) //nolint:gosec // html/template has escaped it; a client that has gone needs no answer
}

func (p *page) render(q pageQuery) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	if err := p.template.Execute(&b, p.view(q, time.Now())); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// pageQuery is what a request asks for, within bounds.
type pageQuery struct {
	State   string // stateFail, stateOK, stateUnknown, or empty for all
	Search  string
	Page    int // from 1
	Refresh int // seconds, 0 for never
}

const (
	stateFail    = "fail"
	stateOK      = "ok"
	stateUnknown = "unknown"
)

func parsePageQuery(v url.Values) pageQuery {
	q := pageQuery{Page: 1}
	if s := v.Get("state"); s == stateFail || s == stateOK || s == stateUnknown {
		q.State = s
	}
	q.Search, _ = shorten(strings.TrimSpace(v.Get("q")), pageSearch)
	if n, err := strconv.Atoi(v.Get("page")); err == nil {
		q.Page = min(max(n, 1), pageNumber)
	}
	if n, err := strconv.Atoi(v.Get("refresh")); err == nil && n > 0 {
		q.Refresh = min(max(n, minPageRefresh), maxPageRefresh)
	}
	return q
}

// Href returns the link to the page that q asks for. Like all links of the page it is relative, so that a proxy may
// serve the exporter below a path.
func (q pageQuery) Href() string {
	v := url.Values{}
	if q.State != "" {
		v.Set("state", q.State)
	}
	if q.Search != "" {
		v.Set("q", q.Search)
	}
	if q.Page > 1 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if q.Refresh > 0 {
		v.Set("refresh", strconv.Itoa(q.Refresh))
	}
	if len(v) == 0 {
		return "./"
	}
	return "./?" + v.Encode()
}

// onPage and its like return a copy of q that differs in one thing. A new choice of checks begins on its first page.
func (q pageQuery) onPage(n int) pageQuery { q.Page = n; return q }

func (q pageQuery) withState(s string) pageQuery { q.State, q.Page = s, 1; return q }

func (q pageQuery) withSearch(s string) pageQuery { q.Search, q.Page = s, 1; return q }

func (q pageQuery) withRefresh(seconds int) pageQuery { q.Refresh = seconds; return q }

// rank orders the checks of the page.
type rank int

const (
	rankFail      rank = iota
	rankQuietFail      // blocked by another check, or in maintenance: not where to look first
	rankOptionalFail
	rankUnknown
	rankUnsettled // OK after thresholds, but not in its last run
	rankBlocked   // OK, while a check that it depends on is FAIL
	rankOK
	numRanks
)

func rankOf(s *healthcheck.State) rank {
	switch {
	case s.Failing() && s.Check.Optional:
		return rankOptionalFail
	case s.Failing() && (len(s.BlockedBy()) > 0 || s.InMaintenance()):
		return rankQuietFail
	case s.Failing():
		return rankFail
	case !s.Decided():
		return rankUnknown
	case s.LastRunFailed() || s.Stuck():
		return rankUnsettled
	case len(s.BlockedBy()) > 0:
		return rankBlocked
	}
	return rankOK
}

// state returns the value of the query parameter that selects checks of a rank.
func (r rank) state() string {
	switch r {
	case rankFail, rankQuietFail, rankOptionalFail:
		return stateFail
	case rankUnknown:
		return stateUnknown
	default:
		return stateOK
	}
}

// selection is the checks that a query asks for, in the order of the page.
type selection struct {
	counts [numRanks]int // of all checks
	chosen [numRanks]int // of those asked for
	order  []int         // indices of the snapshot's states
}

// choose takes one pass, and no sorting: the states come sorted by endpoint.
func choose(states []healthcheck.State, q pageQuery) selection {
	var sel selection
	var chosen [numRanks][]int
	search := strings.ToLower(q.Search)
	for i := range states {
		r := rankOf(&states[i])
		sel.counts[r]++
		if (q.State == "" || q.State == r.state()) && matches(&states[i], search) {
			chosen[r] = append(chosen[r], i)
		}
	}
	for r := range chosen {
		sel.chosen[r] = len(chosen[r])
	}
	sel.order = slices.Concat(chosen[:]...)
	return sel
}

// matches reports whether a check has a text, which is in lower case, in what tells it apart or says what is wrong.
func matches(s *healthcheck.State, text string) bool {
	if text == "" {
		return true
	}
	c := s.Check
	has := func(field string) bool { return strings.Contains(strings.ToLower(field), text) }
	if has(c.Endpoint) || has(c.Name) || has(c.Kind) || has(c.Target) {
		return true
	}
	for name, value := range c.Labels {
		if has(name + "=" + value) {
			return true
		}
	}
	if slices.ContainsFunc(marks(s), has) {
		return true
	}
	if !s.Failing() && !s.LastRunFailed() {
		return has(s.Status().Details)
	}
	reason, details := s.LastFailure()
	return has(reason.String()) || has(details)
}

// marks returns the words of the tags that the page puts beside a state.
func marks(s *healthcheck.State) []string {
	var words []string
	for _, m := range []struct {
		on   bool
		word string
	}{
		{s.Check.Optional, "optional"},
		{len(s.BlockedBy()) > 0, "blocked"},
		{s.InMaintenance(), "maintenance"},
		{s.Stuck(), "stuck"},
	} {
		if m.on {
			words = append(words, m.word)
		}
	}
	return words
}

// pageView is what the template shows: texts, all of them still to be escaped.
type pageView struct {
	Name, Version string
	Failing       bool
	Level         string
	Summary       string
	Now, Started  pageTime
	Query         pageQuery
	Tiles         []pageTile
	Total         string // checks there are
	AllHref       string // the page without search and state
	RefreshHref   string // turns refreshing on, or off when it is on
	RefreshOffer  int
	Groups        []pageGroup
	Range         string // "1–500 of 2,000", empty when all are there
	Prev, Next    string
	Runner        pageRunner
	Reloaded      pageTime
	ReloadFailed  bool
	MetricsHref   string
	Pprof         bool
	Exporter      string // its version
}

// pageTile is a number that is also a filter.
type pageTile struct {
	Label, Count, Note string
	Class              string
	Href               string
	Current            bool
}

type pageGroup struct {
	Title, Class string
	Count        string // over all pages
	Rows         []pageRow
}

type pageRunner struct {
	Active                bool
	Running, Limit        string
	Stuck, Panics         string
	HasStuck, HasPanicked bool
}

type pageTime struct {
	Ago, UTC, ISO string // all empty for never
}

func (p *page) view(q pageQuery, now time.Time) *pageView {
	snapshot := p.checks.Snapshot()
	sel := choose(snapshot.States, q)
	pages := max((len(sel.order)+pageRows-1)/pageRows, 1)
	q.Page = min(q.Page, pages)
	first := (q.Page - 1) * pageRows
	last := min(first+pageRows, len(sel.order))

	id := p.info.Identity()
	v := &pageView{
		Name:         brief(id.Name),
		Version:      brief(id.Version),
		Failing:      snapshot.Level == healthcheck.FAIL,
		Level:        string(snapshot.Level),
		Summary:      summary(&snapshot, sel.counts),
		Now:          newPageTime(now, now),
		Started:      newPageTime(now, p.info.Started),
		Query:        q,
		Tiles:        tiles(q, sel.counts),
		Total:        grouped(len(snapshot.States)),
		AllHref:      q.withState("").withSearch("").Href(),
		RefreshHref:  q.withRefresh(0).Href(),
		RefreshOffer: offeredRefresh,
		Groups:       p.groups(&snapshot, sel, sel.order[first:last], now),
		Runner:       newPageRunner(snapshot.Runner),
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
		v.Reloaded = newPageTime(now, when)
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

func tiles(q pageQuery, counts [numRanks]int) []pageTile {
	tile := func(label, state string, count int) pageTile {
		t := pageTile{Label: label, Count: grouped(count), Href: q.withState(state).Href(), Current: q.State == state}
		if count > 0 {
			t.Class = state
		}
		return t
	}
	failing := tile("failing", stateFail, counts[rankFail]+counts[rankQuietFail]+counts[rankOptionalFail])
	if n := counts[rankOptionalFail]; n > 0 {
		failing.Note = grouped(n) + " optional"
	}
	ok := tile("OK", stateOK, counts[rankUnsettled]+counts[rankBlocked]+counts[rankOK])
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
	return []pageTile{
		failing,
		tile("not run yet", stateUnknown, counts[rankUnknown]),
		ok,
		tile("in all", "", total),
	}
}

// groups returns the checks of one page under a heading for each state.
func (p *page) groups(s *healthcheck.Snapshot, sel selection, order []int, now time.Time) []pageGroup {
	c := sel.chosen
	groups := []pageGroup{
		{Title: "Failing", Class: stateFail, Count: grouped(c[rankFail] + c[rankQuietFail] + c[rankOptionalFail])},
		{Title: "Not run yet", Class: stateUnknown, Count: grouped(c[rankUnknown])},
		{Title: "OK", Class: stateOK, Count: grouped(c[rankUnsettled] + c[rankBlocked] + c[rankOK])},
	}
	for _, i := range order {
		state := rankOf(&s.States[i]).state()
		g := slices.IndexFunc(groups, func(g pageGroup) bool { return g.Class == state })
		groups[g].Rows = append(groups[g].Rows, p.row(s, &s.States[i], now))
	}
	return slices.DeleteFunc(groups, func(g pageGroup) bool { return len(g.Rows) == 0 })
}

func newPageRunner(s healthcheck.RunnerStats) pageRunner {
	return pageRunner{
		Active:      s.Limit > 0,
		Running:     grouped(s.Running),
		Limit:       grouped(s.Limit),
		Stuck:       grouped(s.Stuck),
		HasStuck:    s.Stuck > 0,
		Panics:      grouped(s.Panics),
		HasPanicked: s.Panics > 0,
	}
}

// pageRow is one check.
type pageRow struct {
	Class, State           string // class "warn": OK after thresholds, but not in the last run, or blocked
	Name, Endpoint         string
	Href                   string // of its status; empty where no link can lead there
	Kind, Target           string
	Labels                 []string
	DependsOn              []pageDependency
	Optional, Stuck        bool
	Blocked, InMaintenance bool
	Reason, Details        string
	Cut                    bool // there is more to Details
	Hint                   string
	Since, LastSuccess     pageTime
	LastRun                pageTime
	Overdue                bool
	Duration, Timeout      string
	Slow                   bool // took most of the timeout
	Interval               string
	History                []pageRun // the oldest first
	HistoryText            string
	Values                 []pageValue
	MoreValues             int
	RunsOK, RunsFailed     string
	Changes, Skipped       string
	FailuresBy             []string
	AfterFails, AfterGoods int // thresholds
}

type pageDependency struct {
	Endpoint string
	Trouble  string // empty if it is OK
}

type pageRun struct {
	Failed bool
	Title  string
}

type pageValue struct {
	Name, Label, Help, Text, Exact string
}

func (p *page) row(s *healthcheck.Snapshot, st *healthcheck.State, now time.Time) pageRow {
	c := st.Check
	status := st.Status()
	r := pageRow{
		Class:         rankOf(st).state(),
		State:         brief(string(status.Result)),
		Name:          brief(c.Name),
		Endpoint:      brief(c.Endpoint),
		Href:          statusHref(c.Endpoint),
		Kind:          brief(c.Kind),
		Target:        brief(c.Target),
		Labels:        labelTexts(c.Labels),
		DependsOn:     dependencies(s, c.DependsOn),
		Optional:      c.Optional,
		Stuck:         st.Stuck(),
		Blocked:       len(st.BlockedBy()) > 0,
		InMaintenance: st.InMaintenance(),
		Since:         newPageTime(now, st.Since()),
		LastSuccess:   newPageTime(now, st.LastSuccess()),
		Timeout:       formatDuration(st.Timeout()),
		Interval:      formatDuration(st.Interval()),
		Changes:       grouped(st.Changes()),
		Skipped:       grouped(st.Skipped()),
		FailuresBy:    failureTexts(st.Failures()),
		AfterFails:    c.FailureThreshold,
		AfterGoods:    c.SuccessThreshold,
	}
	good, failed := st.Runs()
	r.RunsOK, r.RunsFailed = grouped(good), grouped(failed)
	r.setWords(st, status)
	if st.Ran() {
		end, took := st.LastRun()
		r.LastRun = newPageTime(now, end)
		r.Duration = formatDuration(took)
		r.Slow = took >= st.Timeout()/5*4
		// A run may end late by its whole timeout; a second interval is for a busy runner.
		r.Overdue = s.Runner.Limit > 0 && !st.Stuck() && now.Sub(end) > 2*st.Interval()+st.Timeout()
	}
	r.setHistory(p.checks.History(c.Endpoint))
	r.setValues(st.Values(), now)
	return r
}

// setWords says what the state is and why.
func (r *pageRow) setWords(st *healthcheck.State, status healthcheck.Status) {
	details := status.Details
	switch rankOf(st) {
	case rankUnknown:
		r.State, details = "not run", ""
	case rankFail, rankQuietFail, rankOptionalFail:
		var reason healthcheck.Reason
		reason, details = st.LastFailure()
		r.Reason = reason.String()
		if !st.LastRunFailed() {
			r.Hint = "The last run was good; OK again after " + inARow(st.Check.SuccessThreshold, "good run")
		}
	case rankUnsettled:
		r.Class = "warn"
		if st.LastRunFailed() {
			var reason healthcheck.Reason
			reason, details = st.LastFailure()
			r.Reason = reason.String()
			r.Hint = "The last run failed; FAIL after " + inARow(st.Check.FailureThreshold, "failed run")
		}
	case rankBlocked:
		r.Class = "warn"
		r.Hint = "Nobody is told of this check while one that it depends on is FAIL."
	}
	r.Details, r.Cut = shorten(details, pageDetails)
}

func inARow(n int, what string) string {
	if n <= 1 {
		return "one " + what + "."
	}
	return plural(n, what) + " in a row."
}

// setHistory takes outcomes, the newest first.
func (r *pageRow) setHistory(list []healthcheck.Outcome) {
	failed := 0
	r.History = make([]pageRun, len(list))
	for i, o := range list {
		title := o.Start.UTC().Format(pageTimeLayout) + " · " + string(o.Result) + " after " + formatDuration(o.Duration)
		bad := o.Result == healthcheck.FAIL
		if bad {
			failed++
			title += " · " + o.Reason.String()
			if o.Details != "" {
				details, cut := shorten(o.Details, pageRunDetails)
				title += ": " + details
				if cut {
					title += "…"
				}
			}
		}
		r.History[len(list)-1-i] = pageRun{Failed: bad, Title: title}
	}
	r.HistoryText = fmt.Sprintf("%s, oldest first: %d OK, %d failed", plural(len(list), "last run"), len(list)-failed, failed)
}

func (r *pageRow) setValues(values []healthcheck.Value, now time.Time) {
	shown := values[:min(len(values), pageValues)]
	r.MoreValues = len(values) - len(shown)
	r.Values = make([]pageValue, len(shown))
	for i, v := range shown {
		r.Values[i] = pageValue{
			Name:  v.Measure.Name(),
			Label: brief(valueLabel(v)),
			Help:  v.Measure.Help(),
			Text:  FormatValue(v.Measure.Name(), v.Value, now),
			Exact: strconv.FormatFloat(v.Value, 'g', -1, 64),
		}
	}
}

// valueLabel returns the values of the labels of v.
func valueLabel(v healthcheck.Value) string {
	var parts []string
	for _, value := range v.Labels() {
		parts = append(parts, value)
	}
	return strings.Join(parts, " ")
}

// statusHref returns the link to the status of a check. Browsers take "." and ".." as steps in the path even when they
// are escaped, so nothing can link there.
func statusHref(endpoint string) string {
	if endpoint == "." || endpoint == ".." || len(endpoint) > pageURL {
		return ""
	}
	return "./status/" + url.PathEscape(endpoint)
}

func labelTexts(labels map[string]string) []string {
	names := slices.Sorted(maps.Keys(labels))
	texts := make([]string, 0, min(len(names), pageLabels))
	for _, name := range names[:cap(texts)] {
		texts = append(texts, brief(name+"="+labels[name]))
	}
	return texts
}

// dependencies tells how the checks fare that a check depends on.
func dependencies(s *healthcheck.Snapshot, endpoints []string) []pageDependency {
	list := make([]pageDependency, 0, min(len(endpoints), pageDependsOn))
	for _, endpoint := range endpoints[:cap(list)] {
		d := pageDependency{Endpoint: brief(endpoint)}
		on, known := s.Find(endpoint)
		switch {
		case !known:
			d.Trouble = "not known"
		case !on.Decided():
			d.Trouble = "not run yet"
		case on.Failing():
			d.Trouble = "FAIL"
		}
		list = append(list, d)
	}
	return list
}

func failureTexts(counts []healthcheck.ReasonCount) []string {
	texts := make([]string, len(counts))
	for i, c := range counts {
		texts[i] = c.Reason.String() + " " + grouped(c.Count)
	}
	slices.Sort(texts)
	return texts
}

func newPageTime(now, t time.Time) pageTime {
	if t.IsZero() {
		return pageTime{}
	}
	return pageTime{
		Ago: formatAgo(now.Sub(t)),
		UTC: t.UTC().Format(pageTimeLayout),
		ISO: t.UTC().Format(time.RFC3339),
	}
}

// formatAgo gives the two largest units of a distance into the past. What a clock that was set puts into the future is
// "just now".
func formatAgo(d time.Duration) string {
	if d < time.Second {
		return "just now"
	}
	return formatSpan(d) + " ago"
}

// formatSpan gives the two largest units of a time of at least a second, and so whole seconds.
func formatSpan(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
}

// formatDuration gives three digits or so, which is what people compare.
func formatDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		d = d.Round(time.Microsecond)
	case d < 10*time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	case d < time.Second:
		d = d.Round(time.Millisecond)
	case d < time.Minute:
		d = d.Round(10 * time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// FormatValue writes a measured value for people, by the unit at the end of the measure's name; timestamps with their
// distance from now.
func FormatValue(name string, v float64, now time.Time) string {
	plain := strconv.FormatFloat(v, 'g', 6, 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		plain = strconv.FormatFloat(v, 'f', 0, 64)
	}
	const farthest = 100 * 365 * 24 * time.Hour // time.Duration ends at 292 years
	isSpan := v > 0 && v < farthest.Seconds()   // false for NaN
	switch {
	case isSpan && strings.HasSuffix(name, "_timestamp_seconds"):
		return formatTimestamp(time.Unix(0, 0).Add(seconds(v)), now)
	case isSpan && strings.HasSuffix(name, "_seconds"):
		return formatDuration(seconds(v))
	case strings.HasSuffix(name, "_bytes"):
		return formatBytes(v, plain)
	}
	return plain
}

func formatTimestamp(t, now time.Time) string {
	distance := formatAgo(now.Sub(t))
	if ahead := t.Sub(now); ahead >= time.Second {
		distance = "in " + formatSpan(ahead)
	}
	return t.UTC().Format(pageTimeLayout) + " (" + distance + ")"
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

func formatBytes(v float64, plain string) string {
	const units = "KMGTPE"
	if !(math.Abs(v) >= 1024) || math.IsInf(v, 0) {
		return plain + " B"
	}
	i := -1
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[i:i+1] + "iB"
}

// grouped writes a count with a comma every three digits.
func grouped[T int | uint64](n T) string {
	s := strconv.FormatUint(uint64(max(n, 0)), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}

// shorten returns the beginning of s, of at most n bytes and whole runes, and whether there was more. What cannot be
// shown, as control characters and broken UTF-8, becomes U+FFFD.
func shorten(s string, n int) (short string, cut bool) {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s, cut = s[:n], true
	}
	return strings.Map(printable, s), cut
}

func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return utf8.RuneError
	}
	return r
}

// brief shortens what should be short anyway.
func brief(s string) string {
	short, cut := shorten(s, pageText)
	if cut {
		short += "…"
	}
	return short
}
