//go:build tools

package dashboards_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck/systemdtest"
)

// withoutData are the queries that may have no series in a test of a minute, by panel and query, and why. They are run all
// the same.
var withoutData = map[string]string{
	"Worst availability C": "the recording rule for 30 days begins with the first full hour",
	"No fresh result A":    "a check is stale after a minute at the earliest",
}

// The numbers of rows and of series that a query may have, however many checks there are.
const (
	mostRows   = 200
	mostSeries = 40
)

// TestQueries runs every query of every dashboard against a Prometheus that scrapes two exporters with the same checks, in
// every state, and a program with checks of its own; with and without the recording rules of the alerts.
func TestQueries(t *testing.T) {
	prometheus := startPrometheus(t, map[string][]string{
		"exporter": {
			startExporter(t, collector.HistogramNative),
			startExporter(t, collector.HistogramClassic),
			closedAddress(t),
		},
		"program": {startProgram(t)},
	}, "")
	checks := strings.Fields("flapping down dependent maintained slow tls plugin zone zones steps udp grpc icmp chain files unix process systemd disk memory agent tcp gone hangs panics custom")
	for uid, d := range read(t) {
		variables := []map[string]string{{"job": "exporter|program", "instance": ".+"}}
		if uid == "healthcheck-check" {
			variables = nil
			for _, c := range checks {
				variables = append(variables, map[string]string{"job": "exporter|program", "instance": ".+", "check": c})
			}
			// A replica with classic histograms alone.
			variables = append(variables, map[string]string{"job": "exporter", "instance": prometheus.targets["exporter"][1], "check": "flapping"})
		}
		for _, rules := range []string{"with rules", "without rules"} {
			t.Run(uid+"/"+rules, func(t *testing.T) {
				for _, q := range d.targets() {
					if rules == "without rules" {
						if strings.HasPrefix(q.expr, "check:") {
							continue // which has nothing else, and says so
						}
						q.expr = strings.ReplaceAll(q.expr, "check:healthcheck_", "absent:healthcheck_")
					}
					found := prometheus.poll(t, q, variables)
					if withoutData[q.name] != "" {
						continue
					}
					assert.Positive(t, found, "no data for %s:\n%s", q.name, q.expr)
				}
			})
		}
		t.Run(uid+"/variables", func(t *testing.T) {
			for _, v := range d.Templating.List {
				series, label := v.series()
				if series == "" {
					continue
				}
				assert.NotEmpty(t, prometheus.labelValues(t, label, substitute(series, variables[0])), v.Name)
			}
		})
	}
}

// TestLeanQueries runs the queries against checks of the lean profile: every panel that does not say that it needs another one
// has data, and of one that says so in part, a query has.
func TestLeanQueries(t *testing.T) {
	var more []string
	for name, p := range profiles() {
		if p != collector.ProfileLean {
			more = append(more, name)
		}
	}
	prometheus := startPrometheus(t, map[string][]string{
		"exporter": {startExporter(t, collector.HistogramNative), startExporter(t, collector.HistogramClassic), closedAddress(t)},
		"program":  {startProgram(t)},
	}, fmt.Sprintf(`
    metric_relabel_configs: [{ source_labels: [__name__], regex: "%s", action: drop }]`, strings.Join(more, "|")))
	for uid, d := range read(t) {
		variables := []map[string]string{{"job": "exporter|program", "instance": ".+"}}
		if uid == "healthcheck-check" {
			variables = nil
			for _, c := range strings.Fields("flapping down dependent maintained tls") {
				variables = append(variables, map[string]string{"job": "exporter|program", "instance": ".+", "check": c})
			}
			// A replica with classic histograms alone.
			variables = append(variables, map[string]string{"job": "exporter", "instance": prometheus.targets["exporter"][1], "check": "flapping"})
		}
		for _, p := range d.Panels {
			if strings.HasSuffix(p.Description, "Needs the metrics profile default.") {
				continue
			}
			found := p.Type == "row"
			for _, g := range p.Targets {
				q := query{p.Title + " " + g.RefID, g.Expr, g.Instant, g.Format == "table"}
				if withoutData[q.name] != "" || strings.HasPrefix(q.expr, "check:") || found && strings.Contains(p.Description, "metrics profile lean") {
					continue
				}
				n := prometheus.poll(t, q, variables)
				found = found || n > 0
				assert.True(t, n > 0 || strings.Contains(p.Description, "metrics profile lean"), "no data for %s:\n%s", q.name, q.expr)
			}
			assert.True(t, found, "no data for %s", p.Title)
		}
	}
}

// TestManyChecks holds the number of series of every panel against a limit, with 5,000 checks in one program, and with one
// check in 5,000 programs.
func TestManyChecks(t *testing.T) {
	const checks = 5000
	relabel := `
    metric_relabel_configs:
      - { source_labels: [check], regex: (.+), target_label: instance }
      - { source_labels: [check], regex: (.+), target_label: check, replacement: everywhere }`
	many := startMany(t, checks)
	prometheus := startPrometheus(t, map[string][]string{"many": {many}, "fleet": {many}}, relabel)
	found := prometheus.poll(t, query{name: "checks", instant: true, expr: fmt.Sprintf(`count(count by (check) (healthcheck_runs_total{job="many",result="fail"} > 0)) > %d`, checks/3)},
		[]map[string]string{{}})
	require.Positive(t, found)
	all := read(t)
	for uid, job := range map[string]string{"healthcheck-overview": "many", "healthcheck-check": "fleet", "healthcheck-exporter": "fleet|many"} {
		t.Run(uid, func(t *testing.T) {
			d := all[uid]
			for _, q := range d.targets() {
				start := time.Now()
				found, err := prometheus.run(t.Context(), q, map[string]string{"job": job, "instance": ".+", "check": "everywhere"})
				require.NoError(t, err, "%s:\n%s", q.name, q.expr)
				most := mostSeries
				if q.rows {
					most = mostRows
				}
				assert.LessOrEqual(t, found, most, q.name)
				assert.Less(t, time.Since(start), 20*time.Second, q.name)
			}
		})
	}
}

// query is a PromQL query of a dashboard.
type query struct {
	name, expr string
	instant    bool
	rows       bool // they are rows of a table
}

func (d *dashboard) targets() []query {
	var all []query
	for _, p := range d.Panels {
		for _, g := range p.Targets {
			all = append(all, query{p.Title + " " + g.RefID, g.Expr, g.Instant, g.Format == "table"})
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, query{a.Name, a.Target.Expr, false, false})
	}
	return all
}

// substitute puts values for the variables of a query as Grafana does.
func substitute(q string, variables map[string]string) string {
	q = strings.NewReplacer("$__rate_interval", "15s", "$__range", "60s").Replace(q)
	for name, value := range variables {
		q = strings.ReplaceAll(q, "$"+name, value)
	}
	return q
}

// server is a Prometheus that runs.
type server struct {
	url      string
	targets  map[string][]string
	deadline time.Time // until when data is waited for
}

var configuration = template.Must(template.New("").Parse(`
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
{{- range $job, $targets := .Targets }}
  - job_name: {{ $job }}
    scrape_native_histograms: true
    {{- if eq $job "many" "fleet" }}
    scrape_interval: 5s
    scrape_timeout: 5s
    {{- end }}
    static_configs: [{ targets: [{{ range $targets }}"{{ . }}",{{ end }}] }]
    {{- if ne $job "many" }}{{ $.Relabel }}{{ end }}
{{- end }}
`))

// startPrometheus starts a Prometheus that scrapes the targets of each job, with the rules of the alerts evaluated each
// second. It is stopped when the test ends.
func startPrometheus(t *testing.T, targets map[string][]string, relabel string) *server {
	t.Helper()
	dir := t.TempDir()
	rules, err := os.ReadFile("../alerts/healthcheck.rules.yml")
	require.NoError(t, err)
	rules = regexp.MustCompile(`(?m)^    interval: \d+[sm]$`).ReplaceAll(rules, []byte("    interval: 1s"))
	if relabel != "" {
		rules = []byte("groups: []\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.yml"), rules, 0o600))
	var b bytes.Buffer
	require.NoError(t, configuration.Execute(&b, map[string]any{"Targets": targets, "Relabel": relabel}))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), b.Bytes(), 0o600))

	ctx, stop := context.WithCancel(t.Context())
	address := closedAddress(t)
	command := exec.CommandContext(ctx, program(t, "prometheus"),
		"--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	require.NoError(t, command.Start())
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = command.Wait() // it is interrupted
	}()
	t.Cleanup(func() {
		stop()
		<-exited
		if t.Failed() {
			t.Log(output.String())
		}
	})
	s := &server{"http://" + address, targets, time.Now().Add(time.Minute)}
	require.Eventually(t, func() bool {
		answer, err := http.Get(s.url + "/-/ready")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 30*time.Second, 100*time.Millisecond, "Prometheus does not start")
	return s
}

// program returns the path of a program in $HEALTHCHECK_TOOLS or $PATH.
func program(t *testing.T, name string) string {
	t.Helper()
	if dir := os.Getenv("HEALTHCHECK_TOOLS"); dir != "" {
		return filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	return path
}

// poll runs a query with each of the variables until one has data, and returns the number of its series. A query that
// need not have data is run once.
func (s *server) poll(t *testing.T, q query, variables []map[string]string) int {
	t.Helper()
	for {
		for _, v := range variables {
			found, err := s.run(t.Context(), q, v)
			require.NoError(t, err, "%s:\n%s", q.name, q.expr)
			if found > 0 {
				return found
			}
		}
		if withoutData[q.name] != "" || time.Now().After(s.deadline) {
			return 0
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// run returns the number of series that a query has. A warning is an error.
func (s *server) run(ctx context.Context, q query, variables map[string]string) (int, error) {
	parameters := url.Values{"query": {substitute(q.expr, variables)}}
	path := "/api/v1/query"
	if !q.instant {
		now := time.Now()
		parameters.Set("start", strconv.FormatInt(now.Add(-time.Minute).Unix(), 10))
		parameters.Set("end", strconv.FormatInt(now.Unix(), 10))
		parameters.Set("step", "2")
		path = "/api/v1/query_range"
	}
	var data struct{ Result []json.RawMessage }
	err := s.ask(ctx, path, parameters, &data)
	return len(data.Result), err
}

func (s *server) labelValues(t *testing.T, label, series string) []string {
	t.Helper()
	var values []string
	require.NoError(t, s.ask(t.Context(), "/api/v1/label/"+label+"/values", url.Values{"match[]": {series}}, &values))
	return values
}

func (s *server) ask(ctx context.Context, path string, parameters url.Values, data any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path+"?"+parameters.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error   string
		Data            json.RawMessage
		Warnings, Infos []string
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" || len(answer.Warnings)+len(answer.Infos) > 0 {
		return fmt.Errorf("%s %q %q", answer.Error, answer.Warnings, answer.Infos)
	}
	return json.Unmarshal(answer.Data, data)
}

// closedAddress returns an address on which nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// checksFile has a check in every state, and of every kind.
var checksFile = template.Must(template.New("").Parse(`
defaults: { interval: 1s, timeout: 500ms }
checks:
  - { endpoint: flapping, labels: { team: web, severity: critical, objective: "99" }, http: { url: "{{ .Web }}/flapping" } }
  - { endpoint: down, tcp: { address: "{{ .Closed }}" } }
  - { endpoint: dependent, depends_on: [down], tcp: { address: "{{ .Closed }}" } }
  - { endpoint: maintained, maintenance: [{ from: "{{ .From }}", to: "{{ .To }}" }], http: { url: "{{ .Web }}/broken" } }
  - { endpoint: slow, http: { url: "{{ .Web }}/slow" } }
  - { endpoint: gone, http: { url: "{{ .Web }}/hang" } }
  - { endpoint: tls, http: { url: "{{ .TLS }}", tls_config: { ca_file: "{{ .CA }}" } } }
  - { endpoint: untrusted, http: { url: "{{ .TLS }}" } }
  - { endpoint: tcp, tcp: { address: "{{ .Address }}" } }
  - { endpoint: zone, dns: { name: example.org., type: SOA, server: "{{ .DNS }}" } }
  - { endpoint: zones, dns: { name: example.org., type: SOA, servers: ["{{ .DNS }}", "{{ .OtherDNS }}"], dnssec: { signatures: true }, expect: { same_serial: true } } }
  - { endpoint: steps, http: { url: "{{ .Web }}/", steps: [{ name: first }, { name: second, url: /slow }] } }
  - { endpoint: udp, udp: { address: "{{ .DNS }}", dialog: [{ send_hex: {{ .Query }}, expect_hex: "0001" }] } }
  - { endpoint: icmp, icmp: { host: 127.0.0.1 } }
  - { endpoint: grpc, grpc: { address: "{{ .GRPC }}" } }
  - { endpoint: chain, tls: { address: "{{ .TLSAddress }}", tls_config: { ca_file: "{{ .CA }}" } } }
  - { endpoint: files, tls: { files: ["{{ .CA }}"] } }
  - { endpoint: unix, unix: { path: "{{ .Socket }}" } }
  - { endpoint: process, process: { name: "{{ .Self }}" } }
  - { endpoint: systemd, systemd: { units: ["*"], address: "{{ .Bus }}" } }
  - { endpoint: plugin, exec: { command: [sh, -c, "echo 'OK | load=0.5;1;2 users=3'"], format: nagios } }
  - { endpoint: disk, filesystem: { path: /, min_free: 0%, min_free_inodes: 0% } }
  - { endpoint: memory, memory: { min_available: 0%, source: system } }
  - { endpoint: agent, status: { url: "{{ .Agent }}" } }
  - { endpoint: later, initial_delay: 1h, http: { url: "{{ .Web }}/" } }
`))

// startExporter runs an exporter with checks in every state and returns its address.
func startExporter(t *testing.T, form collector.Histogram) string {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(serveWeb))
	t.Cleanup(web.Close)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(serveWeb))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a check does not trust it
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	secure.StartTLS()
	staple(t, &secure.TLS.Certificates[0])
	t.Cleanup(secure.Close)
	dir := t.TempDir()
	authority := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))

	file := filepath.Join(dir, "checks.yml")
	var b bytes.Buffer
	require.NoError(t, checksFile.Execute(&b, map[string]string{
		"Web": web.URL, "Address": web.Listener.Addr().String(), "TLS": secure.URL, "TLSAddress": secure.Listener.Addr().String(), "CA": authority,
		"Closed": closedAddress(t), "DNS": startDNS(t), "OtherDNS": startDNS(t), "Query": "000101000001000000000000076578616d706c65036f72670000060001", "Socket": startUnix(t, dir), "Agent": startAgent(t), "GRPC": startGRPC(t), "Self": filepath.Base(os.Args[0]), "Bus": startSystemd(t),
		"From": time.Now().Add(-time.Hour).Format(time.RFC3339), "To": time.Now().Add(time.Hour).Format(time.RFC3339),
	}))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	options := exporter.DefaultOptions()
	options.ConfigFile, options.ListenAddresses, options.DurationHistogram = file, []string{"127.0.0.1:0"}, form
	e, err := exporter.New(t.Context(), options)
	require.NoError(t, err)
	background(t, e.Run)
	return e.Addr().String()
}

// staple lets a certificate that has issued itself come with an OCSP response.
func staple(t *testing.T, cert *tls.Certificate) {
	t.Helper()
	issuer, err := x509.ParseCertificate(cert.Certificate[0])
	require.NoError(t, err)
	cert.OCSPStaple, err = ocsp.CreateResponse(issuer, issuer, ocsp.Response{
		Status: ocsp.Good, SerialNumber: issuer.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
	}, cert.PrivateKey.(crypto.Signer))
	require.NoError(t, err)
}

// background runs f until the test ends.
func background(t *testing.T, f func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { assert.NoError(t, f(ctx)) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
}

func serveWeb(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/flapping":
		if time.Now().Unix()/3%2 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	case "/broken":
		w.WriteHeader(http.StatusInternalServerError)
	case "/slow":
		wait(r.Context(), 300*time.Millisecond)
	case "/hang":
		wait(r.Context(), time.Minute)
	}
	_, _ = io.WriteString(w, "hello")
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// startUnix serves on a socket in a folder, and returns its path.
func startUnix(t *testing.T, dir string) string {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	require.NoError(t, err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(serveWeb))
	require.NoError(t, s.Listener.Close())
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return l.Addr().String()
}

// startDNS runs a name server with one SOA record, which is signed, and returns its address.
func startDNS(t *testing.T) string {
	t.Helper()
	connection, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	record, err := dns.NewRR("example.org. 60 IN SOA ns.example.org. mail.example.org. 2026010101 3600 600 86400 60")
	require.NoError(t, err)
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	private, err := key.Generate(256)
	require.NoError(t, err)
	signature := &dns.RRSIG{
		Hdr: dns.RR_Header{Ttl: 60}, Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: key.Hdr.Name,
		Inception: uint32(time.Now().Add(-time.Hour).Unix()), Expiration: uint32(time.Now().Add(time.Hour).Unix()),
	}
	require.NoError(t, signature.Sign(private.(crypto.Signer), []dns.RR{record}))
	s := &dns.Server{PacketConn: connection, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		answer := new(dns.Msg).SetReply(m)
		answer.Answer = []dns.RR{record}
		if opt := m.IsEdns0(); opt != nil && opt.Do() {
			answer.Answer = append(answer.Answer, signature)
		}
		_ = w.WriteMsg(answer)
	})}
	background(t, func(ctx context.Context) error {
		context.AfterFunc(ctx, func() { _ = s.Shutdown() })
		return s.ActivateAndServe()
	})
	return connection.LocalAddr().String()
}

// startGRPC runs a gRPC server with a health service, and returns its address.
func startGRPC(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	background(t, func(ctx context.Context) error {
		context.AfterFunc(ctx, s.Stop)
		return s.Serve(l)
	})
	return l.Addr().String()
}

// startSystemd serves as a manager of units, and returns the address of its bus.
func startSystemd(t *testing.T) string {
	t.Helper()
	used := systemdtest.Properties{"NRestarts": uint32(2), "MemoryCurrent": uint64(1 << 20), "TasksCurrent": uint64(7)}
	triggered := systemdtest.Properties{"LastTriggerUSec": uint64(time.Now().Add(-time.Hour).UnixMicro())}
	return systemdtest.Serve(t, systemdtest.Manager{
		"web.service": systemdtest.Unit("active", "running", used),
		"day.timer":   systemdtest.Unit("active", "waiting", triggered),
	})
}

// startAgent serves the status of a program with one component that is OK and one that is FAIL, and returns its URL.
func startAgent(t *testing.T) string {
	t.Helper()
	registry := &healthcheck.Registry{}
	require.NoError(t, registry.Register(healthcheck.Check{Endpoint: "good", Func: func(context.Context) error { return nil }}))
	require.NoError(t, registry.Register(healthcheck.Check{Endpoint: "bad", Func: func(context.Context) error { return errors.New("broken") }}))
	registry.Run(t.Context())
	s := httptest.NewServer(healthcheck.StatusHandler(registry, nil))
	t.Cleanup(s.Close)
	return s.URL
}

var ownMeasure = healthcheck.NewMeasure("dashboard_test_queue_length", "Made up.")

type measuring struct{}

func (measuring) Check(context.Context) healthcheck.Result {
	return healthcheck.Result{Values: []healthcheck.Value{{Measure: ownMeasure, Value: 7}}}
}

// startProgram runs a program with checks that hang, panic and measure, and returns its address.
func startProgram(t *testing.T) string {
	t.Helper()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	registry := &healthcheck.Registry{}
	for _, c := range []healthcheck.Check{
		{Endpoint: "hangs", Timeout: 300 * time.Millisecond, Func: func(context.Context) error { <-release; return nil }},
		{Endpoint: "panics", Func: func(context.Context) error { panic("on purpose") }},
		{Endpoint: "custom", Checker: measuring{}},
	} {
		require.NoError(t, registry.Register(c))
	}
	return serveRegistry(t, registry, time.Second)
}

// startMany runs a program with n checks, of which half change their state with each run, and returns its address.
func startMany(t *testing.T, n int) string {
	t.Helper()
	registry := &healthcheck.Registry{}
	for i := range n {
		runs := 0
		require.NoError(t, registry.Register(healthcheck.Check{Endpoint: fmt.Sprintf("check-%04d", i), Func: func(context.Context) error {
			if runs++; (runs+i)%4 < 2 {
				return errors.New("broken")
			}
			return nil
		}}))
	}
	return serveRegistry(t, registry, 10*time.Second)
}

func serveRegistry(t *testing.T, registry *healthcheck.Registry, interval time.Duration) string {
	t.Helper()
	background(t, (&healthcheck.Runner{Registry: registry, Interval: interval}).Run)
	s := httptest.NewServer(exporter.MetricsHandler(registry))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
