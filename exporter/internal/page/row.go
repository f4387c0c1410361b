package page

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// row is one check.
type row struct {
	Class, State           string // class "warn": OK after thresholds, but not in the last run, or blocked
	Name, Endpoint         string
	Href                   string // of its status; empty where no link can lead there
	Kind, Target           string
	Labels                 []string
	DependsOn              []dependency
	Optional, Stuck        bool
	Blocked, InMaintenance bool
	Reason, Details        string
	Cut                    bool // there is more to Details
	Hint                   string
	Since, LastSuccess     moment
	LastRun                moment
	Overdue                bool
	Duration, Timeout      string
	Slow                   bool // took most of the timeout
	Interval               string
	History                []run // the oldest first
	HistoryText            string
	Values                 []value
	MoreValues             int
	RunsOK, RunsFailed     string
	Changes, Skipped       string
	FailuresBy             []string
	AfterFails, AfterGoods int // thresholds
}

type dependency struct {
	Endpoint string
	Trouble  string // empty if it is OK
}

type run struct {
	Failed bool
	Title  string
}

type value struct {
	Name, Label, Help, Text, Exact string
}

func (p *page) row(s *healthcheck.Snapshot, st *healthcheck.State, now time.Time) row {
	c := st.Check
	status := st.Status()
	r := row{
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
		Since:         newMoment(now, st.Since()),
		LastSuccess:   newMoment(now, st.LastSuccess()),
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
		r.LastRun = newMoment(now, end)
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
func (r *row) setWords(st *healthcheck.State, status healthcheck.Status) {
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
	r.Details, r.Cut = shorten(details, maxDetails)
}

func inARow(n int, what string) string {
	if n <= 1 {
		return "one " + what + "."
	}
	return plural(n, what) + " in a row."
}

// setHistory takes outcomes, the newest first.
func (r *row) setHistory(list []healthcheck.Outcome) {
	failed := 0
	r.History = make([]run, len(list))
	for i, o := range list {
		title := o.Start.UTC().Format(timeLayout) + " · " + string(o.Result) + " after " + formatDuration(o.Duration)
		bad := o.Result == healthcheck.FAIL
		if bad {
			failed++
			title += " · " + o.Reason.String()
			if o.Details != "" {
				details, cut := shorten(o.Details, maxRunDetails)
				title += ": " + details
				if cut {
					title += "…"
				}
			}
		}
		r.History[len(list)-1-i] = run{Failed: bad, Title: title}
	}
	r.HistoryText = fmt.Sprintf("%s, oldest first: %d OK, %d failed", plural(len(list), "last run"), len(list)-failed, failed)
}

func (r *row) setValues(values []healthcheck.Value, now time.Time) {
	shown := values[:min(len(values), maxValues)]
	r.MoreValues = len(values) - len(shown)
	r.Values = make([]value, len(shown))
	for i, v := range shown {
		r.Values[i] = value{
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
	if endpoint == "." || endpoint == ".." || len(endpoint) > maxURL {
		return ""
	}
	return "./status/" + url.PathEscape(endpoint)
}

func labelTexts(labels map[string]string) []string {
	names := slices.Sorted(maps.Keys(labels))
	texts := make([]string, 0, min(len(names), maxLabels))
	for _, name := range names[:cap(texts)] {
		texts = append(texts, brief(name+"="+labels[name]))
	}
	return texts
}

// dependencies tells how the checks fare that a check depends on.
func dependencies(s *healthcheck.Snapshot, endpoints []string) []dependency {
	list := make([]dependency, 0, min(len(endpoints), maxDependsOn))
	for _, endpoint := range endpoints[:cap(list)] {
		d := dependency{Endpoint: brief(endpoint)}
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
