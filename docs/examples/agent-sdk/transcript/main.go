// Command transcript uses the healthcheck package of the agent SDK, or ours, as told by its first argument, in the same
// way, and writes all that can be seen of it to the file that is its second. It is a program, for in a test the SDK's
// package does not run a check when it is registered.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	sdkconfig "github.com/Axway/agent-sdk/pkg/config"
	sdk "github.com/Axway/agent-sdk/pkg/util/healthcheck"

	ours "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// status is that of either package.
type status struct{ result, details string }

// api is either package.
type api struct {
	register      func(name, endpoint string, check func(name string) status) (string, error)
	status        func(endpoint string) string
	global        func() (level, details string)
	runChecks     func() string
	identify      func(name, version string)
	config        func(port int, period, interval time.Duration) error // sets it, and returns what ValidateCfg says
	noConfig      func() bool
	newServer     func(httpprof bool) (handleRequests func())
	isRunning     func() error
	output        func(url string) (string, error)
	query         func(port int) string
	marshal       func(status) ([]byte, error)
	defaultConfig func() (port int, period, interval time.Duration)
}

func ofSDK() api {
	statusOf := func(s status) *sdk.Status { return &sdk.Status{Result: sdk.StatusLevel(s.result), Details: s.details} }
	return api{
		register: func(name, endpoint string, check func(string) status) (string, error) {
			return sdk.RegisterHealthcheck(name, endpoint, func(name string) *sdk.Status { return statusOf(check(name)) })
		},
		status:    func(endpoint string) string { return string(sdk.GetStatus(endpoint)) },
		global:    sdk.GetGlobalStatus,
		runChecks: func() string { return string(sdk.RunChecks()) },
		identify:  sdk.SetNameAndVersion,
		config: func(port int, period, interval time.Duration) error {
			c := &sdkconfig.StatusConfiguration{Port: port, HealthCheckPeriod: period, HealthCheckInterval: interval}
			sdk.SetStatusConfig(c)
			return c.ValidateCfg()
		},
		noConfig:  func() bool { return sdk.GetStatusConfig() == nil },
		newServer: func(httpprof bool) func() { return sdk.NewServer(httpprof).HandleRequests },
		isRunning: sdk.CheckIsRunning,
		output:    sdk.GetHealthcheckOutput,
		query:     sdk.QueryForStatus,
		marshal:   func(s status) ([]byte, error) { return json.Marshal(statusOf(s)) },
		defaultConfig: func() (int, time.Duration, time.Duration) {
			c := sdkconfig.NewStatusConfig()
			return c.GetPort(), c.GetHealthCheckPeriod(), c.GetHealthCheckInterval()
		},
	}
}

func ofOurs() api {
	statusOf := func(s status) *ours.Status {
		return &ours.Status{Result: ours.StatusLevel(s.result), Details: s.details}
	}
	return api{
		register: func(name, endpoint string, check func(string) status) (string, error) {
			return ours.RegisterHealthcheck(name, endpoint, func(name string) *ours.Status { return statusOf(check(name)) })
		},
		status:    func(endpoint string) string { return string(ours.GetStatus(endpoint)) },
		global:    ours.GetGlobalStatus,
		runChecks: func() string { return string(ours.RunChecks()) },
		identify:  ours.SetNameAndVersion,
		config: func(port int, period, interval time.Duration) error {
			c := &ours.StatusConfiguration{Port: port, HealthCheckPeriod: period, HealthCheckInterval: interval}
			ours.SetStatusConfig(c)
			return c.ValidateCfg()
		},
		noConfig:  func() bool { return ours.GetStatusConfig() == nil },
		newServer: func(httpprof bool) func() { return ours.NewServer(httpprof).HandleRequests },
		isRunning: ours.CheckIsRunning,
		output:    ours.GetHealthcheckOutput,
		query:     ours.QueryForStatus,
		marshal:   func(s status) ([]byte, error) { return json.Marshal(statusOf(s)) },
		defaultConfig: func() (int, time.Duration, time.Duration) {
			c := ours.NewStatusConfig()
			return c.GetPort(), c.GetHealthCheckPeriod(), c.GetHealthCheckInterval()
		},
	}
}

func main() {
	file, err := os.Create(os.Args[2])
	if err != nil {
		panic(err)
	}
	defer file.Close()
	a := ofOurs()
	if os.Args[1] == "sdk" {
		a = ofSDK()
	}
	t := &transcript{api: a, w: file}
	t.unconfigured()
	t.configs()
	t.serve()
	t.empty()
	t.checks()
	t.requests()
	t.outputs()
	t.running()
}

type transcript struct {
	api
	w    io.Writer
	port int
}

func (t *transcript) say(what string, values ...any) {
	fmt.Fprintf(t.w, "%s:", what)
	for _, v := range values {
		if err, ok := v.(error); ok {
			v = without(err.Error())
		}
		fmt.Fprintf(t.w, " %q", fmt.Sprint(v))
	}
	fmt.Fprintln(t.w)
}

// without takes off what ours tells of the cause after a text of the SDK's, which tells none, and the port, which is
// another at each run.
func without(text string) string {
	for _, fixed := range []string{"could not query for the status", "could not read the body of the response", "could not marshall into the expected type"} {
		before, _, found := strings.Cut(text, fixed)
		if found {
			return before + fixed
		}
	}
	return text
}

func (t *transcript) unconfigured() {
	level, details := t.global()
	t.say("at the start", level, details, t.status("nobody"), t.noConfig(), t.isRunning())
	port, period, interval := t.defaultConfig()
	t.say("defaults", port, period, interval)
	for _, s := range []status{{}, {"OK", ""}, {"FAIL", "<down> & \"out\"\u2028\x01"}} {
		b, err := t.marshal(s)
		t.say("json of a status", string(b), err)
	}
}

func (t *transcript) configs() {
	const m, s = time.Minute, time.Second
	for _, c := range []struct{ period, interval time.Duration }{
		{m, 30 * s}, {5 * m, 5 * m}, {m - 1, m}, {5*m + 1, m}, {0, 0}, {-m, m}, {m, 30*s - 1}, {m, 5*m + 1}, {m, 0}, {m, -m},
	} {
		err := t.config(0, c.period, c.interval)
		t.say("validate", c.period, c.interval, err, code(err))
	}
}

func code(err error) int {
	coded, ok := errors.AsType[interface {
		error
		GetErrorCode() int
	}](err)
	if !ok {
		return 0
	}
	return coded.GetErrorCode()
}

func (t *transcript) serve() {
	t.port = freePort()
	_ = t.config(t.port, time.Minute, time.Minute)
	t.say("nobody runs", t.isRunning())
	t.say("nobody answers", without(t.query(t.port)))
	t.newServer(true)()
	for range 500 {
		conn, err := net.Dial("tcp", fmt.Sprintf("localhost:%d", t.port))
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	panic("no server")
}

func freePort() int {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (t *transcript) get(path string) { t.request(http.MethodGet, path) }

func (t *transcript) request(method, path string) {
	req, err := http.NewRequest(method, fmt.Sprintf("http://localhost:%d%s", t.port, path), http.NoBody)
	if err != nil {
		panic(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(err)
	}
	t.say(method+" "+path, resp.StatusCode, resp.Header.Get("Content-Type"), string(body))
}

func (t *transcript) empty() {
	t.get("/status")
	t.identify(`<a & "b">`, "ü\u2028")
	t.get("/status")
	t.say("a round over nothing", t.runChecks())
	level, details := t.global()
	t.say("then", level, details, t.isRunning(), code(t.isRunning()))
	t.get("/status")
	t.identify("agent", "1.2.3")
}

// checks registers one check after the other, has it say this and that, and leaves it OK, so that at most one is FAIL and
// the details of the whole are known. The level of the whole is looked at after a round: ours changes before.
func (t *transcript) checks() {
	says := []status{
		{"OK", ""}, {"OK", "fine"}, {"FAIL", ""}, {"FAIL", "down"}, {"", ""}, {"", "undecided"}, {"WARN", "slow"}, {"ok", ""}, {"fail", ""},
		{"FAIL", "<down> & \"out\"\\\n\r\t\b\f\x7f\x01\u2028€"}, {"FAIL", strings.Repeat("long € ", 7000)}, {"OK", "\ufffd"},
		{"<&>\u2029", "odd"}, {"OK", ""},
	}
	for _, c := range []struct{ name, endpoint string }{
		{"Amplify Central", "central"}, {"b", "b"}, {"A <&> \"B\"\u2028", "B"}, {"Größe", "größe"}, {"dot", "a.b"}, {"host", "localhost:5044"},
		{"slash", "x~y_z-1"}, {"one", "0"},
	} {
		said := says[0]
		names := make(map[string]int)
		id, err := t.register(c.name, c.endpoint, func(name string) status { names[name]++; return said })
		t.say("register", c.name, c.endpoint, len(id), err, names, t.status(c.endpoint))
		id, err = t.register("again", c.endpoint, func(string) status { panic("never called") })
		t.say("again", id, err)
		for _, said = range says {
			t.say("round", said, t.runChecks(), names)
			level, details := t.global()
			t.say("then", t.status(c.endpoint), level, details)
			t.get("/status/" + c.endpoint)
			t.get("/status")
		}
	}
	for i, said := range says {
		endpoint := fmt.Sprint("said", i)
		_, err := t.register("said", endpoint, func(string) status { return said })
		t.say("register", endpoint, err, t.status(endpoint))
		t.get("/status/" + endpoint)
	}
	t.runChecks()
	t.get("/status")
	level, _ := t.global() // of which, a map knows
	t.say("many fail", level)
}

func (t *transcript) requests() {
	for _, path := range []string{
		"/", "/status/", "/status/nobody", "/status/central/", "/status/central/more", "//status", "/status?a=b", "/status/central?a=b",
		"/status/said2", "/status/%63entral", "/Status", "/status/Central", "/metrics", "/status/central%20",
	} {
		t.get(path)
	}
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
		t.request(method, "/status")
		t.request(method, "/status/central")
	}
	t.get("/debug/pprof/symbol")
}

func (t *transcript) outputs() {
	output, err := t.output(fmt.Sprintf("http://localhost:%d/status", t.port))
	t.say("output", output, err)
	t.say("query", without(t.query(t.port)))
	for _, port := range []int{0, -1, 70000} {
		t.say("query", port, without(t.query(port)))
	}
	for _, url := range []string{"", "://", "http://localhost:1\x7f/", "ftp://localhost/status", "http://"} {
		output, err := t.output(url)
		t.say("output", url, output, err)
	}
	const good = `{"name":"a","version":"1","status":"OK","statusChecks":{"b":{"name":"B","endpoint":"b","status":{"result":"OK","details":"<fine>"}}}}`
	for _, answer := range []struct {
		code int
		body string
	}{
		{200, strings.ReplaceAll(strings.ReplaceAll(good, "<", `\u003c`), ">", `\u003e`)}, {503, `{"name":"","status":"FAIL","statusChecks":{}}`},
		{201, `{"name":"","status":"OK","statusChecks":{}}`}, {404, "404 page not found"}, {200, ""}, {200, "<html>"}, {200, "[]"}, {200, "1"},
		{200, `{"status":{"a":1}}`}, {200, `{"statusChecks":[]}`}, {200, `{"statusChecks":{"a":1}}`}, {200, `{"name":"a"} more`}, {500, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/moved" {
				http.Redirect(w, req, "/", http.StatusFound)
				return
			}
			w.WriteHeader(answer.code)
			_, _ = io.WriteString(w, answer.body)
		}))
		for _, path := range []string{"", "/moved"} {
			output, err := t.output(server.URL + path)
			t.say("output", answer.code, answer.body, output, err)
		}
		server.Close()
	}
}

func (t *transcript) running() {
	t.say("an unhealthy whole", t.runChecks())
	for _, port := range []int{0, -1, freePort()} {
		_ = t.config(port, time.Minute, time.Minute)
		t.say("running", t.isRunning())
		if port <= 0 {
			t.newServer(false)()
		}
	}
}
