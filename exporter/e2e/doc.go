// Package e2e tests the whole chain with the real programs: exporter, Prometheus with the rules of this repository,
// Alertmanager with its example of a configuration, and a webhook that is told. There is no code to import. Run it with
//
//	HEALTHCHECK_TOOLS=/folder/with/prometheus go test -tags tools ./exporter/e2e -v
//
// where the folder, or PATH, has prometheus, promtool, alertmanager and amtool. HEALTHCHECK_PROMETHEUS_OLD may name one
// more prometheus, such as an older one with its promtool beside it; everything is then run with both.
//
// All times of the rules and of Alertmanager are divided by the same number, and so are the intervals of scrapes and
// runs. TestRestarts and TestOutage divide by less, since programs start and evaluate no faster; HEALTHCHECK_SHORTER=1 runs
// TestRestarts at full length.
package e2e
