package dashboards

// overview shows the state of all checks. Whatever their number, a table has at most 100 rows and a graph 40 series.
func overview() *dashboard {
	d := newDashboard(overviewUID, "Healthcheck / Overview",
		"The state of all checks: what fails now and why, the history, and what is about to fail.")
	d.Templating.List = []variable{dataSourceVariable(), jobVariable(), filterVariable()}
	d.Panels = layout(`job=~"$job"`,
		row{"Now", overviewNow()},
		row{"What is failing", overviewFailing()},
		row{"History", overviewHistory()},
		row{"Worst", overviewWorst()},
	)
	return d
}

func overviewNow() []*panel {
	const known = "max without (instance, pod) (last_over_time(healthcheck_interval_seconds{<m>}[2m]))"
	return []*panel{
		stat("FAIL", "Checks whose state is FAIL on all replicas, without those that are silent: blocked or in maintenance.",
			"short", 3, query{expr: countOf(state+" == 0 unless "+silent, known)}).
			thresholds(steps(good, above(1, bad))).options(object{"colorMode": "background"}),
		stat("FAIL, silent", "Checks whose state is FAIL, but of which no alert tells: they depend on a check that is FAIL, or are in maintenance.",
			"short", 3, query{expr: countOf(state+" == 0 and "+silent, known)}).
			thresholds(steps(good, above(1, muted))),
		stat("OK", "Checks whose state is OK on at least one replica.",
			"short", 3, query{expr: countOf(state+" == 1", known)}).
			thresholds(steps(plain, above(1, good))),
		stat("Never ran", "Checks that have not run yet: their state is unknown.",
			"short", 3, query{expr: countOf(neverRan, known)}).
			thresholds(steps(good, above(1, warning))),
		stat("Stale", "Checks without a completed run in three intervals: what is shown of them is old.",
			"short", 3, query{expr: countOf(stale, known)}).
			thresholds(steps(good, above(1, warning))),
		stat("Exporters down", "Exporters that Prometheus could not scrape: nothing is known of checks that no other exporter runs.",
			"short", 3, query{expr: countOf(`up{<m>} == 0`, `up{<m>}`)}).
			thresholds(steps(good, above(1, bad))).options(object{"colorMode": "background"}).
			links(dataLink{Title: "Exporters", URL: "/d/" + exporterUID + "?${__all_variables}&${__url_time_range}"}),
		stat("Successful runs", "Share of the runs of all checks in the time range that succeeded.",
			"percentunit", 6, query{expr: `sum(increase(healthcheck_runs_total{<m>, result="ok"}[$__range]))
/ sum(increase(healthcheck_runs_total{<m>}[$__range]))`}).
			thresholds(shareGood()).decimals(2),
	}
}

// checkColumn is the label check with a link to the dashboard of the check.
func checkColumn() column {
	return column{"check", "", []property{goTo(checkLink("__data.fields"))}}
}

func overviewFailing() []*panel {
	ago := []property{unit("dateTimeFromNow"), maps(ifKnown)}
	return []*panel{
		table("Failing now", "The 100 checks that became FAIL last, with the reason of the last failed run. Labels of the checks are columns. Silent ones are below.",
			24, 9, "Since", true,
			[]column{checkColumn(), {"Value", "Since", ago}, {"reason", "Reason", []property{colored(), fixedColor(bad)}}, {"name", "Name", nil}, {"kind", "Kind", nil}, {"target", "Target", nil}, {"job", "", nil}},
			query{expr: `topk(100,
` + sinceIfKnown + `
and ` + state + ` == 0
unless ` + silent + `
)` + withReason + `
* ignoring (reason, name, kind, target) group_left (name, kind, target) ` + info}),
		table("Failing, silent", "The 100 checks that became FAIL last and of which no alert tells, with the cause: a check they depend on is FAIL, or they are in maintenance.",
			12, 8, "Since", true,
			[]column{checkColumn(), {"Value", "Since", ago}, {"because", "Silent because", nil}, {"reason", "Reason", nil}, {"job", "", nil}},
			query{expr: `topk(100,
` + sinceIfKnown + `
and ` + state + ` == 0
and ` + silent + `
)
* ignoring (because) group_left (because) topk without (because) (1,
  label_replace(max without (instance, pod) (last_over_time(healthcheck_in_maintenance{<m>}[2m])), "because", "maintenance", "", "")
  or ignoring (because)
  max without (instance, pod, by) (label_replace(last_over_time(healthcheck_blocked{<m>}[2m]), "because", "blocked by $1", "by", "(.*)"))
)
* ignoring (because, reason) group_left (reason) topk without (reason) (1,
  max without (instance, pod) (last_over_time(healthcheck_failure{<m>}[2m]))
)`}),
		table("No fresh result", "Up to 100 checks each that have no completed run in three intervals, have never run, or hang and do not return.",
			12, 8, "Last result", true,
			[]column{checkColumn(), {"Value #A", "Last result", []property{unit("s")}}, {"Value #B", "Never ran", []property{maps(values(map[string]object{"1": text("yes", warning)}))}}, {"Value #C", "Stuck", []property{maps(values(map[string]object{"1": text("yes", bad)}))}}, {"job", "", nil}},
			query{expr: "topk(100, " + stale + ")"},
			query{expr: "topk(100, group without () (" + neverRan + "))"},
			query{expr: `topk(100, max without (instance, pod, reason) (last_over_time(healthcheck_failure{<m>, reason="stuck"}[2m])))`},
		),
		table("Failing components", "Up to 100 components that the /status of other programs says are FAIL (checks of the kind status).",
			12, 8, "check", false,
			[]column{checkColumn(), {"component", "Component", nil}, {"Value", "State", []property{maps(okOrFail), colored(), levels(healthy())}}, {"job", "", nil}},
			query{expr: `topk(100, max without (instance, pod) (last_over_time(healthcheck_component_status{<m>}[2m])) == 0)`}).
			needsDefault(),
		table("Exporters that are down", "Up to 100 exporters that Prometheus could not scrape.",
			12, 8, "instance", false,
			[]column{{"instance", "", []property{goTo(exporterLink("__data.fields"))}}, {"Value", "Up", []property{maps(yesOrNo), colored(), levels(healthy())}}, {"job", "", nil}},
			query{expr: `topk(100, up{<m>} == 0)`}),
	}
}

func overviewHistory() []*panel {
	return []*panel{
		stateTimeline("State of checks that fail or change most", "The 40 checks that are FAIL at the end of the time range or changed their state most often in it. A FAIL of any length is seen, at least as wide as one step.",
			14, query{expr: `max without (instance, pod) (min_over_time(healthcheck_status{<m>}[$__rate_interval]))
and
topk(40,
  1000000 * (1 - max without (instance, pod) (last_over_time(healthcheck_status{<m>}[$__range] @ end())))
  + max without (instance, pod) ` + changes + `
)`, legend: "{{check}} ({{job}})"}).
			thresholds(healthy()).mappings(okOrFail).links(checkLink("__field.labels")),
		graph("Checks by state", "Number of checks in each state. FAIL has those in it that are silent.",
			"short", 12,
			query{countOf(state+" == 0", state), "FAIL"},
			query{countOf(state+" == 1", state), "OK"},
			query{countOf(neverRan, state), "never ran"}).
			stacked().fromZero().
			override("FAIL", fixedColor(bad)).override("OK", fixedColor(good)).override("never ran", fixedColor(warning)),
		graph("Failed runs by reason", "Failed runs of all checks per minute, by reason. A single failure counts, also where the threshold of the check keeps its state OK.",
			"cpm", 12,
			query{`60 * sum by (reason) (rate(healthcheck_failures_total{<m>}[$__rate_interval]))`, "{{reason}}"}).
			stacked().fromZero().needsDefault(),
	}
}

func overviewWorst() []*panel {
	const (
		worst       = "bottomk(50, " + availability + ")"
		certificate = `(min without (instance, pod) (last_over_time(healthcheck_tls_certificate_not_after_timestamp_seconds{<m>}[2m])) - time()) / 86400`
		share       = `topk(50, max without (instance, pod) (last_over_time(healthcheck_duration_seconds{<m>}[2m]) / last_over_time(healthcheck_timeout_seconds{<m>}[2m])))`
		slowest     = `max without (instance, pod) (last_over_time(healthcheck_duration_seconds{<m>}[2m])) and ` + share + `
or
topk(50, max without (instance, pod) (
  last_over_time(healthcheck_duration_seconds{<m>}[2m])
  unless
  last_over_time(healthcheck_timeout_seconds{<m>}[2m])
))`
	)
	percent := []property{unit("percentunit"), digits(2), colored(), levels(shareGood())}
	return []*panel{
		table("Worst availability", "The 50 checks with the lowest share of successful runs in the time range. The last column, over 30 days, is from the recording rules in alerts/ and empty without them.",
			12, 10, "Availability", false,
			[]column{checkColumn(), {"Value #A", "Availability", percent}, {"Value #B", "Failed runs", []property{unit("short"), digits(0)}}, {"Value #C", "30 days", percent}, {"job", "", nil}},
			query{expr: worst},
			query{expr: `sum without (instance, pod, result) (increase(healthcheck_runs_total{<m>, result="fail"}[$__range])) and ` + worst},
			query{expr: `check:healthcheck_availability:ratio30d{<m>} and ` + worst}),
		table("Most changes of state", "The 50 checks that changed most often between OK and FAIL in the time range.",
			12, 10, "Changes", true,
			[]column{checkColumn(), {"Value", "Changes", []property{unit("short"), digits(0)}}, {"job", "", nil}},
			query{expr: `topk(50, max without (instance, pod) ` + changes + ` > 0.5)`}),
		table("Certificates", "The 50 certificates that expire first. Not verified are those that no trusted authority has signed or that are for another name; whether they are is not in the metrics profile lean.",
			12, 10, "Days left", false,
			[]column{checkColumn(), {"Value #A", "Days left", []property{unit("d"), digits(1), colored(), levels(daysLeft())}}, {"Value #B", "Verified", []property{maps(yesOrNo), colored(), levels(healthy())}}, {"target", "Target", nil}, {"job", "", nil}},
			query{expr: "bottomk(50, " + certificate + ")\n* ignoring (name, kind, target) group_left (target) " + info},
			query{expr: `max without (instance, pod) (last_over_time(healthcheck_tls_certificate_verified{<m>}[2m])) and bottomk(50, ` + certificate + ")"}),
		table("Slowest", "The 50 checks whose last run took the largest share of their timeout, and the 50 that took longest in the metrics profile lean, which has no timeouts. The last column, over 30 minutes, is from the recording rules in alerts/; it is empty without them or where histograms are off.",
			12, 10, "Of timeout", true,
			[]column{checkColumn(), {"Value #A", "Of timeout", []property{unit("percentunit"), digits(1), colored(), levels(steps(good, above(0.5, warning), above(0.8, bad)))}}, {"Value #B", "Last run", []property{unit("s")}}, {"Value #C", "99th percentile", []property{unit("s")}}, {"job", "", nil}},
			query{expr: share},
			query{expr: slowest},
			query{expr: `check:healthcheck_run_duration_seconds:p99_30m{<m>} and (` + slowest + `)`}),
	}
}
