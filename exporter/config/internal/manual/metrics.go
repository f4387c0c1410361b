package manual

import (
	"fmt"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// MetricsPath is where the reference of metrics is in the module.
const MetricsPath = "docs/metrics.md"

const metricsIntro = `<!-- Made by "make docs" from the sources. Change the help texts there. -->

# The metrics

Every series of a check has the label ` + "`check`" + `, its endpoint, and the labels configured for the check. No sample carries a
timestamp, and no label a URL, an address or the text of an error, but for ` + "`target`" + ` of ` + "`healthcheck_info`" + `, which has no
credentials in it. Labels that a check may not set, as they have a meaning already: RESERVED.

The *profile* is the leanest that has the metric: what ` + "`lean`" + ` has, ` + "`default`" + ` and ` + "`full`" + ` have too.

` + "`reason`" + ` is one of REASONS.

` + "`healthcheck_run_duration_seconds`" + ` is there with ` + "`--metrics.duration-histogram=native`, `classic` or `both`" + `.

`

// Metrics returns the reference of all metrics, in Markdown. Root is that of the module.
func (m *Manual) Metrics(root string) ([]byte, error) {
	kinds, err := m.measurers(root)
	if err != nil {
		return nil, err
	}
	own, err := ownFamilies(root)
	if err != nil {
		return nil, err
	}
	var checks, measures, whole []collector.Family
	for _, f := range collector.Families() {
		switch _, isMeasure := kinds[strings.TrimPrefix(f.Name, "healthcheck_")]; {
		case isMeasure:
			measures = append(measures, f)
		case f.PerCheck:
			checks = append(checks, f)
		default:
			whole = append(whole, f)
		}
	}
	var b strings.Builder
	b.WriteString(strings.NewReplacer("RESERVED", codes(healthcheck.ReservedLabels()), "REASONS", codes(reasons())).Replace(metricsIntro))
	profile := func(f *collector.Family) string { return "`" + string(f.Profile) + "`" }
	families(&b, "Of each check", "profile", checks, profile)
	families(&b, "What kinds measure", "kind | profile", measures, func(f *collector.Family) string {
		list := kinds[strings.TrimPrefix(f.Name, "healthcheck_")]
		for i, kind := range list {
			list[i] = fmt.Sprintf("[%s](configuration.md#%[1]s)", kind)
		}
		return strings.Join(list, ", ") + " | " + profile(f)
	})
	families(&b, "Of the whole", "", whole, nil)
	families(&b, "Of the exporter itself", "", own, nil)
	b.WriteString("\nBeside these there are `go_…`, `process_…` and `promhttp_…`, as every Prometheus client in Go has them.\n")
	return []byte(b.String()), nil
}

// reasons returns why a run can fail, in the order of their numbers.
func reasons() []string {
	var list []string
	for r := healthcheck.ReasonNone + 1; r <= healthcheck.ReasonError; r++ {
		list = append(list, r.String())
	}
	return list
}

func codes(list []string) string { return "`" + strings.Join(list, "`, `") + "`" }

// families writes a table with a further column, if it has a title.
func families(b *strings.Builder, title, further string, list []collector.Family, cellOf func(*collector.Family) string) {
	columns := []string{"metric", "type", "labels"}
	if further != "" {
		columns = append(columns, strings.Split(further, " | ")...)
	}
	columns = append(columns, "meaning")
	fmt.Fprintf(b, "## %s\n\n| %s |\n|%s\n", title, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for i := range list {
		f := &list[i]
		labels := ""
		if len(f.Labels) > 0 {
			labels = codes(slices.Sorted(slices.Values(f.Labels)))
		}
		cells := []string{"`" + f.Name + "`", f.Type, labels}
		if cellOf != nil {
			cells = append(cells, cellOf(f))
		}
		fmt.Fprintf(b, "| %s | %s |\n", strings.Join(cells, " | "), cell(f.Help))
	}
	b.WriteString("\n")
}
