package dashboards_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/dashboards"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// The parts of a dashboard that the tests look at.
type (
	dashboard struct {
		ID            *int
		UID           string
		Title         string
		Description   string
		SchemaVersion int
		Links         []struct{ URL string }
		Templating    struct{ List []variable }
		Annotations   struct{ List []annotation }
		Panels        []panel
	}
	variable struct {
		Name, Label, Description, Type string
		DataSource                     *dataSource
		Query                          any
		Hide                           int
	}
	annotation struct {
		Name       string
		DataSource dataSource
		Target     target
	}
	panel struct {
		ID                       int
		Type, Title, Description string
		DataSource               dataSource
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []target
		FieldConfig              struct{ Defaults struct{ Unit string } }
	}
	target struct {
		RefID, Expr, Format string
		DataSource          dataSource
		Instant, Range      bool
	}
	dataSource struct{ Type, UID string }
)

var theDataSource = dataSource{Type: "prometheus", UID: "${datasource}"}

func TestFilesAreGenerated(t *testing.T) {
	files, err := dashboards.JSON()
	require.NoError(t, err)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		for name, content := range files {
			require.NoError(t, os.WriteFile(name, content, 0o644))
		}
	}
	for name, content := range files {
		committed, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, string(content), string(committed), "run UPDATE_GOLDEN=1 go test ./dashboards")
	}
	committed, err := filepath.Glob("*.json")
	require.NoError(t, err)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(files)), committed)
}

// read returns the committed dashboards by uid.
func read(t *testing.T) map[string]dashboard {
	t.Helper()
	names, err := filepath.Glob("*.json")
	require.NoError(t, err)
	require.Len(t, names, 3)
	all := make(map[string]dashboard)
	for _, name := range names {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		var d dashboard
		require.NoError(t, json.Unmarshal(content, &d), name)
		assert.Equal(t, d.UID+".json", name)
		all[d.UID] = d
	}
	return all
}

// each calls f for each dashboard, as a test of its own.
func each(t *testing.T, f func(t *testing.T, d dashboard)) {
	for uid, d := range read(t) {
		t.Run(uid, func(t *testing.T) { f(t, d) })
	}
}

// queries returns every PromQL expression of a dashboard, by where it is.
func (d *dashboard) queries() map[string]string {
	all := make(map[string]string)
	for _, p := range d.Panels {
		for _, g := range p.Targets {
			all[p.Title+" "+g.RefID] = g.Expr
		}
	}
	for _, a := range d.Annotations.List {
		all[a.Name] = a.Target.Expr
	}
	for _, v := range d.Templating.List {
		if series, _ := v.series(); series != "" {
			all["variable "+v.Name] = series
		}
	}
	return all
}

var labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)

// series returns the series and the label whose values a variable offers.
func (v *variable) series() (series, label string) {
	query, _ := v.Query.(map[string]any)
	text, _ := query["query"].(string)
	if m := labelValues.FindStringSubmatch(text); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

func TestImportsWithoutAnEdit(t *testing.T) {
	each(t, func(t *testing.T, d dashboard) {
		content, err := os.ReadFile(d.UID + ".json")
		require.NoError(t, err)
		for _, key := range []string{"__inputs", "__requires", "__elements", "pluginVersion", "DS_PROMETHEUS"} {
			assert.NotContains(t, string(content), key)
		}
		assert.Contains(t, string(content), `"id": null`)
		assert.Nil(t, d.ID)
		assert.Regexp(t, `^[a-z-]{8,40}$`, d.UID)
		assert.NotEmpty(t, d.Description)
		assert.Equal(t, 42, d.SchemaVersion)
	})
}

func TestDataSourceIsTheVariable(t *testing.T) {
	each(t, func(t *testing.T, d dashboard) {
		require.Equal(t, "datasource", d.Templating.List[0].Name)
		require.Equal(t, "datasource", d.Templating.List[0].Type)
		require.Equal(t, "prometheus", d.Templating.List[0].Query)
		for _, v := range d.Templating.List[1:] {
			if assert.NotNil(t, v.DataSource, v.Name) {
				assert.Equal(t, theDataSource, *v.DataSource, v.Name)
			}
		}
		for _, a := range d.Annotations.List {
			assert.Equal(t, theDataSource, a.DataSource, a.Name)
			assert.Equal(t, theDataSource, a.Target.DataSource, a.Name)
		}
		for _, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			assert.Equal(t, theDataSource, p.DataSource, p.Title)
			assert.NotEmpty(t, p.Targets, p.Title)
			for _, g := range p.Targets {
				assert.Equal(t, theDataSource, g.DataSource, p.Title)
			}
		}
	})
}

func TestVariables(t *testing.T) {
	want := map[string][]string{
		"healthcheck-overview": {"datasource", "job", "filters"},
		"healthcheck-check":    {"datasource", "job", "check", "instance", "filters"},
		"healthcheck-exporter": {"datasource", "job", "instance", "filters"},
	}
	reference := regexp.MustCompile(`\$\{?(\w+)`)
	each(t, func(t *testing.T, d dashboard) {
		var names []string
		for _, v := range d.Templating.List {
			names = append(names, v.Name)
			assert.NotEmpty(t, v.Label, v.Name)
			assert.NotEmpty(t, v.Description, v.Name)
			assert.Zero(t, v.Hide, v.Name)
			if v.Type == "query" {
				_, label := v.series()
				assert.Equal(t, v.Name, label)
			}
		}
		require.Equal(t, want[d.UID], names)
		known := slices.Concat(names, []string{"__rate_interval", "__range", "1"}) // $1 is a group of label_replace
		for where, q := range d.queries() {
			for _, m := range reference.FindAllStringSubmatch(q, -1) {
				assert.Contains(t, known, m[1], where)
			}
		}
	})
}

func TestPanelsExplainThemselves(t *testing.T) {
	each(t, func(t *testing.T, d dashboard) {
		titles := make(map[string]bool)
		for _, p := range d.Panels {
			assert.NotEmpty(t, p.Title, "panel %d", p.ID)
			if p.Type == "row" {
				continue
			}
			assert.NotEmpty(t, p.FieldConfig.Defaults.Unit, p.Title)
			assert.Regexp(t, `^[A-Z].{20,}\.$`, p.Description, p.Title)
			assert.False(t, titles[p.Title], "two panels are called %q", p.Title)
			titles[p.Title] = true
		}
	})
}

func TestPanelsDoNotOverlap(t *testing.T) {
	each(t, func(t *testing.T, d dashboard) {
		ids := make(map[int]bool)
		cells := make(map[[2]int]string)
		for _, p := range d.Panels {
			assert.Positive(t, p.ID, p.Title)
			assert.False(t, ids[p.ID], "id %d is used twice", p.ID)
			ids[p.ID] = true
			g := p.GridPos
			assert.LessOrEqual(t, g.X+g.W, 24, p.Title)
			assert.Positive(t, g.W*g.H, p.Title)
			for x := g.X; x < g.X+g.W; x++ {
				for y := g.Y; y < g.Y+g.H; y++ {
					assert.Empty(t, cells[[2]int{x, y}], "%s overlaps", p.Title)
					cells[[2]int{x, y}] = p.Title
				}
			}
		}
	})
}

var (
	selector = regexp.MustCompile(`([\w:]*)\{([^}]*)\}`)
	window   = regexp.MustCompile(`(\w+)\(([\w:]+)\{[^}]*\}\[([^\]]+)\]`)
)

func TestSelectorsHaveMatchers(t *testing.T) {
	each(t, func(t *testing.T, d dashboard) {
		for where, q := range d.queries() {
			if where == "variable job" {
				continue
			}
			found := selector.FindAllStringSubmatch(q, -1)
			assert.NotEmpty(t, found, where)
			for _, m := range found {
				name, matchers := m[1], m[2]
				assert.Contains(t, matchers, `job=~"$job"`, where)
				isRecorded := strings.Contains(name, ":")
				switch d.UID {
				case "healthcheck-check":
					if where != "variable check" {
						assert.Contains(t, matchers, `check="$check"`, where)
					}
					assert.Equal(t, !isRecorded && !strings.HasPrefix(where, "variable"), strings.Contains(matchers, `instance=~"$instance"`), where)
				case "healthcheck-exporter":
					assert.Equal(t, !strings.HasPrefix(where, "variable"), strings.Contains(matchers, `instance=~"$instance"`), where)
				}
			}
		}
	})
}

// A rate over less than some scrapes has gaps, over more than a step it hides what happened; Grafana knows both. The whole
// range is for totals, and 2m for what is so now, as in the alerts.
func TestWindows(t *testing.T) {
	allowed := map[string][]string{
		"rate":            {"$__rate_interval"},
		"min_over_time":   {"$__rate_interval"},
		"max_over_time":   {"$__rate_interval", "$__range"},
		"avg_over_time":   {"$__range"},
		"last_over_time":  {"2m", "$__range"},
		"increase":        {"$__range"},
		"changes":         {"$__range"},
		"increase/budget": {"1h", "6h", "3d", "30d"},
	}
	each(t, func(t *testing.T, d dashboard) {
		for where, q := range d.queries() {
			found := window.FindAllStringSubmatch(q, -1)
			assert.Len(t, found, strings.Count(q, "["), where)
			for _, m := range found {
				function := m[1]
				if strings.HasPrefix(where, "Burn rate") || strings.HasPrefix(where, "Budget left, 30 days") {
					function += "/budget"
				}
				assert.Contains(t, allowed[function], m[3], "%s: %s", where, m[0])
			}
		}
	})
}

// TestMetricsExist holds every name that a query asks for against what is emitted.
func TestMetricsExist(t *testing.T) {
	known := emitted(t)
	words := regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
	grouping := regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right) \([^)]*\)`)
	function := regexp.MustCompile(`\w+\s*\(`)
	quoted := regexp.MustCompile(`"[^"]*"`)
	each(t, func(t *testing.T, d dashboard) {
		for where, q := range d.queries() {
			for _, m := range selector.FindAllStringSubmatch(q, -1) {
				if name := m[1]; name != "" {
					assert.Contains(t, known, name, where)
				} else {
					assert.Contains(t, m[2], "__name__=~", where)
				}
			}
			// What is left without selectors, functions and the like would be a metric without matchers.
			rest := selector.ReplaceAllString(q, "")
			for _, r := range []*regexp.Regexp{regexp.MustCompile(`\[[^\]]*\]`), grouping, function, quoted} {
				rest = r.ReplaceAllString(rest, " ")
			}
			for _, word := range words.FindAllString(rest, -1) {
				if where == "variable job" {
					assert.Contains(t, known, word, where)
					continue
				}
				assert.Contains(t, []string{"and", "or", "unless", "by", "without"}, word, where)
			}
		}
	})
}

// emitted returns the names of the series that there can be.
func emitted(t *testing.T) map[string]bool {
	names := map[string]bool{
		// Prometheus makes these itself.
		"up": true, "scrape_duration_seconds": true, "scrape_samples_scraped": true,
		// The exporter's, beside its collector's.
		"healthcheck_exporter_build_info":                                   true,
		"healthcheck_exporter_config_last_reload_successful":                true,
		"healthcheck_exporter_config_last_reload_success_timestamp_seconds": true,
	}
	for _, f := range collector.Families() {
		names[f.Name] = true
		if f.Type == "histogram" {
			names[f.Name+"_bucket"], names[f.Name+"_sum"], names[f.Name+"_count"] = true, true, true
		}
	}
	answer := httptest.NewRecorder()
	exporter.MetricsHandler(&healthcheck.Registry{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(answer.Body.String(), -1) {
		names[m[1]] = true
		if m[2] == "histogram" || m[2] == "summary" {
			names[m[1]+"_bucket"], names[m[1]+"_sum"], names[m[1]+"_count"] = true, true, true
		}
	}
	rules, err := os.ReadFile("../alerts/healthcheck.rules.yml")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`(?m)record: (\S+)$`).FindAllStringSubmatch(string(rules), -1) {
		names[m[1]] = true
	}
	return names
}

// TestEveryMeasureIsShown has those of the full profile alone be in the table of everything.
func TestEveryMeasureIsShown(t *testing.T) {
	check := read(t)["healthcheck-check"]
	all := strings.Join(slices.Collect(maps.Values(check.queries())), "\n")
	of := profiles()
	for _, m := range healthcheck.Measures() {
		name := "healthcheck_" + m.Name()
		if of[name] != collector.ProfileFull && !strings.HasPrefix(m.Name(), "dashboard_test_") {
			assert.Contains(t, all, name+"{")
		}
	}
}

func TestLinks(t *testing.T) {
	all := read(t)
	address := regexp.MustCompile(`/d/([\w-]+)([^"'\s]*)`)
	passed := regexp.MustCompile(`var-(\w+)=`)
	links := func(t *testing.T, in string) map[string]int {
		to := make(map[string]int)
		for _, m := range address.FindAllStringSubmatch(in, -1) {
			require.Contains(t, all, m[1])
			to[m[1]]++
			for _, v := range passed.FindAllStringSubmatch(m[2], -1) {
				assert.True(t, slices.ContainsFunc(all[m[1]].Templating.List, func(o variable) bool { return o.Name == v[1] }), m[0])
			}
		}
		return to
	}
	each(t, func(t *testing.T, d dashboard) {
		content, err := os.ReadFile(d.UID + ".json")
		require.NoError(t, err)
		to := links(t, string(content))
		for uid := range all {
			if uid != d.UID {
				assert.Positive(t, to[uid], "no link to %s", uid)
				assert.True(t, slices.ContainsFunc(d.Links, func(l struct{ URL string }) bool { return l.URL == "/d/"+uid }))
			}
		}
	})
	t.Run("alerts", func(t *testing.T) {
		rules, err := os.ReadFile("../alerts/healthcheck.rules.yml")
		require.NoError(t, err)
		assert.Len(t, links(t, string(rules)), 3)
	})
}

// Every check is linked to from the tables and timelines that name it.
func TestRowsLinkToTheCheck(t *testing.T) {
	content, err := os.ReadFile("healthcheck-overview.json")
	require.NoError(t, err)
	var tables, linked int
	for _, p := range strings.Split(string(content), `"gridPos"`)[1:] {
		if strings.Contains(p, "__data.fields.check") || strings.Contains(p, "__field.labels.check") {
			linked++
		}
	}
	for _, p := range read(t)["healthcheck-overview"].Panels {
		if p.Type == "table" || p.Type == "state-timeline" {
			tables++
		}
	}
	assert.Equal(t, tables-1, linked, "all but the table of exporters")
}
