// Package page is the page for people: what a registry knows of its checks as HTML. A request becomes a query, which selects
// and orders states (rank.go); they become a view, with a row for each check, of texts that the template escapes.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for page.html
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

//go:embed page.html
var document string

// Bounds of one page, so that its size does not depend on how many checks there are or what they say.
const (
	maxRows        = 500
	maxLabels      = 16   // labels of a check
	maxDependsOn   = 16   // dependencies of a check
	maxValues      = 24   // measured values of a check
	maxDetails     = 1000 // bytes of the details that explain a state
	maxRunDetails  = 120  // bytes of the details of one run in the history
	maxText        = 200  // bytes of a name, a target and other short texts
	maxURL         = 1024 // bytes of the longest endpoint that is linked
	maxSearch      = 100  // bytes of a search text
	maxNumber      = 1_000_000
	minRefresh     = 5 // seconds
	maxRefresh     = 3600
	offeredRefresh = 15
	timeLayout     = "2006-01-02 15:04:05 UTC"
	contentType    = "text/html; charset=utf-8"
)

// Info is what the page shows besides the checks.
type Info struct {
	Identity    func() healthcheck.Identity // called for each request; nil means no name
	MetricsPath string                      // absolute, as "/metrics"; empty means none
	Version     string                      // of the exporter
	Started     time.Time
	Reload      func() (ok bool, when time.Time) // whether the last reload succeeded, and when the last success was; may be nil
	Pprof       bool                             // /debug/pprof/ is served
}

// Source is what the page shows: a registry, or a test's states.
type Source interface {
	Snapshot() healthcheck.Snapshot
	History(endpoint string) []healthcheck.Outcome
}

// New returns the handler of the page for people: a registry's last outcomes as HTML, the failing checks first,
// at most 500 to a page. It runs no check and needs no script, and nothing that a check says can change its structure.
// Query parameters: state (fail, ok, unknown), q (a text to look for), page (from 1), and refresh (seconds between
// reloads by the browser). What it cannot make sense of is ignored. It answers any method as GET or HEAD.
func New(checks Source, info Info) http.Handler {
	if info.Identity == nil {
		info.Identity = func() healthcheck.Identity { return healthcheck.Identity{} }
	}
	return &page{
		checks:   checks,
		info:     info,
		template: template.Must(template.New("page").Parse(document)),
		policy:   policyOf(document),
	}
}

// policyOf returns the Content-Security-Policy that allows the style sheet of a document and the icon in it, and
// nothing else.
func policyOf(document string) string {
	_, style, _ := strings.Cut(document, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

type page struct {
	checks   Source
	info     Info
	template *template.Template
	policy   string

	mu sync.Mutex // one rendering at a time: a snapshot of 100,000 checks is 20 MB
}

func (p *page) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := p.render(parseQuery(req.URL.Query()))
	if err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if req.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) //nolint:gosec // html/template has escaped it; a client that has gone needs no answer
}

func (p *page) render(q query) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	if err := p.template.Execute(&b, p.view(q, time.Now())); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
