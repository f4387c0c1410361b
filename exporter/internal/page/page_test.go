package page

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"html/template"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func TestPageShowsEachState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good := healthcheck.Result{}
		reg := pageRegistry(t,
			healthcheck.Check{Endpoint: "a-fine", Name: "Fine", Kind: "http", Target: "https://example.org/health",
				Labels: map[string]string{"team": "payments", "severity": "critical"}, Timeout: time.Second,
				Checker: script(healthcheck.Result{Values: []healthcheck.Value{
					{Measure: measureCode, Value: 200},
					{Measure: measureFree, Label: "/var", Value: 3 << 29},
					{Measure: measureCert, Value: float64(time.Now().Add(50 * time.Hour).Unix())},
				}})},
			healthcheck.Check{Endpoint: "b-broken", Checker: script(good, failed(healthcheck.ReasonConnect, "connection refused"))},
			healthcheck.Check{Endpoint: "c-optional", Optional: true, Checker: script(failed(healthcheck.ReasonDNS, "no such host"))},
			healthcheck.Check{Endpoint: "d-blocked", Checker: script(failed(healthcheck.ReasonStatus, "status 503")),
				DependsOn: []string{"a-fine", "b-broken", "nobody"}},
			healthcheck.Check{Endpoint: "e-shaky", FailureThreshold: 5, Checker: script(good, good, failed(healthcheck.ReasonLatency, "too slow"))},
			healthcheck.Check{Endpoint: "f-recovering", SuccessThreshold: 9,
				Checker: script(failed(healthcheck.ReasonBody, "no UP in it"), failed(healthcheck.ReasonBody, "no UP in it"), good)},
			healthcheck.Check{Endpoint: "h-degraded", Checker: script(healthcheck.Result{Level: "DEGRADED", Details: "two of three"})},
			healthcheck.Check{Endpoint: "i-maintained", Maintenance: func(time.Time) bool { return true },
				Checker: script(failed(healthcheck.ReasonTLS, "certificate expired"))},
		)
		started := time.Now()
		for range 4 {
			reg.Run(t.Context())
			time.Sleep(10 * time.Second)
		}
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "g-later", Interval: 5 * time.Minute, Func: succeed}))
		h := New(reg, Info{
			Identity:    func() healthcheck.Identity { return healthcheck.Identity{Name: "payments-agent", Version: "1.4.2"} },
			MetricsPath: "/metrics",
			Version:     "0.1.0",
			Started:     started,
		})
		body := getPage(t, h, "/")
		requireHTML(t, body)

		_, body, _ = strings.Cut(body, "<body>")
		header, _, _ := strings.Cut(body, "</header>")
		assert.Equal(t, "✕ FAIL payments-agent 1.4.2 4 of 9 checks failing, 1 optional check failing, 1 check not run yet "+
			"as of 2000-01-01 00:00:40 UTC reload every 15 s "+
			"5 failing 1 optional 1 not run yet 3 OK 1 failed last run 9 in all "+
			"Search in endpoint, name, kind, target, labels, marks such as blocked, reason and details Find "+
			"no runner is active: checks run only when they are asked to 0 stuck 0 panics started 40s ago", textOf(header))
		assert.Equal(t, pageTexts, rowTexts(body))
		assert.Contains(t, body, `<span class="hist" role="img" aria-label="4 last runs, oldest first: 1 OK, 3 failed">`+
			`<i title="2000-01-01 00:00:00 UTC · OK after 12ms"></i>`+
			`<i class="fail" title="2000-01-01 00:00:10 UTC · FAIL after 12ms · connect: connection refused">×</i>`)
		_, footer, _ := strings.Cut(body, "<footer>")
		assert.Equal(t, "metrics status healthy ready healthcheck_exporter 0.1.0", textOf(footer))
	})
}

func TestPageLevels(t *testing.T) {
	fine := healthcheck.Check{Endpoint: "fine", Func: succeed}
	tests := []struct {
		name   string
		checks []healthcheck.Check
		run    bool
		want   string
	}{
		{"never run", []healthcheck.Check{fine}, false, "FAIL · the first round of checks is not complete, 1 check not run yet"},
		{"nothing to run", nil, true, "OK · no checks are registered"},
		{"one", []healthcheck.Check{fine}, true, "OK · the only check is OK"},
		{"two", []healthcheck.Check{fine, {Endpoint: "b", Func: succeed}}, true, "OK · all 2 checks are OK"},
		{"optional", []healthcheck.Check{fine, {Endpoint: "b", Func: refuse, Optional: true}}, true, "OK · 1 optional check failing"},
		{"required", []healthcheck.Check{fine, {Endpoint: "b", Func: refuse}}, true, "FAIL · 1 of 2 checks failing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reg := pageRegistry(t, tt.checks...)
			if tt.run {
				reg.Run(t.Context())
			}
			body := getPage(t, New(reg, Info{}), "/")
			requireHTML(t, body)
			assert.Contains(t, body, "<title>"+tt.want+"</title>")
			assert.Equal(t, strings.HasPrefix(tt.want, "FAIL"), strings.Contains(body, `<div class="overall bad">`))
			assert.Contains(t, body, "no runner is active")
		})
	}
}

func TestPageWithoutChecks(t *testing.T) {
	h := New(pageRegistry(t), Info{})
	assert.Contains(t, textOf(getPage(t, h, "/")), "No checks are registered.")
	body := getPage(t, h, "/?q=x&refresh=30")
	assert.Contains(t, textOf(body), "No check matches. Show all 0")
	assert.Contains(t, body, `<a href="./?refresh=30">Show all 0</a>`)
}

func TestPageMarksStuckAndOverdueChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		hang := func(context.Context) error { <-release; return nil }
		reg := pageRegistry(t,
			healthcheck.Check{Endpoint: "hung", Func: hang, Timeout: time.Second},
			healthcheck.Check{Endpoint: "hog", Func: hang, Interval: time.Hour, InitialDelay: 5 * time.Second},
			healthcheck.Check{Endpoint: "starved", Func: succeed},
		)
		runFor(t, reg, healthcheck.Runner{Concurrency: 1}, time.Minute)
		body := getPage(t, New(reg, Info{}), "/")
		requireHTML(t, body)
		texts := rowTexts(body)
		require.Len(t, texts, 3)
		assert.Contains(t, texts[0], "fail | FAIL ⚠ stuck hung func hung stuck : still running")
		assert.Contains(t, body, `<span class="sub warn">took 1s of 1s</span>`)
		assert.Contains(t, texts[1], "unknown | not run hog")
		assert.Contains(t, texts[2], "ok | OK ⚠ overdue starved")
		assert.Contains(t, textOf(body), "1 of at most 1 checks running 1 stuck 0 panics")
	})
}

// TestPageEscapes puts markup into everything that comes from outside.
func TestPageEscapes(t *testing.T) {
	const evil = `</title></style></td><script>alert("1")</script><img src=x onerror='alert(2)'>{{.}}&amp;<!--`
	measure := healthcheck.NewMeasure("value", evil, "value")
	reg := pageRegistry(t,
		healthcheck.Check{Endpoint: "a" + evil, Name: "b" + evil, Kind: "c" + evil, Target: "javascript:alert(3)" + evil,
			Labels: map[string]string{"d": evil}, DependsOn: []string{"e" + evil}, Optional: true,
			Checker: script(healthcheck.Result{Level: healthcheck.FAIL, Details: "f" + evil + "\x1b[31m\x00\u202e",
				Values: []healthcheck.Value{{Measure: measure, Label: "g" + evil, Value: math.NaN()}}})},
		healthcheck.Check{Endpoint: "javascript:alert(4)", Checker: script(healthcheck.Result{Level: "h" + evil, Details: "i" + evil})},
	)
	reg.Run(t.Context())
	h := New(reg, Info{
		Identity:    func() healthcheck.Identity { return healthcheck.Identity{Name: "j" + evil, Version: "k" + evil} },
		MetricsPath: `/"><script>l</script>`,
		Version:     "m" + evil,
		Reload:      func() (bool, time.Time) { return false, time.Now() },
		Pprof:       true,
	})
	body := getPage(t, h, "/")
	requireHTML(t, body)
	text := html.UnescapeString(body)
	for prefix := 'a'; prefix <= 'm'; prefix++ {
		if prefix == 'd' || prefix == 'l' {
			continue
		}
		assert.Contains(t, text, string(prefix)+evil)
	}
	assert.Contains(t, text, "d="+evil)
	assert.NotContains(t, text, "\x1b")
	assert.NotContains(t, body, `="javascript:`)

	body = getPage(t, h, "/?"+url.Values{"q": {"<img>" + evil}, "state": {evil}, "page": {evil}, "refresh": {evil}}.Encode())
	requireHTML(t, body)
	searched, _ := shorten("<img>"+evil, maxSearch)
	assert.Contains(t, body, `value="`+template.HTMLEscapeString(searched)+`"`)
}

func TestPageStatusLinks(t *testing.T) {
	names := []string{"central", "a b", "ü", "50%", "%2F", "a?b#c", ":x", "//example.org", "a/../b", `\\example.org`, "javascript:x"}
	reg := pageRegistry(t)
	for _, name := range names {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: name, Func: succeed}))
	}
	for _, name := range []string{".", "..", strings.Repeat("x", maxURL+1)} {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: name, Func: succeed}))
	}
	body := getPage(t, New(reg, Info{}), "/")
	requireHTML(t, body)

	mux := http.NewServeMux()
	reached := make(map[string]bool)
	mux.HandleFunc("GET /prefix/status/{endpoint}", func(_ http.ResponseWriter, req *http.Request) {
		reached[req.PathValue("endpoint")] = true
	})
	base := &url.URL{Scheme: "http", Host: "localhost", Path: "/prefix/"}
	links := regexp.MustCompile(`<a href="(\./status/[^"]*)">`).FindAllStringSubmatch(body, -1)
	for _, link := range links {
		u, err := base.Parse(html.UnescapeString(link[1]))
		require.NoError(t, err)
		require.Equal(t, "localhost", u.Host)
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, u.String(), http.NoBody))
	}
	assert.Len(t, links, len(names))
	for _, name := range names {
		assert.True(t, reached[name], "endpoint %q", name)
	}
}

// The words of the tags beside a state are found, and a check whose alerts are silent since it is blocked does not look
// as one that is just OK.
func TestPageOfBlockedChecks(t *testing.T) {
	always := func(time.Time) bool { return true }
	reg := pageRegistry(t,
		healthcheck.Check{Endpoint: "gateway", Func: refuse},
		healthcheck.Check{Endpoint: "cached", DependsOn: []string{"gateway"}, Func: succeed},
		healthcheck.Check{Endpoint: "broken", DependsOn: []string{"gateway"}, Func: refuse},
		healthcheck.Check{Endpoint: "kept", Maintenance: always, Func: refuse},
		healthcheck.Check{Endpoint: "spare", Optional: true, Func: succeed},
		healthcheck.Check{Endpoint: "well", Func: succeed},
	)
	reg.Run(t.Context())
	h := New(reg, Info{})
	for query, want := range map[string][]string{
		"q=blocked":          {"broken", "cached"},
		"q=BLOCK&state=ok":   {"cached"},
		"q=maintenance":      {"kept"},
		"q=optional":         {"spare"},
		"q=blocked&state=no": {"broken", "cached"},
	} {
		assert.Equal(t, want, endpointsOf(getPage(t, h, "/?"+query)), query)
	}

	body := getPage(t, h, "/?state=ok")
	requireHTML(t, body)
	assert.Equal(t, []string{"cached", "spare", "well"}, endpointsOf(body), "what is blocked comes first")
	assert.Contains(t, textOf(body), "3 OK 1 blocked 6 in all")
	texts := rowTexts(body)
	require.Len(t, texts, 3)
	assert.Regexp(t, `^warn \| OK blocked cached .* Nobody is told of this check while one that it depends on is FAIL\.`, texts[0])
	assert.Regexp(t, `^ok \| OK well `, texts[2])
}

var (
	themes   = regexp.MustCompile(`(?s):root \{(.*?)\}`)
	variable = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6}|[0-9a-f]{3});`)
)

func TestPageReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		time.Sleep(90 * time.Minute)
		text := func(reload func() (bool, time.Time)) string {
			body := getPage(t, New(pageRegistry(t), Info{Reload: reload}), "/")
			requireHTML(t, body)
			return textOf(body)
		}
		assert.NotContains(t, text(nil), "onfiguration")
		assert.Contains(t, text(func() (bool, time.Time) { return true, at }), "configuration read 1h 30m ago")
		assert.Contains(t, text(func() (bool, time.Time) { return false, at }),
			"The last reload of the configuration failed. The one read 1h 30m ago (2000-01-01 00:00:00 UTC) stays in force")
		assert.Contains(t, text(func() (bool, time.Time) { return false, time.Time{} }), "The one read before stays in force")
	})
}

func TestPageLinksForMachines(t *testing.T) {
	body := getPage(t, New(pageRegistry(t), Info{MetricsPath: "/custom/metrics", Pprof: true}), "/")
	for _, href := range []string{"./custom/metrics", "./status", "./-/healthy", "./-/ready", "./debug/pprof/"} {
		assert.Contains(t, body, `<a href="`+href+`">`)
	}
	assert.NotContains(t, getPage(t, New(pageRegistry(t), Info{MetricsPath: "/metrics"}), "/"), "pprof")
}

func TestPageHeaders(t *testing.T) {
	h := New(pageRegistry(t, healthcheck.Check{Endpoint: "a", Func: succeed}), Info{})
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		t.Run(method, func(t *testing.T) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest(method, "/", http.NoBody))
			assert.Equal(t, http.StatusOK, rec.Code)
			assert.Equal(t, "text/html; charset=utf-8", rec.Header().Get("Content-Type"))
			assert.Equal(t, "nosniff", rec.Header().Get("X-Content-Type-Options"))
			assert.Equal(t, "no-referrer", rec.Header().Get("Referrer-Policy"))
			assert.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
			assert.Contains(t, rec.Header().Get("Content-Security-Policy"), "default-src 'none'; ")
			assert.Equal(t, method == http.MethodHead, rec.Body.Len() == 0)
		})
	}
}

// TestPagePolicyAllowsItsStyle makes sure that html/template leaves the style sheet as it was when it was hashed.
func TestPagePolicyAllowsItsStyle(t *testing.T) {
	rec := httptest.NewRecorder()
	New(pageRegistry(t), Info{}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	sheets := styles.FindAllStringSubmatch(rec.Body.String(), -1)
	require.Len(t, sheets, 1)
	sum := sha256.Sum256([]byte(sheets[0][1]))
	assert.Contains(t, rec.Header().Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	for _, word := range []string{"url(", "@import", "expression"} {
		assert.NotContains(t, sheets[0][1], word)
	}
}

func TestPageThatCannotBeRendered(t *testing.T) {
	h := &page{checks: pageRegistry(t), info: Info{Identity: func() healthcheck.Identity { return healthcheck.Identity{} }},
		template: template.Must(template.New("page").Parse("the first half {{.NoSuchField}}"))}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	assert.Equal(t, "the page could not be rendered\n", rec.Body.String())
}

// pageTexts is the golden text of [TestPageShowsEachState].
var pageTexts = []string{
	"fail | FAIL b-broken func b-broken connect : connection refused " +
		"counts runs 1 OK, 3 failed, 0 skipped failures connect 3 changes 1 " +
		"thresholds FAIL after 1, OK after 1 30s ago 2000-01-01 00:00:10 UTC last success 40s ago 10s ago took 12ms of 30s every 30s × × ×",
	"fail | FAIL f-recovering func f-recovering body : no UP in it The last run was good; OK again after 9 good runs in a row. " +
		"counts runs 2 OK, 2 failed, 0 skipped failures body 2 changes 0 " +
		"thresholds FAIL after 1, OK after 9 40s ago 2000-01-01 00:00:00 UTC last success 10s ago 10s ago took 12ms of 30s every 30s × ×",
	"fail | FAIL blocked d-blocked func d-blocked depends on a-fine , b-broken (FAIL) , nobody (not known) status : status 503 " +
		"counts runs 0 OK, 4 failed, 0 skipped failures status 4 changes 0 " +
		"thresholds FAIL after 1, OK after 1 40s ago 2000-01-01 00:00:00 UTC last success never 10s ago took 12ms of 30s every 30s × × × ×",
	"fail | FAIL maintenance i-maintained func i-maintained tls : certificate expired " +
		"counts runs 0 OK, 4 failed, 0 skipped failures tls 4 changes 0 " +
		"thresholds FAIL after 1, OK after 1 40s ago 2000-01-01 00:00:00 UTC last success never 10s ago took 12ms of 30s every 30s × × × ×",
	"fail | FAIL optional c-optional func c-optional dns : no such host " +
		"counts runs 0 OK, 4 failed, 0 skipped failures dns 4 changes 0 " +
		"thresholds FAIL after 1, OK after 1 40s ago 2000-01-01 00:00:00 UTC last success never 10s ago took 12ms of 30s every 30s × × × ×",
	"unknown | not run g-later func g-later " +
		"counts runs 0 OK, 0 failed, 0 skipped changes 0 " +
		"thresholds FAIL after 1, OK after 1 — — every 5m —",
	"warn | OK e-shaky func e-shaky latency : too slow The last run failed; FAIL after 5 failed runs in a row. " +
		"counts runs 2 OK, 2 failed, 0 skipped failures latency 2 changes 0 " +
		"thresholds FAIL after 5, OK after 1 40s ago 2000-01-01 00:00:00 UTC 10s ago took 12ms of 30s every 30s × ×",
	"ok | OK Fine http a-fine https://example.org/health severity=critical team=payments " +
		"values and counts http_status_code 200 filesystem_free_bytes /var 1.5 GiB tls_certificate_not_after_timestamp_seconds 2000-01-03 02:00:00 UTC (in 2d 1h) runs 4 OK, 0 failed, 0 skipped changes 0 " +
		"thresholds FAIL after 1, OK after 1 40s ago 2000-01-01 00:00:00 UTC 10s ago took 12ms of 1s every 30s",
	"ok | DEGRADED h-degraded func h-degraded two of three " +
		"counts runs 4 OK, 0 failed, 0 skipped changes 0 " +
		"thresholds FAIL after 1, OK after 1 40s ago 2000-01-01 00:00:00 UTC 10s ago took 12ms of 30s every 30s",
}
