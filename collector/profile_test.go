package collector_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	_ "github.com/healthcheck-exporter/healthcheck_exporter/exporter/config" // has all kinds
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
)

// families returns the families that there are with all kinds, by name, without those of tests.
func families() map[string]collector.Family {
	all := make(map[string]collector.Family)
	for _, f := range collector.Families() {
		if !strings.HasPrefix(f.Name, "healthcheck_test_") {
			all[f.Name] = f
		}
	}
	return all
}

// TestProfiles has what is in the lean profile, and what is in the full one alone.
func TestProfiles(t *testing.T) {
	of := make(map[collector.Profile][]string)
	for _, f := range families() {
		if f.PerCheck {
			of[f.Profile] = append(of[f.Profile], strings.TrimPrefix(f.Name, "healthcheck_"))
		} else {
			assert.Equal(t, collector.ProfileLean, f.Profile, "%s is not of one check", f.Name)
		}
	}
	assert.ElementsMatch(t, []string{
		"status", "failure", "duration_seconds", "runs_total", "last_run_timestamp_seconds", "interval_seconds", "blocked",
		"in_maintenance", "tls_certificate_not_after_timestamp_seconds", "run_duration_seconds",
	}, of[collector.ProfileLean])
	assert.ElementsMatch(t, []string{
		"last_run_success", "filesystem_readonly", "http_redirects", "process_cpu_seconds", "process_zombies", "http_response_body_bytes", "status_components",
		"tls_version_info", "tls_chain_info", "tls_chain_key_bits", "tls_chain_not_before_timestamp_seconds", "tls_files",
		"tls_file_certificates", "tls_file_verified", "tls_ocsp_info", "tls_version_offered", "tls_weak_cipher_offered",
	}, of[collector.ProfileFull])
	assert.NotEmpty(t, of[collector.ProfileDefault])
	for _, m := range healthcheck.Measures() {
		f := families()["healthcheck_"+m.Name()]
		assert.False(t, f.Profile == collector.ProfileLean && m.NumLabels() > 0, "%s may be any number of series", m.Name())
	}
}

// TestFamilies holds what is said of the families against what is served.
func TestFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := sampleRegistry(t)
		c := collector.New(reg, collector.WithHistogram(collector.HistogramBoth))
		_, err := reg.RunCheck(t.Context(), "ok")
		require.NoError(t, err)
		known := make(map[string]collector.Family)
		for _, f := range collector.Families() {
			assert.NotContains(t, known, f.Name)
			known[f.Name] = f
		}
		served := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))
		for name, f := range served {
			d := known[name]
			assert.Equal(t, strings.ToLower(f.GetType().String()), d.Type, name)
			assert.Equal(t, f.GetHelp(), d.Help, name)
			for _, m := range f.GetMetric() {
				names, ofCheck := labelNames(m), slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == "check" })
				assert.Equal(t, d.PerCheck, ofCheck, name)
				if ofCheck {
					names = labelsBeside(m, reg)
					names = slices.DeleteFunc(names, func(n string) bool { return n == "check" })
				}
				assert.ElementsMatch(t, d.Labels, names, name)
			}
		}
		for _, m := range healthcheck.Measures() {
			delete(known, "healthcheck_"+m.Name())
		}
		for name := range known {
			assert.Contains(t, served, name)
		}
	})
}

func labelNames(m *dto.Metric) []string {
	var names []string
	for _, l := range m.GetLabel() {
		names = append(names, l.GetName())
	}
	return names
}

// TestProfileOfTheCollector has checks in every state, of which each profile leaves out what it does not have.
func TestProfileOfTheCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := sampleRegistry(t)
		everything := decodeProto(t, get(t, collector.Handler(collector.New(reg), collector.HandlerOptions{}), acceptProto, ""))
		for _, p := range append(collector.Profiles(), "unknown") {
			c := collector.New(reg, collector.WithProfile(p))
			agreeOn(t, c)
			want := maps.Clone(everything)
			for _, f := range collector.Families() {
				if slices.Index(collector.Profiles(), f.Profile) > slices.Index(collector.Profiles(), p) && p != "unknown" {
					delete(want, f.Name)
				}
			}
			got := decodeProto(t, get(t, collector.Handler(c, collector.HandlerOptions{}), acceptProto, ""))
			assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), p)
			for name, f := range got {
				assert.Len(t, f.GetMetric(), len(want[name].GetMetric()), name)
			}
		}
	})
}

// TestProfileOfACheck has checks that choose for themselves, among others that do not.
func TestProfileOfACheck(t *testing.T) {
	reg := &healthcheck.Registry{}
	check := func(endpoint, metrics string) healthcheck.Check {
		return healthcheck.Check{Endpoint: endpoint, Metrics: metrics, Checker: checkerFunc(func(context.Context) healthcheck.Result {
			return healthcheck.Result{Values: []healthcheck.Value{{Measure: measurePlain, Value: 1}}}
		})}
	}
	for _, metrics := range []string{"lean", "default", "full", "", "unknown"} {
		require.NoError(t, reg.Register(check("is-"+metrics, metrics)))
	}
	reg.Run(t.Context())
	series := func(c *collector.Collector, endpoint string) []string {
		var found []string
		for line := range strings.Lines(string(get(t, collector.Handler(c, collector.HandlerOptions{}), acceptText, ""))) {
			if name, rest, ok := strings.Cut(line, "{"); ok && strings.Contains(rest, `check="`+endpoint+`"`) {
				found = append(found, strings.TrimPrefix(name, "healthcheck_"))
			}
		}
		return found
	}
	for _, of := range collector.Profiles() {
		c := collector.New(reg, collector.WithProfile(of))
		agreeOn(t, c)
		for _, p := range collector.Profiles() {
			got := series(c, "is-"+string(p))
			assert.Equal(t, p == collector.ProfileFull, slices.Contains(got, "last_run_success"))
			assert.Equal(t, p != collector.ProfileLean, slices.Contains(got, "test_ratio"))
			assert.Contains(t, got, "status")
		}
		assert.Equal(t, series(c, "is-"+string(of)), series(c, "is-"))
		assert.Equal(t, series(c, "is-"+string(of)), series(c, "is-unknown"))

		require.NoError(t, reg.Update(check("is-lean", "full")))
		assert.Contains(t, series(c, "is-lean"), "last_run_success", "a reload changed it")
		require.NoError(t, reg.Update(check("is-lean", "lean")))
		assert.NotContains(t, series(c, "is-lean"), "last_run_success")
	}
}

func TestParseProfile(t *testing.T) {
	for _, p := range collector.Profiles() {
		got, err := collector.ParseProfile(string(p))
		require.NoError(t, err)
		assert.Equal(t, p, got)
	}
	_, err := collector.ParseProfile("fat")
	assert.EqualError(t, err, `metrics profile "fat": want one of ["lean" "default" "full"]`)
}

// seriesOf returns how many series of one check a scrape has.
func seriesOf(t *testing.T, reg *healthcheck.Registry, p collector.Profile) (n int) {
	t.Helper()
	for line := range strings.Lines(string(get(t, collector.Handler(collector.New(reg, collector.WithProfile(p)), collector.HandlerOptions{}), acceptText, ""))) {
		if strings.Contains(line, `{check="web"`) {
			n++
		}
	}
	return n
}

// TestSeriesOfAnHTTPCheck counts what somebody pays for.
func TestSeriesOfAnHTTPCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		secure bool
		want   [3]int // by profile
	}{
		{"http", http.StatusOK, false, [3]int{6, 16, 19}},
		{"http, failing", http.StatusTeapot, false, [3]int{7, 17, 20}},
		{"https", http.StatusOK, true, [3]int{7, 19, 23}},
		{"https, failing", http.StatusTeapot, true, [3]int{8, 20, 24}},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.status) })
			start := httptest.NewServer
			if test.secure {
				start = httptest.NewTLSServer
			}
			s := start(handler)
			defer s.Close()
			checker, err := httpcheck.New(httpcheck.Config{URL: s.URL, TLSConfig: config.TLSConfig{InsecureSkipVerify: true}})
			require.NoError(t, err)
			reg := &healthcheck.Registry{}
			require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "web", Kind: httpcheck.Kind, Checker: checker}))
			reg.Run(t.Context())
			for i, p := range collector.Profiles() {
				assert.Equal(t, test.want[i], seriesOf(t, reg, p), p)
			}
		})
	}
}

// TestProfilesPage holds profiles.md against the table in the code.
func TestProfilesPage(t *testing.T) {
	page := `# Which metrics a profile has

Made by UPDATE_GOLDEN=1 go test ./collector; do not edit. [profile.go](profile.go) says what each profile is for.

An HTTP check that is OK has 6 series in the lean profile, 16 in the default one and 19 in the full one; with TLS 7, 19 and 23.
While it is FAIL there is one more, and one for each reason of a failure in the latter two.

| metric of a check | type | labels | lean | default | full |
|---|---|---|---|---|---|
`
	mark := func(in bool) string {
		if in {
			return "✓"
		}
		return ""
	}
	for _, f := range collector.Families() {
		if !f.PerCheck || strings.HasPrefix(f.Name, "healthcheck_test_") {
			continue
		}
		var labels []string
		for _, l := range f.Labels {
			labels = append(labels, "`"+l+"`")
		}
		at := slices.Index(collector.Profiles(), f.Profile)
		page += strings.Join([]string{"| `" + f.Name + "`", f.Type, strings.Join(labels, ", "), mark(at <= 0), mark(at <= 1), "✓ |\n"}, " | ")
	}
	page += fmt.Sprintf("\n`%s` is there with a histogram only. Metrics that are not of one check are in all profiles.\n", "healthcheck_run_duration_seconds")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile("profiles.md", []byte(page), 0o644))
	}
	committed, err := os.ReadFile("profiles.md")
	require.NoError(t, err)
	assert.Equal(t, page, string(committed), "run UPDATE_GOLDEN=1 go test ./collector")
}
