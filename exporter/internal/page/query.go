package page

import (
	"net/url"
	"strconv"
	"strings"
)

// query is what a request asks for, within bounds.
type query struct {
	State   string // stateFail, stateOK, stateUnknown, or empty for all
	Search  string
	Page    int // from 1
	Refresh int // seconds, 0 for never
}

const (
	stateFail    = "fail"
	stateOK      = "ok"
	stateUnknown = "unknown"
)

func parseQuery(v url.Values) query {
	q := query{Page: 1}
	if s := v.Get("state"); s == stateFail || s == stateOK || s == stateUnknown {
		q.State = s
	}
	q.Search, _ = shorten(strings.TrimSpace(v.Get("q")), maxSearch)
	if n, err := strconv.Atoi(v.Get("page")); err == nil {
		q.Page = min(max(n, 1), maxNumber)
	}
	if n, err := strconv.Atoi(v.Get("refresh")); err == nil && n > 0 {
		q.Refresh = min(max(n, minRefresh), maxRefresh)
	}
	return q
}

// Href returns the link to the page that q asks for. Like all links of the page it is relative, so that a proxy may
// serve the exporter below a path.
func (q query) Href() string {
	v := url.Values{}
	if q.State != "" {
		v.Set("state", q.State)
	}
	if q.Search != "" {
		v.Set("q", q.Search)
	}
	if q.Page > 1 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if q.Refresh > 0 {
		v.Set("refresh", strconv.Itoa(q.Refresh))
	}
	if len(v) == 0 {
		return "./"
	}
	return "./?" + v.Encode()
}

// onPage and its like return a copy of q that differs in one thing. A new choice of checks begins on its first page.
func (q query) onPage(n int) query { q.Page = n; return q }

func (q query) withState(s string) query { q.State, q.Page = s, 1; return q }

func (q query) withSearch(s string) query { q.Search, q.Page = s, 1; return q }

func (q query) withRefresh(seconds int) query { q.Refresh = seconds; return q }
