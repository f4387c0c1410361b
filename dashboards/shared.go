package dashboards

// What the dashboards share: variables, links, and PromQL. In a query <m> stands for the matchers of the dashboard.

// Unique and stable, since alerts and people link to them.
const (
	overviewUID = "healthcheck-overview"
	checkUID    = "healthcheck-check"
	exporterUID = "healthcheck-exporter"
)

func newDashboard(uid, title, description string) *dashboard {
	d := &dashboard{
		UID: uid, Title: title, Description: description,
		Tags: []string{"healthcheck"}, SchemaVersion: schemaVersion, Editable: true, GraphTooltip: 1,
		Timezone: "browser", Time: timeRange{From: "now-6h", To: "now"}, Refresh: "30s",
		Annotations: annotations{List: []annotation{}},
	}
	for _, l := range []struct{ uid, title, tooltip string }{
		{overviewUID, "Overview", "All checks"},
		{checkUID, "One check", "Everything that is known of one check"},
		{exporterUID, "Exporter", "The exporters and programs that run the checks"},
	} {
		if l.uid != uid {
			d.Links = append(d.Links, link{
				Type: "link", Title: l.title, Tooltip: l.tooltip, URL: "/d/" + l.uid, Icon: "dashboard",
				Tags: []string{}, IncludeVars: true, KeepTime: true,
			})
		}
	}
	return d
}

// checkLink opens the dashboard of one check; scope is where the labels job and check are found: __data.fields in a
// table, __field.labels in a graph.
func checkLink(scope string) dataLink {
	return dataLink{Title: "This check", URL: "/d/" + checkUID +
		"?${datasource:queryparam}&var-job=${" + scope + ".job:percentencode}&var-check=${" + scope + ".check:percentencode}" +
		"&${filters:queryparam}&${__url_time_range}"}
}

// exporterLink opens the dashboard of one exporter.
func exporterLink(scope string) dataLink {
	return dataLink{Title: "This exporter", URL: "/d/" + exporterUID +
		"?${datasource:queryparam}&var-job=${" + scope + ".job:percentencode}&var-instance=${" + scope + ".instance:percentencode}" +
		"&${filters:queryparam}&${__url_time_range}"}
}

func dataSourceVariable() variable {
	return variable{
		Name: "datasource", Label: "Data source", Description: "The Prometheus that scrapes the exporters.",
		Type: "datasource", Query: "prometheus",
	}
}

// labelVariable offers the values that a label of a series has. With several, All is offered and selected. An allValue
// spares the query a long list of alternatives.
func labelVariable(label, title, description, series, allValue string, several bool) variable {
	v := variable{
		Name: label, Label: title, Description: description, Type: "query", DataSource: &prometheus,
		Query:      object{"query": "label_values(" + series + ", " + label + ")", "refId": "variable-" + label, "qryType": 1},
		Multi:      &several,
		IncludeAll: &several,
		AllValue:   allValue,
		Refresh:    2, Sort: 7,
	}
	if several {
		v.Current = &variableOption{Text: []string{"All"}, Value: []string{"$__all"}}
	}
	return v
}

func jobVariable() variable {
	// No allValue: the list bounds up{job=~"$job"} to exporters.
	return labelVariable("job", "Job", "Scrape jobs with checks.", "healthcheck_overall_status", "", true)
}

func filterVariable() variable {
	return variable{
		Name: "filters", Label: "Filters", Description: "Any other label, such as team, severity or namespace. It is added to every query.",
		Type: "adhoc", DataSource: &prometheus, Filters: &[]object{},
	}
}

var (
	okOrFail = values(map[string]object{"0": text("FAIL", bad), "1": text("OK", good)})
	ifKnown  = object{"type": "special", "options": object{"match": "nan", "result": object{"text": "unknown"}}}
	yesOrNo  = values(map[string]object{"0": text("no", bad), "1": text("yes", good)})
)

// healthy is red at 0 and green at 1.
func healthy() thresholds { return steps(bad, above(1, good)) }

// shareGood is for a share of successful runs.
func shareGood() thresholds { return steps(bad, above(0.99, warning), above(0.999, good)) }

// daysLeft is for certificates; the alerts begin at 21 and at 7 days.
func daysLeft() thresholds { return steps(bad, above(7, warning), above(21, good)) }

// The range of 2m carries what is known of a check over a restart, a lost scrape, and while it moves to another exporter,
// as in the alerts.
const (
	// state is that of a check over its replicas, from the alerts' recording rule where it is loaded: 1 OK, 0 FAIL.
	state = `(check:healthcheck_status:max{<m>} or max without (instance, pod) (last_over_time(healthcheck_status{<m>}[2m])))`

	// silent is there for checks that do not page: in maintenance, or blocked by one they depend on, unless a replica
	// says FAIL that is not blocked.
	silent = `(
  max without (instance, pod) (last_over_time(healthcheck_in_maintenance{<m>}[2m]))
  or
  max without (instance, pod, by) (last_over_time(healthcheck_blocked{<m>}[2m]))
  unless
  max without (instance, pod) (
    last_over_time(healthcheck_status{<m>}[2m]) == 0
    unless ignoring (by) last_over_time(healthcheck_blocked{<m>}[2m])
  )
)`

	// since is when the state of a check changed, in milliseconds, as Grafana wants times.
	since = `1000 * max without (instance, pod) (last_over_time(healthcheck_status_since_timestamp_seconds{<m>}[2m]))`

	// sinceIfKnown is since, and not a number where the lean profile of metrics leaves out when that was.
	sinceIfKnown = `(
  ` + since + `
  or
  0 / 0 * max without (instance, pod) (last_over_time(healthcheck_status{<m>}[2m]))
)`

	// changes are those of the state in the time range: by the counter, or those that scrapes have seen where the lean profile of
	// metrics leaves it out.
	changes = `(
  increase(healthcheck_status_changes_total{<m>}[$__range] @ end())
  or
  changes(healthcheck_status{<m>}[$__range] @ end())
)`

	// withReason adds the label reason: the one of now, or else the last one.
	withReason = `
* ignoring (reason) group_left (reason) topk without (reason) (1,
  max without (instance, pod) (healthcheck_failure{<m>})
  or ignoring (reason)
  max without (instance, pod) (last_over_time(healthcheck_failure{<m>}[2m]))
)`

	// info has one series for each check, even while replicas disagree on its labels, and also where the lean profile of metrics
	// leaves them out.
	info = `(
  topk without (name, kind, target) (1, max without (instance, pod) (last_over_time(healthcheck_info{<m>}[2m])))
  or ignoring (name, kind, target)
  group without (instance, pod) (last_over_time(healthcheck_interval_seconds{<m>}[2m]))
)`

	// availability is the share of successful runs in the time range, by the counters, so that failures between two
	// scrapes count.
	availability = `sum without (instance, pod, result) (increase(healthcheck_runs_total{<m>, result="ok"}[$__range]))
/ (sum without (instance, pod, result) (increase(healthcheck_runs_total{<m>}[$__range])) > 0)`

	// age is the time since the last completed run, at the last scrape, by the clock of the exporter as in the alerts; by that of
	// Prometheus where a filter, such as one on team, leaves out the series of the exporter.
	age = `min without (instance, pod) (
  timestamp(healthcheck_last_run_timestamp_seconds{<m>}) - healthcheck_last_run_timestamp_seconds{<m>}
  - on (cluster, namespace, job, instance, pod) group_left ()
  max by (cluster, namespace, job, instance, pod) (timestamp(healthcheck_time_seconds{<m>}) - healthcheck_time_seconds{<m>})
  or
  timestamp(healthcheck_last_run_timestamp_seconds{<m>}) - healthcheck_last_run_timestamp_seconds{<m>}
)`

	stale = age + `
> max without (instance, pod) (clamp_min(3 * healthcheck_interval_seconds{<m>}, 60))`

	neverRan = `max without (instance, pod) (last_over_time(healthcheck_interval_seconds{<m>}[2m]))
unless max without (instance, pod) (last_over_time(healthcheck_last_run_timestamp_seconds{<m>}[2m]))`
)

// countOf counts the series of a query: 0 where there are others of everything, and nothing where nothing is known.
func countOf(q, everything string) string {
	return "count(" + q + ")\nor\n0 * count(" + everything + ")"
}
