package dashboards_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
)

// spared are the queries, by panel, that use metrics which the lean profile leaves out, and have something else for them. That
// they do is seen in a Prometheus, by TestLeanQueries.
var spared = map[string]bool{
	"Failing now A":     true,
	"Failing, silent A": true,
	"State of checks that fail or change most A": true,
	"Most changes of state A":                    true,
	"Certificates A":                             true,
	"Slowest B":                                  true,
	"Slowest C":                                  true,
	"Changes A":                                  true,
	"What is checked A":                          true,
	"State by exporter A":                        true,
}

// profiles returns the leanest profile that has a metric, by the name of the metric.
func profiles() map[string]collector.Profile {
	of := make(map[string]collector.Profile)
	for _, f := range collector.Families() {
		of[f.Name] = f.Profile
	}
	return of
}

// TestPanelsSayWhatTheyNeed holds the metrics that panels ask for against the profiles: the default one has them all, and
// whoever has the lean one is told where something is missing, and why.
func TestPanelsSayWhatTheyNeed(t *testing.T) {
	of, usedSpared := profiles(), make(map[string]bool)
	each(t, func(t *testing.T, d dashboard) {
		for _, p := range d.Panels {
			var missing, whole int
			for _, g := range p.Targets {
				needs := false
				for _, m := range selector.FindAllStringSubmatch(g.Expr, -1) {
					profile := of[m[1]]
					assert.NotEqual(t, collector.ProfileFull, profile, "%s asks for %s", p.Title, m[1])
					needs = needs || profile == collector.ProfileDefault
				}
				name := p.Title + " " + g.RefID
				if needs && spared[name] {
					usedSpared[name] = true
					needs = false
				}
				if needs {
					missing++
				} else {
					whole++
				}
			}
			assert.Equal(t, missing > 0 && whole == 0, strings.HasSuffix(p.Description, " Needs the metrics profile default."), p.Title)
			assert.Equal(t, missing > 0 && whole > 0, strings.Contains(p.Description, "metrics profile lean"), p.Title)
		}
		for _, a := range d.Annotations.List {
			for _, m := range selector.FindAllStringSubmatch(a.Target.Expr, -1) {
				assert.NotEqual(t, collector.ProfileFull, of[m[1]], a.Name)
			}
		}
		for _, v := range d.Templating.List {
			if series, _ := v.series(); series != "" {
				name, _, _ := strings.Cut(series, "{")
				assert.Equal(t, collector.ProfileLean, of[name], v.Name)
			}
		}
	})
	assert.Equal(t, spared, usedSpared)
}
