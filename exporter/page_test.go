package exporter

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

var (
	measureCode = healthcheck.NewMeasure("http_status_code", "Status code of the response.")
	measureFree = healthcheck.NewMeasure("filesystem_free_bytes", "Free space.", "mount")
	measureCert = healthcheck.NewMeasure("tls_certificate_not_after_timestamp_seconds", "When the certificate expires.")
)

// scripted is a checker that gives one result after the other, and the last one for ever. Each run takes 12 ms.
type scripted []healthcheck.Result

func script(results ...healthcheck.Result) healthcheck.Checker {
	s := scripted(results)
	return &s
}

func (s *scripted) Check(context.Context) healthcheck.Result {
	time.Sleep(12 * time.Millisecond)
	res := (*s)[0]
	if len(*s) > 1 {
		*s = (*s)[1:]
	}
	return res
}

func failed(reason healthcheck.Reason, details string) healthcheck.Result {
	return healthcheck.Result{Level: healthcheck.FAIL, Reason: reason, Details: details}
}

func succeed(context.Context) error { return nil }

func refuse(context.Context) error {
	return healthcheck.Errorf(healthcheck.ReasonConnect, "connection refused")
}

func pageRegistry(t testing.TB, checks ...healthcheck.Check) *healthcheck.Registry {
	t.Helper()
	reg := &healthcheck.Registry{}
	require.NoError(t, reg.Apply(healthcheck.Changes{Register: checks}))
	return reg
}

// runFor runs the checks of reg every ten seconds until so much virtual time has passed, and leaves the runner active
// until the test ends.
func runFor(t *testing.T, reg *healthcheck.Registry, r healthcheck.Runner, d time.Duration) {
	t.Helper()
	r.Registry, r.Interval = reg, 10*time.Second
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	time.Sleep(d)
	synctest.Wait()
}

func getPage(t testing.TB, h http.Handler, target string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, target, http.NoBody))
	require.Equal(t, http.StatusOK, rec.Code)
	return rec.Body.String()
}

var (
	markup    = regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	styles    = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	rows      = regexp.MustCompile(`(?s)<tr class="([a-z]+)">(.*?)</tr>`)
	endpoints = regexp.MustCompile(`<code><bdi>([^<]*)</bdi></code></a></p>`)
	spaces    = regexp.MustCompile(`\s+`)
)

// requireHTML holds a page to a strict subset of HTML: every tag is one the template has, closed and nested as it
// should be, every attribute is quoted, every link stays on this server, and no other angle bracket is left.
func requireHTML(t testing.TB, body string) {
	t.Helper()
	known := strings.Fields("html head meta title link style body header div p span h1 h2 small bdi time br strong nav ul li " +
		"a b form input label button main section table thead tbody tr th td code i details summary dl dt dd footer")
	void := []string{"meta", "link", "br", "input"}
	body, found := strings.CutPrefix(body, "<!DOCTYPE html>\n")
	require.True(t, found, "document type")
	body = styles.ReplaceAllString(body, "")
	var open []string
	for _, m := range markup.FindAllStringSubmatch(body, -1) {
		tag := m[2]
		if !slices.Contains(known, tag) {
			require.Fail(t, "unexpected tag", "%s", m[0])
		}
		for _, a := range attribute.FindAllStringSubmatch(m[3], -1) {
			if !harmless(tag, a[1], html.UnescapeString(a[2])) {
				require.Fail(t, "unexpected attribute", "%s", m[0])
			}
		}
		switch last := len(open) - 1; {
		case m[1] == "" && !slices.Contains(void, tag):
			open = append(open, tag)
		case m[1] == "":
		case last < 0 || open[last] != tag:
			require.Fail(t, "wrong closing tag", "</%s> within %v", tag, open)
		default:
			open = open[:last]
		}
	}
	require.Empty(t, open, "tags left open")
	rest := markup.ReplaceAllString(body, "")
	if i := strings.IndexAny(rest, "<>"); i >= 0 {
		require.Fail(t, "stray bracket", "%q", rest[max(0, i-60):min(len(rest), i+60)])
	}
}

// harmless reports whether an attribute neither runs nor loads anything, and leads nowhere else.
func harmless(tag, name, value string) bool {
	switch {
	case name == "style", name == "src", strings.HasPrefix(name, "on"):
		return false
	case name == "href" && tag == "link":
		return strings.HasPrefix(value, "data:image/svg+xml,")
	case name == "href", name == "action":
		return strings.HasPrefix(value, "./")
	}
	return true
}

// textOf returns what a reader sees of a piece of HTML, on one line.
func textOf(s string) string {
	s = markup.ReplaceAllString(styles.ReplaceAllString(s, ""), " ")
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(s), " "))
}

// rowTexts returns the text of each row, after its class.
func rowTexts(body string) []string {
	var texts []string
	for _, m := range rows.FindAllStringSubmatch(body, -1) {
		texts = append(texts, m[1]+" | "+textOf(m[2]))
	}
	return texts
}

func endpointsOf(body string) []string {
	var list []string
	for _, m := range endpoints.FindAllStringSubmatch(body, -1) {
		list = append(list, html.UnescapeString(m[1]))
	}
	return list
}

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
		h := newPage(reg, pageInfo{
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
			body := getPage(t, newPage(reg, pageInfo{}), "/")
			requireHTML(t, body)
			assert.Contains(t, body, "<title>"+tt.want+"</title>")
			assert.Equal(t, strings.HasPrefix(tt.want, "FAIL"), strings.Contains(body, `<div class="overall bad">`))
			assert.Contains(t, body, "no runner is active")
		})
	}
}

func TestPageWithoutChecks(t *testing.T) {
	h := newPage(pageRegistry(t), pageInfo{})
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
		body := getPage(t, newPage(reg, pageInfo{}), "/")
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
	h := newPage(reg, pageInfo{
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
	searched, _ := shorten("<img>"+evil, pageSearch)
	assert.Contains(t, body, `value="`+template.HTMLEscapeString(searched)+`"`)
}

func TestPageStatusLinks(t *testing.T) {
	names := []string{"central", "a b", "ü", "50%", "%2F", "a?b#c", ":x", "//example.org", "a/../b", `\\example.org`, "javascript:x"}
	reg := pageRegistry(t)
	for _, name := range names {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: name, Func: succeed}))
	}
	for _, name := range []string{".", "..", strings.Repeat("x", pageURL+1)} {
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: name, Func: succeed}))
	}
	body := getPage(t, newPage(reg, pageInfo{}), "/")
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

func TestPageIsBoundedInRows(t *testing.T) {
	reg := pageRegistry(t)
	for i := range 2001 {
		f := succeed
		if i%4 == 0 {
			f = refuse
		}
		require.NoError(t, reg.Register(healthcheck.Check{Endpoint: fmt.Sprintf("n%04d", i), Func: f}))
	}
	reg.Run(t.Context())
	h := newPage(reg, pageInfo{})
	tests := []struct {
		query       string
		rows        int
		first, last string
		pager       string
		prev, next  string
	}{
		{"", 500, "n0000", "n1996", "1–500 of 2,001", "", "./?page=2"},
		{"page=1", 500, "n0000", "n1996", "1–500 of 2,001", "", "./?page=2"},
		{"page=2", 500, "n2000", "n0665", "501–1,000 of 2,001", "./", "./?page=3"},
		{"page=5", 1, "n1999", "n1999", "2,001–2,001 of 2,001", "./?page=4", ""},
		{"page=99999999", 1, "n1999", "n1999", "2,001–2,001 of 2,001", "./?page=4", ""},
		{"page=-1", 500, "n0000", "n1996", "1–500 of 2,001", "", "./?page=2"},
		{"page=two", 500, "n0000", "n1996", "1–500 of 2,001", "", "./?page=2"},
		{"page=92233720368547758079", 500, "n0000", "n1996", "1–500 of 2,001", "", "./?page=2"},
		{"state=fail&page=2&refresh=20&q=n", 1, "n2000", "n2000", "501–501 of 501", "./?q=n&refresh=20&state=fail", ""},
		{"q=n000", 10, "n0000", "n0009", "", "", ""},
	}
	link := func(body, rel string) string {
		m := regexp.MustCompile(`<a rel="` + rel + `" href="([^"]*)">`).FindStringSubmatch(body)
		if m == nil {
			return ""
		}
		return html.UnescapeString(m[1])
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			body := getPage(t, h, "/?"+tt.query)
			list := endpointsOf(body)
			require.Len(t, list, tt.rows)
			assert.Equal(t, tt.first, list[0])
			assert.Equal(t, tt.last, list[len(list)-1])
			_, pager, _ := strings.Cut(body, `<nav class="pager" aria-label="Pages">`)
			pager, _, _ = strings.Cut(pager, "</nav>")
			assert.Contains(t, textOf(pager), tt.pager)
			assert.Equal(t, tt.prev, link(body, "prev"))
			assert.Equal(t, tt.next, link(body, "next"))
			assert.Less(t, len(body), 2<<20)
			if tt.rows < pageRows { // of a full page it takes seconds under the race detector
				requireHTML(t, body)
			}
		})
	}
}

func TestPageIsBoundedInEachRow(t *testing.T) {
	values := make([]healthcheck.Value, 1000)
	for i := range values {
		values[i] = healthcheck.Value{Measure: measureFree, Label: strconv.Itoa(i), Value: 1}
	}
	labels := make(map[string]string)
	depends := make([]string, 100)
	for i := range 100 {
		labels[fmt.Sprintf("l%02d", i)] = strings.Repeat("v", 10_000)
		depends[i] = fmt.Sprintf("d%02d", i)
	}
	long := strings.Repeat("ü", 100_000)
	reg := pageRegistry(t, healthcheck.Check{Endpoint: "x", Name: long, Kind: long, Target: long, Labels: labels, DependsOn: depends,
		Checker: script(healthcheck.Result{Level: healthcheck.FAIL, Details: long, Values: values})})
	for range healthcheck.HistorySize {
		reg.Run(t.Context())
	}
	h := newPage(reg, pageInfo{})
	body := getPage(t, h, "/")
	requireHTML(t, body)
	empty := getPage(t, h, "/?state=ok")
	assert.Less(t, len(body)-len(empty), 20_000)
	assert.Contains(t, textOf(body), "more values 976, see the metrics")
	assert.Contains(t, body, strings.Repeat("ü", pageDetails/2)+`</bdi>… <a href="./status/x">all of it</a>`)
	assert.Contains(t, body, strings.Repeat("ü", pageRunDetails/2)+`…"`)
	assert.Contains(t, body, "<bdi>"+strings.Repeat("ü", pageText/2)+"…</bdi>")
	assert.Equal(t, healthcheck.HistorySize, strings.Count(body, "<i "))
	assert.Contains(t, body, `aria-label="16 last runs, oldest first: 0 OK, 16 failed"`)
}

func TestPageFilters(t *testing.T) {
	reg := pageRegistry(t,
		healthcheck.Check{Endpoint: "alpha", Name: "Orders DB", Kind: "tcp", Target: "10.0.0.1:5432", Func: refuse},
		healthcheck.Check{Endpoint: "beta", Kind: "http", Target: "https://EXAMPLE.org/", Labels: map[string]string{"team": "orders"}, Func: succeed},
		healthcheck.Check{Endpoint: "gamma", Optional: true, Checker: script(failed(healthcheck.ReasonDNS, "no such host"))},
		healthcheck.Check{Endpoint: "delta", Checker: script(healthcheck.Result{Details: "lag 3"})},
	)
	reg.Run(t.Context())
	require.NoError(t, reg.Register(healthcheck.Check{Endpoint: "omega", Func: succeed}))
	h := newPage(reg, pageInfo{})
	all := []string{"alpha", "gamma", "omega", "beta", "delta"}
	tests := []struct {
		query string
		want  []string
	}{
		{"", all},
		{"state=fail", []string{"alpha", "gamma"}},
		{"state=ok", []string{"beta", "delta"}},
		{"state=unknown", []string{"omega"}},
		{"state=FAIL", all},
		{"state=nonsense", all},
		{"state=ok&state=fail", []string{"beta", "delta"}},
		{"nonsense=1", all},
		{"q=ORDERS", []string{"alpha", "beta"}},
		{"q=team%3Dord", []string{"beta"}},
		{"q=5432", []string{"alpha"}},
		{"q=example.ORG", []string{"beta"}},
		{"q=tcp", []string{"alpha"}},
		{"q=+alpha+", []string{"alpha"}},
		{"q=connection+refused", []string{"alpha"}},
		{"q=such+host", []string{"gamma"}},
		{"q=lag", []string{"delta"}},
		{"q=dns&state=ok", nil},
		{"q=a&state=fail", []string{"alpha", "gamma"}},
		{"q=%ff", nil},
		{"q=nowhere", nil},
		{"q=" + strings.Repeat("a", 100_000), nil},
	}
	for _, tt := range tests {
		t.Run(tt.query[:min(len(tt.query), 30)], func(t *testing.T) {
			body := getPage(t, h, "/?"+tt.query)
			requireHTML(t, body)
			assert.Equal(t, tt.want, endpointsOf(body))
			assert.Contains(t, textOf(body), "2 failing 1 optional 1 not run yet 2 OK 5 in all", "counts are of all checks")
			assert.Equal(t, tt.want == nil, strings.Contains(body, "No check matches."))
		})
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
	h := newPage(reg, pageInfo{})
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

// luminance is the relative luminance of WCAG 2.2 of a color as "fff" or "ffffff".
func luminance(t *testing.T, color string) float64 {
	t.Helper()
	if len(color) == 3 {
		color = string([]byte{color[0], color[0], color[1], color[1], color[2], color[2]})
	}
	rgb, err := strconv.ParseUint(color, 16, 24)
	require.NoError(t, err)
	linear := func(c uint64) float64 {
		v := float64(c&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}

// WCAG 2.2, 1.4.3: text that is not large has a contrast of at least 4.5 to what is behind it, in both themes.
func TestPageContrast(t *testing.T) {
	const white = "fff"
	found := themes.FindAllStringSubmatch(pageHTML, -1)
	require.Len(t, found, 2, "light, dark")
	colors := make(map[string]string)
	for _, theme := range found {
		for _, m := range variable.FindAllStringSubmatch(theme[1], -1) {
			colors[m[1]] = m[2] // the dark theme changes the light one
		}
		for _, pair := range [][2]string{
			{"ok", "ok-bg"}, {"unknown", "unknown-bg"}, {"warn", "warn-bg"}, {"fail", "fail-bg"}, // pills, the overall level
			{white, "fail-line"}, // the pill FAIL
			{"text", "bg"}, {"text", "card"}, {"text", "soft"}, {"text", "ok-bg"}, {"text", "fail-bg"},
			{"muted", "bg"}, {"muted", "card"}, {"muted", "soft"}, {"muted", "ok-bg"}, {"muted", "fail-bg"},
			{"link", "bg"}, {"link", "card"}, {"link", "ok-bg"}, {"link", "fail-bg"},
			{"ok", "card"}, {"fail", "card"}, {"warn", "card"}, {"warn", "bg"}, {"unknown", "card"},
		} {
			front, back := colors[pair[0]], colors[pair[1]]
			if pair[0] == white {
				front = white
			}
			a, b := luminance(t, front), luminance(t, back)
			contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05)
			assert.GreaterOrEqual(t, contrast, 4.5, "%s on %s", pair[0], pair[1])
		}
	}
}

func TestPageKeepsFilters(t *testing.T) {
	reg := pageRegistry(t, healthcheck.Check{Endpoint: "a&b", Func: succeed})
	body := getPage(t, newPage(reg, pageInfo{}), "/?state=unknown&q=a%26b&refresh=60")
	for _, want := range []string{
		`<li><a href="./?q=a%26b&amp;refresh=60&amp;state=fail">`,
		`<li><a href="./?q=a%26b&amp;refresh=60&amp;state=unknown" aria-current="true">`,
		`<li><a href="./?q=a%26b&amp;refresh=60">`,
		`<input type="hidden" name="state" value="unknown">`,
		`<input type="hidden" name="refresh" value="60">`,
		`value="a&amp;b"`,
		`<a href="./?q=a%26b&amp;state=unknown">stop</a>`,
	} {
		assert.Contains(t, body, want)
	}
	assert.Equal(t, []string{"a&b"}, endpointsOf(body))
}

func TestPageRefreshes(t *testing.T) {
	h := newPage(pageRegistry(t), pageInfo{})
	tests := []struct{ query, want string }{
		{"", ""},
		{"refresh=15", "15"},
		{"refresh=1", "5"},
		{"refresh=100000", "3600"},
		{"refresh=0", ""},
		{"refresh=-3", ""},
		{"refresh=15;url=https://example.org", ""},
		{"refresh=0x10", ""},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			body := getPage(t, h, "/?"+tt.query)
			if tt.want == "" {
				assert.NotContains(t, body, "http-equiv")
				assert.Contains(t, body, `<a href="./?refresh=15">reload every 15 s</a>`)
				return
			}
			assert.Contains(t, body, `<meta http-equiv="refresh" content="`+tt.want+`">`)
			assert.Contains(t, body, "reloads every "+tt.want+` s · <a href="./">stop</a>`)
		})
	}
}

func TestPageReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		time.Sleep(90 * time.Minute)
		text := func(reload func() (bool, time.Time)) string {
			body := getPage(t, newPage(pageRegistry(t), pageInfo{Reload: reload}), "/")
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
	body := getPage(t, newPage(pageRegistry(t), pageInfo{MetricsPath: "/custom/metrics", Pprof: true}), "/")
	for _, href := range []string{"./custom/metrics", "./status", "./-/healthy", "./-/ready", "./debug/pprof/"} {
		assert.Contains(t, body, `<a href="`+href+`">`)
	}
	assert.NotContains(t, getPage(t, newPage(pageRegistry(t), pageInfo{MetricsPath: "/metrics"}), "/"), "pprof")
}

func TestPageHeaders(t *testing.T) {
	h := newPage(pageRegistry(t, healthcheck.Check{Endpoint: "a", Func: succeed}), pageInfo{})
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
	newPage(pageRegistry(t), pageInfo{}).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	sheets := styles.FindAllStringSubmatch(rec.Body.String(), -1)
	require.Len(t, sheets, 1)
	sum := sha256.Sum256([]byte(sheets[0][1]))
	assert.Contains(t, rec.Header().Get("Content-Security-Policy"), "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	for _, word := range []string{"url(", "@import", "expression"} {
		assert.NotContains(t, sheets[0][1], word)
	}
}

func TestPageThatCannotBeRendered(t *testing.T) {
	h := &page{checks: pageRegistry(t), info: pageInfo{Identity: func() healthcheck.Identity { return healthcheck.Identity{} }},
		template: template.Must(template.New("page").Parse("the first half {{.NoSuchField}}"))}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	assert.Equal(t, http.StatusInternalServerError, rec.Code)
	assert.Equal(t, "the page could not be rendered\n", rec.Body.String())
}

func TestFormatAgo(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "just now"},
		{999 * time.Millisecond, "just now"},
		{59900 * time.Millisecond, "59s ago"},
		{3*time.Minute + 5*time.Second, "3m 5s ago"},
		{26 * time.Hour, "1d 2h ago"},
		{23*time.Hour + 59*time.Minute, "23h 59m ago"},
		{1000 * 24 * time.Hour, "1000d 0h ago"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, formatAgo(tt.d))
	}
}

func TestFormatDuration(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{1234 * time.Nanosecond, "1µs"},
		{1234567 * time.Nanosecond, "1.23ms"},
		{123456 * time.Microsecond, "123ms"},
		{1234 * time.Millisecond, "1.23s"},
		{30 * time.Second, "30s"},
		{10 * time.Minute, "10m"},
		{90 * time.Second, "1m30s"},
		{10 * time.Hour, "10h"},
		{time.Hour + time.Second, "1h0m1s"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, formatDuration(tt.d))
	}
}

func TestFormatValue(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		v    float64
		want string
	}{
		{"http_status_code", 503, "503"},
		{"value", 0.1 + 0.2, "0.3"},
		{"value", -12345678, "-12345678"},
		{"value", 1e300, "1e+300"},
		{"value", math.NaN(), "NaN"},
		{"value", math.Inf(1), "+Inf"},
		{"http_duration_seconds", 0.0123, "12ms"},
		{"http_duration_seconds", math.NaN(), "NaN"},
		{"http_duration_seconds", math.Inf(-1), "-Inf"},
		{"http_duration_seconds", 1e300, "1e+300"},
		{"tls_not_after_timestamp_seconds", float64(now.Add(49 * time.Hour).Unix()), "2026-03-03 13:00:00 UTC (in 2d 1h)"},
		{"tls_not_after_timestamp_seconds", float64(now.Add(-time.Hour).Unix()), "2026-03-01 11:00:00 UTC (1h 0m ago)"},
		{"tls_not_after_timestamp_seconds", 0, "0"},
		{"tls_not_after_timestamp_seconds", 1e18, "1e+18"},
		{"filesystem_free_bytes", 1000, "1000 B"},
		{"filesystem_free_bytes", 1536, "1.5 KiB"},
		{"filesystem_free_bytes", 170 * (1 << 30), "170.0 GiB"},
		{"filesystem_free_bytes", 1e30, "867361737988.4 EiB"},
		{"filesystem_free_bytes", math.Inf(1), "+Inf B"},
		{"filesystem_free_bytes", math.NaN(), "NaN B"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, FormatValue(tt.name, tt.v, now), "%s %v", tt.name, tt.v)
	}
}

func TestGrouped(t *testing.T) {
	var got []string
	for _, n := range []int{-1, 0, 999, 1000, 123456, 1234567} {
		got = append(got, grouped(n))
	}
	assert.Equal(t, []string{"0", "0", "999", "1,000", "123,456", "1,234,567"}, got)
}

func TestShortenKeepsRunesWhole(t *testing.T) {
	for n := range 9 {
		short, cut := shorten("aüß€", n)
		assert.Equal(t, n < 8, cut, "%d", n)
		assert.True(t, slices.Contains([]string{"", "a", "aü", "aüß", "aüß€"}, short), "%d: %q", n, short)
		assert.LessOrEqual(t, len(short), n)
	}
}

// BenchmarkPage renders the first page of many checks, a third of which fail.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{500, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			checks := make([]healthcheck.Check, n)
			for i := range checks {
				checks[i] = healthcheck.Check{Endpoint: fmt.Sprintf("node-%06d", i), Target: "http://10.0.0.1/health", Func: succeed}
				if i%3 == 0 {
					checks[i].Func = refuse
				}
			}
			reg := pageRegistry(b, checks...)
			for range 4 {
				reg.Run(b.Context())
			}
			h := newPage(reg, pageInfo{})
			b.ReportAllocs()
			for b.Loop() {
				getPage(b, h, "/")
			}
		})
	}
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

// fixedChecks are states that no registry has come to.
type fixedChecks struct{ states []healthcheck.State }

func (f fixedChecks) Snapshot() healthcheck.Snapshot {
	return healthcheck.Snapshot{States: f.states, Level: healthcheck.FAIL}
}

func (f fixedChecks) History(string) []healthcheck.Outcome {
	return []healthcheck.Outcome{{Start: time.Now(), Result: healthcheck.FAIL, Details: "from the history"}}
}

func TestPageOfFixedStates(t *testing.T) {
	h := newPage(fixedChecks{[]healthcheck.State{healthcheck.NewState(healthcheck.Facts{
		Check: healthcheck.Check{Endpoint: "fixed", Target: "somewhere"}, Level: healthcheck.FAIL, Failed: 1,
		Last: healthcheck.Outcome{Start: time.Now().Add(-time.Second), Result: healthcheck.FAIL, Reason: healthcheck.ReasonBody, Details: "from the state"},
	})}}, pageInfo{})
	body := getPage(t, h, "/")
	for _, text := range []string{"fixed", "somewhere", "from the state", "from the history"} {
		assert.Contains(t, body, text)
	}
}
