package page

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

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
	h := New(reg, Info{})
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
			if tt.rows < maxRows { // of a full page it takes seconds under the race detector
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
	h := New(reg, Info{})
	body := getPage(t, h, "/")
	requireHTML(t, body)
	empty := getPage(t, h, "/?state=ok")
	assert.Less(t, len(body)-len(empty), 20_000)
	assert.Contains(t, textOf(body), "more values 976, see the metrics")
	assert.Contains(t, body, strings.Repeat("ü", maxDetails/2)+`</bdi>… <a href="./status/x">all of it</a>`)
	assert.Contains(t, body, strings.Repeat("ü", maxRunDetails/2)+`…"`)
	assert.Contains(t, body, "<bdi>"+strings.Repeat("ü", maxText/2)+"…</bdi>")
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
	h := New(reg, Info{})
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

func TestPageKeepsFilters(t *testing.T) {
	reg := pageRegistry(t, healthcheck.Check{Endpoint: "a&b", Func: succeed})
	body := getPage(t, New(reg, Info{}), "/?state=unknown&q=a%26b&refresh=60")
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
	h := New(pageRegistry(t), Info{})
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
