package dashboards

// oneCheck shows one check. A check on many machines that are not replicas has up to 20 of them shown apart.
func oneCheck() *dashboard {
	d := newDashboard(checkUID, "Healthcheck / One check",
		"Everything that is known of one check: its state and history, why it failed, how long it took, what it measured, and its error budget.")
	d.Templating.List = []variable{
		dataSourceVariable(),
		jobVariable(),
		labelVariable("check", "Check", "The check, by its endpoint.", `healthcheck_interval_seconds{job=~"$job"}`, "", false),
		labelVariable("instance", "Instance", "The exporters that run the check; all of them together decide its state.",
			`healthcheck_interval_seconds{job=~"$job", check="$check"}`, ".+", true),
		filterVariable(),
	}
	d.Annotations.List = []annotation{
		stateChange("Became FAIL", bad, "FAIL: {{reason}}", `max without (instance, pod) (
  1000 * healthcheck_failure{<m>} * ignoring (reason) group_left () healthcheck_status_since_timestamp_seconds{<m>}
)`),
		stateChange("Became OK", good, "OK", `max without (instance, pod) (
  1000 * healthcheck_status_since_timestamp_seconds{<m>} and healthcheck_status{<m>} == 1
)`),
	}
	d.Panels = layout(checkMatchers,
		row{"Now", checkNow()},
		row{"State", checkHistory()},
		row{"Duration", checkDuration()},
		row{"Error budget", checkBudget()},
		row{"Schedule", checkSchedule()},
		row{"What it measures", checkMeasures()},
	)
	return d
}

const (
	checkMatchers = `job=~"$job", instance=~"$instance", check="$check"`
	// recorded are the matchers for series of recording rules, which have no instance.
	recorded = `job=~"$job", check="$check"`

	okRuns  = `sum(increase(healthcheck_runs_total{<m>, result="ok"}[$__range]))`
	allRuns = `sum(increase(healthcheck_runs_total{<m>}[$__range]))`

	// budget is the share of runs that may fail, from the recording rules, or else their default.
	budget = `scalar(max(check:healthcheck_error_budget:ratio{` + recorded + `}) or vector(0.001))`
)

// stateChange marks the times that a query has for values, in milliseconds.
func stateChange(name, color, title, expr string) annotation {
	return annotation{
		Name: name, DataSource: prometheus, Enable: true, IconColor: color,
		TitleFormat: title, TextFormat: "{{check}}", TagKeys: "job", UseValueForTime: true,
		Target: target{
			RefID: "Anno", DataSource: prometheus, EditorMode: "code", Expr: expand(expr, checkMatchers),
			Format: "time_series", Range: true,
		},
	}
}

func checkNow() []*panel {
	const defined = `topk(20,
  last_over_time(healthcheck_interval_seconds{<m>}[2m])
  * ignoring (name, kind, target) group_right () last_over_time(healthcheck_info{<m>}[2m])
  or ignoring (name, kind, target)
  last_over_time(healthcheck_interval_seconds{<m>}[2m])
)`
	silentNow := `max(last_over_time(healthcheck_in_maintenance{<m>}[2m])) * 2 or max(last_over_time(healthcheck_blocked{<m>}[2m])) or 0 * max(last_over_time(healthcheck_interval_seconds{<m>}[2m]))`
	return []*panel{
		stat("State", "State after thresholds: OK while any replica says so.", "none", 3,
			query{expr: `max(` + stateOf(recorded) + `)`}).
			thresholds(healthy()).mappings(okOrFail).options(object{"colorMode": "background"}).noValue("unknown"),
		stat("Since", "When the state changed last.", "dateTimeFromNow", 3,
			query{expr: `max(` + since + `)`}).noValue("unknown").needsDefault(),
		stat("Reason", "Why the last run failed, while the state is FAIL.", "none", 3,
			query{`group by (reason) (healthcheck_failure{<m>})`, "{{reason}}"}).
			thresholds(steps(bad)).options(object{"textMode": "name"}).noValue("none"),
		stat("Alerts", "Whether alerts tell of this check: not while one that it depends on is FAIL, nor in maintenance.", "none", 3,
			query{expr: silentNow}).
			mappings(values(map[string]object{"0": text("on", good), "1": text("blocked", muted), "2": text("maintenance", neutral)})),
		stat("Last run", "When the last run ended.", "dateTimeFromNow", 3,
			query{expr: `1000 * max(last_over_time(healthcheck_last_run_timestamp_seconds{<m>}[2m]))`}),
		stat("Last success", "When the last run that succeeded ended.", "dateTimeFromNow", 3,
			query{expr: `1000 * max(last_over_time(healthcheck_last_success_timestamp_seconds{<m>}[2m]))`}).noValue("never").needsDefault(),
		stat("Successful runs", "Share of runs in the time range that succeeded.", "percentunit", 3,
			query{expr: okRuns + ` / ` + allRuns}).
			thresholds(shareGood()).decimals(3),
		stat("Changes", "Changes of the state in the time range.", "short", 3,
			query{expr: `max` + changes}).decimals(0),
		table("What is checked", "The definition of the check on each exporter, at most 20; in the metrics profile lean the interval alone.", 24, 5, "instance", false,
			[]column{{"name", "Name", nil}, {"kind", "Kind", nil}, {"target", "Target", nil}, {"instance", "", []property{goTo(exporterLink("__data.fields"))}}, {"Value #A", "Interval", []property{unit("s")}}, {"Value #B", "Timeout", []property{unit("s")}}, {"job", "", nil}},
			query{expr: defined},
			query{expr: `last_over_time(healthcheck_timeout_seconds{<m>}[2m]) and on (job, instance) ` + defined}),
	}
}

// stateOf is the state of the check, by the recording rule where it is loaded.
func stateOf(rule string) string {
	return `max by (job, check) (check:healthcheck_status:max{` + rule + `}) or max by (job, check) (last_over_time(healthcheck_status{<m>}[2m]))`
}

func checkHistory() []*panel {
	timelineStates := []object{okOrFail, values(map[string]object{"2": text("blocked", muted), "3": text("maintenance", neutral)})}
	return []*panel{
		stateTimeline("State and last runs", "The state after thresholds above the raw results of runs, each over all replicas, and when alerts were silent. A FAIL of any length is seen, at least as wide as one step.",
			7,
			query{`max(min_over_time(healthcheck_status{<m>}[$__rate_interval]))`, "state"},
			query{`max(floor(
  sum without (result) (rate(healthcheck_runs_total{<m>, result="ok"}[$__rate_interval]))
  / (sum without (result) (rate(healthcheck_runs_total{<m>}[$__rate_interval])) > 0)
))`, "runs"},
			query{`2 * max by (by) (max_over_time(healthcheck_blocked{<m>}[$__rate_interval]))`, "blocked by {{by}}"},
			query{`3 * max(max_over_time(healthcheck_in_maintenance{<m>}[$__rate_interval]))`, "maintenance"}).
			thresholds(healthy()).mappings(timelineStates...),
		stateTimeline("State by exporter", "The state on each exporter: the 20 that are FAIL at the end of the time range or changed most often in it.",
			8, query{`min_over_time(healthcheck_status{<m>}[$__rate_interval])
and on (job, instance)
topk(20,
  1000000 * (1 - last_over_time(healthcheck_status{<m>}[$__range] @ end()))
  + ` + changes + `
)`, "{{instance}}"}).
			thresholds(healthy()).mappings(okOrFail).links(exporterLink("__field.labels")),
		graph("Runs", "Completed runs per minute by result, and due runs that were skipped because the last one had not ended, which are not in the metrics profile lean.",
			"cpm", 12,
			query{`60 * sum by (result) (rate(healthcheck_runs_total{<m>}[$__rate_interval]))`, "{{result}}"},
			query{`60 * sum(rate(healthcheck_skipped_runs_total{<m>}[$__rate_interval]))`, "skipped"}).
			stacked().fromZero().
			override("ok", fixedColor(good)).override("fail", fixedColor(bad)).override("skipped", fixedColor(warning)),
		graph("Failed runs by reason", "Failed runs per minute by reason. A single failure counts, also where the threshold keeps the state OK.",
			"cpm", 12,
			query{`60 * sum by (reason) (rate(healthcheck_failures_total{<m>}[$__rate_interval]))`, "{{reason}}"}).
			stacked().fromZero().needsDefault(),
	}
}

func checkDuration() []*panel {
	quantile := func(q, name string) query {
		return query{`histogram_quantile(` + q + `, sum(rate(healthcheck_run_duration_seconds{<m>}[$__rate_interval])))
or
histogram_quantile(` + q + `, sum by (le) (rate(healthcheck_run_duration_seconds_bucket{<m>}[$__rate_interval])))`, name}
	}
	return []*panel{
		graph("Duration", "Duration of the last run on the slowest exporter against the timeout, which is not in the metrics profile lean, and quantiles of all runs where histograms are on.",
			"s", 12,
			query{`max(healthcheck_duration_seconds{<m>})`, "last run"},
			query{`min(healthcheck_timeout_seconds{<m>})`, "timeout"},
			quantile("0.5", "median"),
			quantile("0.99", "99th percentile")).
			fromZero().
			override("timeout", fixedColor(bad), property{"custom.lineStyle", object{"fill": "dash", "dash": []int{10, 10}}}, property{"custom.fillOpacity", 0}),
		heatmap("Durations of all runs", "How many runs took how long, where the exporter has --metrics.duration-histogram on: native histograms, or else classic ones.",
			"s", 12,
			query{`sum(rate(healthcheck_run_duration_seconds{<m>}[$__rate_interval]))`, ""},
			query{`sum by (le) (rate(healthcheck_run_duration_seconds_bucket{<m>}[$__rate_interval]))
unless on ()
sum(rate(healthcheck_run_duration_seconds{<m>}[$__rate_interval]))`, "{{le}}"}),
		graph("Phases", "What the last run spent its time on, for the kinds http, tcp, udp, tls, grpc, icmp and unix, on the slowest exporter in each phase.",
			"s", 12,
			query{`max by (phase) (healthcheck_http_phase_duration_seconds{<m>})`, "{{phase}}"},
			query{`max by (phase) (healthcheck_tcp_phase_duration_seconds{<m>})`, "{{phase}}"},
			query{`max by (phase) (healthcheck_udp_phase_duration_seconds{<m>})`, "{{phase}}"},
			query{`max by (phase) (healthcheck_tls_phase_duration_seconds{<m>})`, "{{phase}}"},
			query{`max by (phase) (healthcheck_grpc_phase_duration_seconds{<m>})`, "{{phase}}"},
			query{`max by (phase) (healthcheck_icmp_phase_duration_seconds{<m>})`, "{{phase}}"},
			query{`max by (phase) (healthcheck_unix_phase_duration_seconds{<m>})`, "{{phase}}"}).
			stacked().fromZero().needsDefault(),
		graph("Share of the timeout", "Duration of the last run as a share of the timeout, on the 20 exporters where it is largest. An alert tells of 80 % and more.",
			"percentunit", 12,
			query{`healthcheck_duration_seconds{<m>} / healthcheck_timeout_seconds{<m>}
and on (job, instance)
topk(20, max_over_time(healthcheck_duration_seconds{<m>}[$__range] @ end()))`, "{{instance}}"}).
			fromZero().marked(steps(good, above(0.8, bad))).needsDefault(),
	}
}

func checkBudget() []*panel {
	// burn is how many times faster than the objective allows the budget was used up over a window.
	burn := func(window string) query {
		return query{`(1 - (
  max(check:healthcheck_availability:ratio` + window + `{` + recorded + `})
  or
  sum(increase(healthcheck_runs_total{<m>, result="ok"}[` + window + `])) / sum(increase(healthcheck_runs_total{<m>}[` + window + `]))
)) / ` + budget, window}
	}
	left := steps(bad, above(0, warning), above(0.25, good))
	return []*panel{
		stat("Budget left, 30 days", "Share of the error budget of the last 30 days that is left; below zero the objective was missed. From the recording rules, which leave out maintenance, or else from the counters. The objective is the label objective of the check, by default 99.9 %.",
			"percentunit", 6, query{expr: `1 - (1 - (
  max(check:healthcheck_availability:ratio30d{` + recorded + `})
  or
  sum(increase(healthcheck_runs_total{<m>, result="ok"}[30d])) / sum(increase(healthcheck_runs_total{<m>}[30d]))
)) / ` + budget}).
			thresholds(left).decimals(1),
		stat("Budget left, time range", "Share of the error budget of the time range that is left, from the counters.",
			"percentunit", 6, query{expr: `1 - (1 - ` + okRuns + ` / ` + allRuns + `) / ` + budget}).
			thresholds(left).decimals(1),
		stat("Objective", "The share of runs that must succeed: the label objective of the check, by default 99.9 %.",
			"percentunit", 6, query{expr: `1 - ` + budget}).decimals(3),
		stat("Failed runs", "Failed runs in the time range, over all replicas.",
			"short", 6, query{expr: `sum(increase(healthcheck_runs_total{<m>, result="fail"}[$__range]))`}).
			thresholds(steps(good, above(1, bad))).decimals(0),
		graph("Burn rate", "How many times faster than the objective allows the error budget is used up, over windows of an hour, six hours and three days; at 1 it lasts 30 days. Alerts tell of 14.4 in an hour, 6 in six hours, and 1 in three days.",
			"none", 24, burn("1h"), burn("6h"), burn("3d")).fromZero(),
	}
}

func checkSchedule() []*panel {
	return []*panel{
		graph("Age of the last result", "Time since the last run ended when the exporter was scraped, on the 20 exporters with the oldest results. It goes up to the interval; above three intervals an alert tells of it.",
			"s", 12,
			query{`timestamp(healthcheck_last_run_timestamp_seconds{<m>}) - healthcheck_last_run_timestamp_seconds{<m>}
and on (job, instance)
bottomk(20, last_over_time(healthcheck_last_run_timestamp_seconds{<m>}[$__range] @ end()))`, "{{instance}}"},
			query{`max(healthcheck_interval_seconds{<m>})`, "interval"},
			query{`3 * max(healthcheck_interval_seconds{<m>})`, "three intervals"}).
			fromZero().
			override("interval", fixedColor(good), property{"custom.fillOpacity", 0}).
			override("three intervals", fixedColor(bad), property{"custom.fillOpacity", 0}),
		graph("Runs due and completed", "Runs per minute that the interval asks for, and those that were completed, over all exporters. A failing interval makes them more.",
			"cpm", 12,
			query{`60 * sum(1 / healthcheck_interval_seconds{<m>})`, "due"},
			query{`60 * sum(rate(healthcheck_runs_total{<m>}[$__rate_interval]))`, "completed"}).
			fromZero(),
	}
}

func checkMeasures() []*panel {
	// of is a measure on the exporter where it is lowest or highest.
	of := func(how, metric, legend string) query {
		return query{how + ` (healthcheck_` + metric + `{<m>})`, legend}
	}
	free := func(part, whole, legend string) query {
		return query{`min(healthcheck_` + part + `{<m>} / healthcheck_` + whole + `{<m>})`, legend}
	}
	return []*panel{
		graph("Certificate", "Days until the certificate expires, the earliest of the chain, for checks over TLS.",
			"d", 12,
			query{`(min(healthcheck_tls_certificate_not_after_timestamp_seconds{<m>}) - time()) / 86400`, "days left"}).
			marked(daysLeft()),
		table("TLS", "When the certificate expires, and whether a trusted authority has signed it for this name, which is not in the metrics profile lean; on at most 20 exporters.",
			12, 8, "instance", false,
			[]column{{"instance", "", nil}, {"Value #A", "Verified", []property{maps(yesOrNo), colored(), levels(healthy())}}, {"Value #B", "Expires", []property{unit("dateTimeFromNow")}}, {"job", "", nil}},
			query{expr: `topk(20, healthcheck_tls_certificate_verified{<m>})`},
			query{expr: `bottomk(20, 1000 * healthcheck_tls_certificate_not_after_timestamp_seconds{<m>})`}),
		graph("Certificates one by one", "Days until each certificate expires that the server presents, or that is in a file, for checks of kind tls; those of 20 files that expire first. OCSP is the response that the server staples to its certificate.",
			"d", 12,
			query{`(min by (chain_position) (healthcheck_tls_chain_not_after_timestamp_seconds{<m>}) - time()) / 86400`, "{{chain_position}}"},
			query{`(min(healthcheck_tls_ocsp_next_update_timestamp_seconds{<m>}) - time()) / 86400`, "OCSP"},
			query{`bottomk(20, (min by (certificate_file) (healthcheck_tls_file_not_after_timestamp_seconds{<m>}) - time()) / 86400)`, "{{certificate_file}}"}).
			marked(daysLeft()).needsDefault(),
		graph("Codes and counts", "What the target answered: status code of HTTP, response code and records of DNS, exit code of a program, datagrams that were sent again.",
			"none", 12,
			of("max", "http_status_code", "HTTP status"),
			of("max", "dns_rcode", "DNS response code"), of("min", "dns_answers", "DNS answers"),
			of("max", "exec_exit_code", "exit code"), of("max", "udp_resent_datagrams", "datagrams sent again")).
			needsDefault(),
		graph("Sizes", "Bytes of the file system, and of memory.",
			"bytes", 12,
			of("min", "filesystem_avail_bytes", "file system, available"), of("min", "filesystem_size_bytes", "file system"),
			of("min", "memory_available_bytes", "memory, available"), of("min", "memory_total_bytes", "memory")).
			fromZero().needsDefault(),
		graph("Shares left", "What is left of space, inodes and memory, on the exporter with the least.",
			"percentunit", 12,
			free("filesystem_avail_bytes", "filesystem_size_bytes", "space"),
			free("filesystem_files_free", "filesystem_files", "inodes"),
			free("memory_available_bytes", "memory_total_bytes", "memory")).
			limits(0, 1).needsDefault(),
		graph("CPU time", "CPU time that the last run of the program took, on the exporter where it is largest.",
			"s", 12, of("max", "exec_cpu_seconds", "CPU")).fromZero().needsDefault(),
		graph("Duration of steps", "How long each step of an HTTP check took, on the exporter where it took longest.",
			"s", 12,
			query{`max by (step) (sum without (phase) (healthcheck_http_step_phase_duration_seconds{<m>}))`, "{{step}}"}).
			stacked().fromZero().needsDefault(),
		graph("Status of steps", "Status code that was the answer to each step of an HTTP check.",
			"none", 12,
			query{`max by (step) (healthcheck_http_step_status_code{<m>})`, "{{step}}"}).
			needsDefault(),
		graph("Duration of DNS servers", "How long each of several DNS servers took to answer, on the exporter where it took longest.",
			"s", 12,
			query{`max by (server) (healthcheck_dns_server_duration_seconds{<m>})`, "{{server}}"}).
			fromZero().needsDefault(),
		graph("Answers of DNS servers", "What each of several DNS servers answered: whether that was expected (1) or not (0), response code, records, and the serial number of the zone.",
			"none", 12,
			query{`min by (server) (healthcheck_dns_server_success{<m>})`, "{{server}}, success"},
			query{`max by (server) (healthcheck_dns_server_rcode{<m>})`, "{{server}}, response code"},
			query{`min by (server) (healthcheck_dns_server_answers{<m>})`, "{{server}}, answers"},
			query{`min by (server) (healthcheck_dns_server_soa_serial{<m>})`, "{{server}}, serial"}).
			needsDefault(),
		graph("Round trips", "Round-trip times of echo requests, shortest, mean and longest, and how much one differs from the one before, on the exporter where they are longest.",
			"s", 12,
			query{`max by (stat) (healthcheck_icmp_rtt_seconds{<m>})`, "{{stat}}"},
			of("max", "icmp_jitter_seconds", "jitter")).
			fromZero().needsDefault(),
		graph("Lost packets", "Share of the echo requests without an answer, on the exporter where it is highest.",
			"percentunit", 12, of("max", "icmp_loss_ratio", "lost")).limits(0, 1).needsDefault(),
		graph("Packets", "Echo requests that were sent, and answered, on the exporter with the fewest, and the hop limit that the last answer came with: a change of it is a change of the way.",
			"none", 12,
			of("min", "icmp_sent_packets", "sent"), of("min", "icmp_received_packets", "answered"), of("min", "icmp_reply_hop_limit", "hop limit")).
			decimals(0).needsDefault(),
		graph("gRPC services", "What the server says of each service, on the exporter where that is highest: 0 UNKNOWN, 1 SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN; and the status code that it ended the call with, 0 is OK.",
			"none", 12,
			query{`max by (grpc_service) (healthcheck_grpc_serving_status{<m>})`, "{{grpc_service}}"},
			query{`max by (grpc_service) (healthcheck_grpc_status_code{<m>})`, "{{grpc_service}}, status code"}).
			decimals(0).needsDefault(),
		graph("Processes", "Processes that were found, their threads, and the open files of the one that has most, on the exporter where that is highest.",
			"none", 12,
			of("max", "process_count", "processes"), of("max", "process_threads", "threads"), of("max", "process_open_files", "open files")).
			decimals(0).fromZero().needsDefault(),
		graph("CPU of processes", "Cores that the processes used between two runs, on the exporter where that is highest.",
			"none", 12, of("max", "process_cpu_cores", "cores")).fromZero().needsDefault(),
		graph("Memory of processes", "Resident memory of the processes, on the exporter where that is highest.",
			"bytes", 12, of("max", "process_resident_memory_bytes", "resident")).fromZero().needsDefault(),
		graph("Age of processes", "How long the oldest of the processes has run: a restart begins it again. On the exporter where it is youngest.",
			"s", 12, query{`time() - max(healthcheck_process_oldest_start_timestamp_seconds{<m>})`, "oldest"}).fromZero().needsDefault(),
		graph("Units by state", "Units of systemd by their active state, on the exporter where they are most.",
			"none", 12,
			query{`max by (active_state) (healthcheck_systemd_units{<m>})`, "{{active_state}}"}).
			decimals(0).stacked().fromZero().needsDefault(),
		graph("Restarts of units", "How often services were started again by themselves, on the exporter where that is highest.",
			"none", 12,
			query{`max by (systemd_unit) (healthcheck_systemd_unit_restarts{<m>})`, "{{systemd_unit}}"}).
			decimals(0).fromZero().needsDefault(),
		graph("Since the last change of units", "How long units of systemd have been in their state, and since timers last started their units, on the exporter where that was last.",
			"s", 12,
			query{`time() - max by (systemd_unit) (healthcheck_systemd_unit_state_change_timestamp_seconds{<m>})`, "{{systemd_unit}}"},
			query{`time() - max by (systemd_unit) (healthcheck_systemd_timer_last_trigger_timestamp_seconds{<m>})`, "{{systemd_unit}}, trigger"}).
			fromZero().needsDefault(),
		graph("Memory of units", "Memory of units of systemd, file cache included, on the exporter where that is highest.",
			"bytes", 12,
			query{`max by (systemd_unit) (healthcheck_systemd_unit_memory_bytes{<m>})`, "{{systemd_unit}}"}).
			fromZero().needsDefault(),
		graph("Tasks of units", "Processes and threads of units of systemd, on the exporter where they are most.",
			"none", 12,
			query{`max by (systemd_unit) (healthcheck_systemd_unit_tasks{<m>})`, "{{systemd_unit}}"}).
			decimals(0).fromZero().needsDefault(),
		graph("DNS times", "Shortest time to live of the records in the answer, and the time until the first of its DNSSEC signatures expires.",
			"s", 12,
			of("min", "dns_answer_ttl_seconds", "time to live"),
			query{`min(healthcheck_dns_signature_expiry_timestamp_seconds{<m>}) - time()`, "signature"}).
			needsDefault(),
		graph("Serials apart", "How far apart the serial numbers of a zone are at its DNS servers.",
			"none", 12, of("max", "dns_soa_serial_difference", "difference")).fromZero().needsDefault(),
		graph("Values", "Values that the check measured by name, such as the performance data of a plugin: the 20 highest.",
			"none", 12,
			query{`max by (value) (healthcheck_value{<m>})
and on (value)
topk(20, max by (value) (last_over_time(healthcheck_value{<m>}[$__range] @ end())))`, "{{value}}"}).
			needsDefault(),
		graph("Serial of the zone", "Serial number in the SOA record, for DNS checks of that type.",
			"none", 12, of("max", "dns_soa_serial", "serial")).decimals(0).needsDefault(),
		stateTimeline("Components", "State of the components of the program, for the kind status: the 30 that are FAIL at the end of the time range, or were most often in it.",
			9, query{`max by (component) (min_over_time(healthcheck_component_status{<m>}[$__rate_interval]))
and on (component)
bottomk(30,
  max by (component) (last_over_time(healthcheck_component_status{<m>}[$__range] @ end()))
  + max by (component) (avg_over_time(healthcheck_component_status{<m>}[$__range] @ end()))
)`, "{{component}}"}).
			thresholds(healthy()).mappings(okOrFail).needsDefault(),
		table("Everything measured", "Every value of the last run that the metrics profile of the check has, also of measures that programs define themselves; at most 200.",
			24, 9, "__name__", false,
			[]column{{"__name__", "Metric", nil}, {"Value", "", nil}, {"instance", "", nil}, {"job", "", nil}},
			query{expr: `topk(200, {<m>, __name__=~"healthcheck_.+", __name__!~"healthcheck_(status|last_run_success|failure|duration_seconds|run_duration_seconds.*|runs_total|failures_total|status_changes_total|skipped_runs_total|last_run_timestamp_seconds|last_success_timestamp_seconds|status_since_timestamp_seconds|interval_seconds|timeout_seconds|blocked|in_maintenance|info)"})`}),
	}
}
