package httpcheck_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// shop is a server with a login: a form with a token against forgery, a session in a cookie, and a token for its API.
// Each login gets ones of its own.
type shop struct {
	mu       sync.Mutex
	n        int
	sessions map[string]string // token by cookie
	forms    map[string]bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cookie, _ := req.Cookie("session")
	switch req.URL.Path {
	case "/form":
		s.n++
		form := fmt.Sprintf("csrf+&=/%d", s.n)
		s.forms[form] = true
		http.SetCookie(w, &http.Cookie{Name: "form", Value: fmt.Sprint("form", s.n), HttpOnly: true})
		_, _ = io.WriteString(w, `<form><input name="csrf" value="`+form+`"></form>`)
	case "/login":
		_, err := req.Cookie("form")
		if form := req.PostFormValue("csrf"); req.Method != http.MethodPost || err != nil || !s.forms[form] || req.PostFormValue("password") != "hunter2" {
			http.Error(w, "who is that?", http.StatusForbidden)
			return
		}
		s.n++
		session := fmt.Sprint("session", s.n)
		s.sessions[session] = fmt.Sprint("token-", s.n)
		http.SetCookie(w, &http.Cookie{Name: "session", Value: session})
		w.Header().Set("X-Order", "orders/a b?c")
		http.Redirect(w, req, "/welcome", http.StatusSeeOther)
	case "/welcome":
		if cookie == nil || s.sessions[cookie.Value] == "" {
			http.Error(w, "no session", http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Order", "orders/a b?c")
		_ = json.NewEncoder(w).Encode(map[string]any{"token": s.sessions[cookie.Value], "items": 3})
	default:
		if token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); !ok || cookie == nil || s.sessions[cookie.Value] != token {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"path": req.URL.EscapedPath(), "query": req.URL.RawQuery, "open": 2})
	}
}

func serveShop(t testing.TB) *httptest.Server {
	return serve(t, (&shop{sessions: make(map[string]string), forms: make(map[string]bool)}).ServeHTTP)
}

// shopping is a login and what it is for.
func shopping(url string) httpcheck.Config {
	return httpcheck.Config{URL: url, Steps: []httpcheck.Step{
		{Name: "form", URL: "/form", Extract: map[string]httpcheck.Extract{"csrf": {Regex: `name="csrf" value="([^"]+)"`, Secret: true}}},
		{
			Name: "login", URL: "/login", Method: "post", Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			Body: "user=ann&password=hunter2&csrf=${step.csrf}", Expect: httpcheck.Expect{FinalURL: "/welcome$", JSON: []string{".items > 0"}},
			Values: map[string]string{"items": ".items"},
			Extract: map[string]httpcheck.Extract{
				"token": {JQ: ".token", Secret: true}, "order": {Header: "x-order", Regex: "^orders/(.*)"},
			},
		},
		{
			Name: "order", URL: "/api/${step.order}/x?of=${step.order}", Headers: map[string]string{"Authorization": "Bearer ${step.token}"},
			Expect: httpcheck.Expect{JSON: []string{`.path == "/api/a%20b%3Fc/x"`, `.query == "of=a+b%3Fc"`}}, Values: map[string]string{"open": ".open"},
		},
	}}
}

func TestFlow(t *testing.T) {
	server := serveShop(t)
	for name, c := range map[string]httpcheck.Config{"direct": {}, "pooled": {EnableHTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			with := shopping(server.URL)
			with.EnableHTTP2 = c.EnableHTTP2
			checker := newChecker(t, with)
			for range 3 {
				res := checktest.RunChecker(t, checker, 5*time.Second)
				checktest.RequireOK(t, res)
				assert.InDelta(t, 3, value(t, res, "value", "items"), 0)
				assert.InDelta(t, 2, value(t, res, "value", "open"), 0)
				for _, step := range []string{"form", "login", "order"} {
					assert.EqualValues(t, 200, value(t, res, "http_step_status_code", step))
					for _, phase := range []string{"resolve", "connect", "processing", "transfer"} {
						assert.GreaterOrEqual(t, value(t, res, "http_step_phase_duration_seconds", phase+"\xff"+step), 0.0)
					}
				}
			}
		})
	}
}

// What a run has, another one does not.
func TestFlowsAtTheSameTime(t *testing.T) {
	checker := newChecker(t, shopping(serveShop(t).URL))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				res := checktest.RunChecker(t, checker, 20*time.Second)
				assert.False(t, res.Failed(), res.Details)
			}
		})
	}
	all.Wait()
	closeCheck(t, checker)
	checktest.RequireOK(t, checktest.RunChecker(t, checker, 5*time.Second))
}

// The step that fails is named first, those after it are not made, and what was measured stays.
func TestFlowThatFails(t *testing.T) {
	server := serveShop(t)
	refused := checktest.Closed(t)
	for _, tt := range []struct {
		name    string
		change  func(steps []httpcheck.Step)
		reason  healthcheck.Reason
		details string
		asked   []string
	}{
		{"status", func(s []httpcheck.Step) { s[1].Body = "user=ann&password=wrong" }, healthcheck.ReasonAuth, `step "login": status 403, want 2xx: who is that?`, []string{"form", "login"}},
		{"jq", func(s []httpcheck.Step) { s[1].Expect.JSON = []string{".items > 5"} }, healthcheck.ReasonBody, "step \"login\": `.items > 5` is false, want true", []string{"form", "login"}},
		{"value", func(s []httpcheck.Step) { s[2].Values["open"] = ".path" }, healthcheck.ReasonBody, "step \"order\": value \"open\": `.path` is \"/api/…/x\", want a number", []string{"form", "login", "order"}},
		{"extract", func(s []httpcheck.Step) { s[0].Extract = map[string]httpcheck.Extract{"csrf": {Regex: "never(.)"}} }, healthcheck.ReasonBody, "step \"form\": extract \"csrf\": nothing matches `never(.)`", []string{"form"}},
		{"extract header", func(s []httpcheck.Step) {
			s[0].Extract = map[string]httpcheck.Extract{"csrf": {Header: "x-none"}}
		}, healthcheck.ReasonBody, "step \"form\": extract \"csrf\": header X-None is missing", []string{"form"}},
		{"extract null", func(s []httpcheck.Step) { s[1].Extract["token"] = httpcheck.Extract{JQ: ".nothing"} }, healthcheck.ReasonBody, "step \"login\": extract \"token\": `.nothing` is null, want a text", []string{"form", "login"}},
		{"extract from no JSON", func(s []httpcheck.Step) { s[0].Extract = map[string]httpcheck.Extract{"csrf": {JQ: "."}} }, healthcheck.ReasonBody, `step "form": extract "csrf": the body is not JSON: invalid character '<'`, []string{"form"}},
		{"extract empty", func(s []httpcheck.Step) { s[0].Extract = map[string]httpcheck.Extract{"csrf": {Regex: "(x?)"}} }, healthcheck.ReasonBody, `step "form": extract "csrf": it is empty`, []string{"form"}},
		{"connect", func([]httpcheck.Step) {}, healthcheck.ReasonConnect, `step "never": connect to ` + refused + ": connection refused", []string{"form"}},
		{"latency", func(s []httpcheck.Step) { s[0].Expect.MaxLatency = 1 }, healthcheck.ReasonLatency, `step "form": took `, []string{"form"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := shopping(server.URL)
			tt.change(c.Steps)
			// What is extracted no more is needed no more.
			if len(tt.asked) == 1 {
				c.Steps = append(c.Steps[:1], httpcheck.Step{Name: "never", URL: "http://" + refused})
			}
			res := check(t, c)
			checktest.AssertFails(t, res, tt.reason, tt.details, 300)
			assert.Truef(t, strings.HasPrefix(res.Details, `step "`), res.Details)
			var asked []string
			for _, v := range res.Values {
				if v.Measure.Name() == "http_step_status_code" {
					asked = append(asked, v.Label)
				}
			}
			assert.Equal(t, tt.asked, asked)
		})
	}
}

// The run ends with its context, in whatever step it is.
func TestFlowEndsInTime(t *testing.T) {
	stop := make(chan struct{})
	server := serve(t, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/two" {
			select {
			case <-stop:
			case <-req.Context().Done():
			}
		}
	})
	defer close(stop)
	c := httpcheck.Config{URL: server.URL, Steps: []httpcheck.Step{{Name: "one"}, {Name: "two", URL: "two"}, {Name: "three"}}}
	start := time.Now()
	res := checktest.RunChecker(t, newChecker(t, c), checktest.Timeout)
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
	assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
	assert.Regexp(t, `^step "two": wait for the answer of 127\.0\.0\.1:\d+: timed out after `, res.Details)
	assert.EqualValues(t, 200, value(t, res, "http_step_status_code", "one"))
	_, ok := find(res, "http_step_phase_duration_seconds", "processing\xfftwo")
	assert.True(t, ok)
}

// Credentials and headers of the check go to its origin only, whatever the steps request and are redirected to; what a
// step has goes where the step does.
func TestFlowCredentials(t *testing.T) {
	seen := func(who string, log *[]string, mu *sync.Mutex, to func() string) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			*log = append(*log, fmt.Sprint(who, req.URL.Path, " ", req.Header.Get("Authorization"), " ", req.Header.Get("X-Key"), " ", req.Header.Get("X-Own"), " ", req.UserAgent()))
			mu.Unlock()
			if req.URL.Path == "/away" {
				http.Redirect(w, req, to()+"/", http.StatusTemporaryRedirect)
			}
		}
	}
	var mu sync.Mutex
	var log []string
	var home, other *httptest.Server
	home = serve(t, seen("home", &log, &mu, func() string { return other.URL }))
	other = serve(t, seen("other", &log, &mu, func() string { return home.URL }))
	own := map[string]string{"X-Own": "own"}
	steps := []httpcheck.Step{
		{Name: "1", URL: "/a", Headers: own},
		{Name: "2", URL: other.URL + "/b", Headers: own},
		{Name: "3", URL: "/away", Headers: own},
		{Name: "4", URL: other.URL + "/away", Headers: own},
		{Name: "5", URL: "/c", Headers: map[string]string{"Authorization": "Bearer x", "X-Key": "mine"}},
		{Name: "6", URL: strings.Replace(other.URL, "//", "//bob:builder@", 1) + "/d"},
	}
	const ann, bob = "Basic YW5uOmh1bnRlcjI=", "Basic Ym9iOmJ1aWxkZXI="
	want := []string{
		"home/a " + ann + " key own agent", "other/b   own agent", "home/away " + ann + " key own agent", "other/    agent",
		"other/away   own agent", "home/    agent", "home/c Bearer x mine  agent", "other/d " + bob + "   agent",
	}
	file := checktest.WriteFile(t, "hunter2")
	for name, auth := range map[string]*config.BasicAuth{
		"fixed": {Username: "ann", Password: "hunter2"}, "of a file": {Username: "ann", PasswordFile: file},
	} {
		t.Run(name, func(t *testing.T) {
			log = nil
			checktest.RequireOK(t, check(t, httpcheck.Config{URL: home.URL, BasicAuth: auth, Headers: map[string]string{"X-Key": "key", "User-Agent": "agent"}, Steps: steps}))
			assert.Equal(t, want, log)
		})
	}
}

// What steps see of certificates is told as for redirects: the earliest end.
func TestFlowCertificates(t *testing.T) {
	server := serveTLS(t, nil)
	c := httpcheck.Config{URL: server.URL, KeepAlive: true, TLSConfig: config.TLSConfig{InsecureSkipVerify: true}, Steps: []httpcheck.Step{{Name: "a"}, {Name: "b"}}}
	res := check(t, c)
	checktest.RequireOK(t, res)
	seen := make(map[string]int)
	for _, name := range names(res) {
		seen[name]++
		require.Equal(t, 1, seen[name], name)
	}
	_, ok := find(res, "http_step_phase_duration_seconds", "tls\xffa")
	assert.True(t, ok)
	for _, v := range res.Values {
		if strings.HasPrefix(v.Measure.Name(), "tls_") {
			return
		}
	}
	assert.Fail(t, "no measure of a certificate", names(res))
}
