package dashboards

// exporter shows the programs that run checks, exporters and others. Of many, graphs show the 20 with the highest values.
func exporter() *dashboard {
	d := newDashboard(exporterUID, "Healthcheck / Exporter",
		"The exporters, and the programs that contain checks: whether they are scraped, keep their schedule, have read their configuration, and what they cost.")
	d.Templating.List = []variable{
		dataSourceVariable(),
		jobVariable(),
		labelVariable("instance", "Instance", "The exporters.", `healthcheck_overall_status{job=~"$job"}`, ".+", true),
		filterVariable(),
	}
	d.Panels = layout(`job=~"$job", instance=~"$instance"`,
		row{"Now", exporterNow()},
		row{"Scrapes", exporterScrapes()},
		row{"Runner", exporterRunner()},
		row{"Process", exporterProcess()},
	)
	return d
}

// highest limits a query to the 20 exporters where a metric, or the increase of a counter, was highest in the time range.
func highest(expr, rank string) query {
	return query{expr + "\nand on (job, instance)\ntopk(20, " + rank + ")", "{{instance}}"}
}

func highestGauge(metric string) query {
	return highest(metric+"{<m>}", "max_over_time("+metric+"{<m>}[$__range] @ end())")
}

func highestRate(metric string) query {
	return highest("rate("+metric+"{<m>}[$__rate_interval])", "increase("+metric+"{<m>}[$__range] @ end())")
}

func exporterNow() []*panel {
	sum := func(metric string) query { return query{expr: `sum(healthcheck_` + metric + `{<m>})`} }
	return []*panel{
		stat("Up", "Exporters that Prometheus scrapes with success, of all.", "short", 3,
			query{`sum(up{<m>})`, "up"}, query{`count(up{<m>} == 0) or 0 * count(up{<m>})`, "down"}).
			thresholds(steps(plain)).
			override("down", levels(steps(good, above(1, bad)))).override("up", levels(steps(bad, above(1, good)))),
		stat("Overall", "Exporters whose /status answers 200 and 503.", "short", 3,
			query{`sum(healthcheck_overall_status{<m>})`, "OK"}, query{`sum(1 - healthcheck_overall_status{<m>})`, "FAIL"}).
			override("FAIL", levels(steps(good, above(1, bad)))).override("OK", levels(steps(plain, above(1, good)))),
		stat("Checks", "Checks by state, replicas counted one by one.", "short", 5,
			query{`sum by (status) (healthcheck_checks{<m>})`, "{{status}}"}).
			override("fail", levels(steps(good, above(1, bad)))).override("ok", levels(steps(plain, above(1, good)))),
		stat("Configuration", "Whether the last reading of the configuration succeeded on all exporters. Programs without a configuration do not count.", "none", 4,
			query{expr: `min(healthcheck_exporter_config_last_reload_successful{<m>})`}).
			thresholds(healthy()).mappings(values(map[string]object{"0": text("refused", bad), "1": text("read", good)})).noValue("none"),
		stat("Stuck", "Runs past their timeout that have not returned. Each costs a goroutine until it does.", "short", 3, sum("runner_stuck_checks")).
			thresholds(steps(good, above(1, bad))),
		stat("Skipped", "Due runs in the time range that were not started because the last one had not ended.", "short", 3,
			query{expr: `sum(increase(healthcheck_skipped_runs_total{<m>}[$__range])) or 0 * count(healthcheck_overall_status{<m>})`}).
			thresholds(steps(good, above(1, warning))).decimals(0).needsDefault(),
		stat("Panics", "Panics recovered in checks in the time range.", "short", 3,
			query{expr: `sum(increase(healthcheck_runner_panics_total{<m>}[$__range]))`}).
			thresholds(steps(good, above(1, bad))).decimals(0),
		table("Exporters", "Up to 100 exporters and programs, those with the most failing checks first.", 24, 8, "Failing", true,
			[]column{{"instance", "", []property{goTo(exporterLink("__data.fields"))}}, {"job", "", nil}, {"Value #A", "Failing", []property{unit("short"), colored(), levels(steps(good, above(1, bad)))}}, {"Value #B", "Checks", []property{unit("short")}}, {"Value #C", "Started", []property{unit("dateTimeFromNow")}}, {"Value #D", "Configuration read", []property{unit("dateTimeFromNow")}}, {"Value #E", "Memory", []property{unit("bytes")}}, {"version", "Version", nil}, {"Value #F", "-", nil}},
			query{expr: mostFailing},
			query{expr: `sum by (job, instance) (healthcheck_checks{<m>}) and on (job, instance) ` + mostFailing},
			query{expr: `1000 * max by (job, instance) (process_start_time_seconds{<m>}) and on (job, instance) ` + mostFailing},
			query{expr: `1000 * max by (job, instance) (healthcheck_exporter_config_last_reload_success_timestamp_seconds{<m>}) and on (job, instance) ` + mostFailing},
			query{expr: `max by (job, instance) (process_resident_memory_bytes{<m>}) and on (job, instance) ` + mostFailing},
			query{expr: `max by (job, instance, version) (healthcheck_exporter_build_info{<m>}) and on (job, instance) ` + mostFailing}),
	}
}

const mostFailing = `topk(100, max by (job, instance) (healthcheck_checks{<m>, status="fail"}))`

func exporterScrapes() []*panel {
	return []*panel{
		graph("Duration of scrapes", "How long Prometheus took to scrape. It does not grow with the time that checks take: a scrape runs none.",
			"s", 12, highestGauge("scrape_duration_seconds")).fromZero(),
		graph("Samples per scrape", "Samples that a scrape brings.",
			"short", 12, highestGauge("scrape_samples_scraped")).fromZero(),
		graph("Requests for metrics", "Requests for the metrics per second, by status code, over all exporters.",
			"reqps", 12, query{`sum by (code) (rate(promhttp_metric_handler_requests_total{<m>}[$__rate_interval]))`, "{{code}}"}).
			stacked().fromZero(),
		graph("Exporters up", "Exporters that were scraped with success, and that were not.",
			"short", 12, query{`sum(up{<m>})`, "up"}, query{`sum(1 - up{<m>})`, "down"}).
			stacked().fromZero().override("up", fixedColor(good)).override("down", fixedColor(bad)),
	}
}

func exporterRunner() []*panel {
	const delay = "healthcheck_runner_start_delay_seconds"
	return []*panel{
		graph("Lateness", "How late runs start after they are due, the slowest in a hundred. An alert tells of more than a second.",
			"s", 12, highest(`histogram_quantile(0.99, rate(`+delay+`_bucket{<m>}[$__rate_interval]))`,
				`increase(`+delay+`_sum{<m>}[$__range] @ end()) / increase(`+delay+`_count{<m>}[$__range] @ end())`)).fromZero(),
		heatmap("Lateness of all runs", "How many runs started how late, over all exporters.",
			"s", 12, query{`sum by (le) (rate(` + delay + `_bucket{<m>}[$__rate_interval]))`, "{{le}}"}),
		graph("Running", "Runs under way, and, above them, how many may be at once on one exporter (--runner.concurrency).",
			"short", 12, highestGauge("healthcheck_runner_running_checks"),
			query{`min(healthcheck_runner_max_running_checks{<m>} > 0)`, "limit"}).
			fromZero().override("limit", fixedColor(bad), property{"custom.fillOpacity", 0}),
		graph("Stuck runs", "Runs past their timeout that have not returned.",
			"short", 12, highestGauge("healthcheck_runner_stuck_checks")).fromZero(),
		graph("Runs", "Completed runs per second by result, over all exporters.",
			"ops", 12, query{`sum by (result) (rate(healthcheck_runs_total{<m>}[$__rate_interval]))`, "{{result}}"}).
			stacked().fromZero().override("ok", fixedColor(good)).override("fail", fixedColor(bad)),
		graph("Skipped and panics", "Due runs that were not started because the last one had not ended, and panics recovered, per minute over all exporters. In the metrics profile lean there are no skipped ones.",
			"cpm", 12,
			query{`60 * sum(rate(healthcheck_skipped_runs_total{<m>}[$__rate_interval]))`, "skipped"},
			query{`60 * sum(rate(healthcheck_runner_panics_total{<m>}[$__rate_interval]))`, "panics"}).
			fromZero(),
		stateTimeline("Readings of the configuration", "Whether the last reading of the configuration succeeded: the 20 exporters where it most often did not. A refused one changes nothing: the one before stays in force.",
			6, query{`min_over_time(healthcheck_exporter_config_last_reload_successful{<m>}[$__rate_interval])
and on (job, instance)
bottomk(20, avg_over_time(healthcheck_exporter_config_last_reload_successful{<m>}[$__range] @ end()))`, "{{instance}}"}).
			thresholds(healthy()).mappings(values(map[string]object{"0": text("refused", bad), "1": text("read", good)})),
	}
}

func exporterProcess() []*panel {
	return []*panel{
		graph("CPU", "CPU time used per second: 1 is one core.",
			"none", 12, highestRate("process_cpu_seconds_total")).fromZero(),
		graph("Memory", "Resident memory of the process.",
			"bytes", 12, highestGauge("process_resident_memory_bytes")).fromZero(),
		graph("Heap", "Memory of live and not yet collected objects.",
			"bytes", 12, highestGauge("go_memstats_heap_alloc_bytes")).fromZero(),
		graph("Goroutines", "Goroutines. A steady rise is a leak, or checks that hang.",
			"short", 12, highestGauge("go_goroutines")).fromZero(),
		graph("Open files", "File descriptors in use, as a share of those that are allowed.",
			"percentunit", 12, highest(`process_open_fds{<m>} / process_max_fds{<m>}`,
				`max_over_time(process_open_fds{<m>}[$__range] @ end())`)).fromZero(),
		graph("Garbage collection", "Time per second in which the program stood still for the collector.",
			"percentunit", 12, highest(`rate(go_gc_duration_seconds_sum{<m>}[$__rate_interval])`,
				`increase(go_gc_duration_seconds_sum{<m>}[$__range] @ end())`)).fromZero(),
	}
}
