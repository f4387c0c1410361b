package config_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// values are texts in YAML by what they stand for in a check. The schema and the decoder must take the same ones.
var values = map[string][]string{
	"endpoint: @":                                         {"a", "a-b_c.d", ".a", "a.", ".", "..", "1", "-", "a b", "ä", "a/b", strings.Repeat("a", 128), strings.Repeat("a", 129), "true", "'${X}'", "'a-${X}'"},
	"labels: {@: x}":                                      {"a", "_", "_a", "__a", "a__", "A1", "1a", "a-b", "a.b", "le", "job", "team", "version", "'a${X}'"},
	"labels: {a: @}":                                      {"x", "1", "1.5", "true", "'${X}'", "'$${'", "'$$${X}'", "'${X'", "'${}'", "'${a b}'", "'${X:-}'", "'${X:-a$b}'", "'${X:-${Y}}'", "'${file:}'", "'$'", "'a$$'", "'{}'", "[x]", "{a: b}"},
	"initial_delay: @":                                    {"1s", "1m30s", "1d", "1w2d", "1y", "500ms", "1.5h", ".5s", "1.s", "5us", "5µs", "'0'", "0", "1", "-1s", "+1s", "1 s", "1D", "s", "''", "1d1.5h", "1h1d", "1d1s", "'${SECOND}'", "'1${X}s'"},
	"failure_threshold: @":                                {"1", "1000000", "1000001", "0", "-1", "1.5", "'1'", "0x10", "'${X}'", "a"},
	"optional: @":                                         {"true", "false", "True", "yes", "1", "'true'", "'${TRUE}'"},
	"dns: {name: a, server: b, type: @}":                  {"A", "aaaa", "Mx", "B", "''", "'${MX}'"},
	"dns: {name: a, server: b, protocol: @}":              {"udp", "UDP", "tls", "x"},
	"http: {url: http://a, max_body_bytes: @}":            {"0", "1", "67108864", "67108865", "-1"},
	"http: {url: http://a, tls_config: {min_version: @}}": {"TLS12", "TLS13", "tls12", "SSL3"},
	"http: {url: http://a, basic_auth: {username: a, password_ref: @}}": {"b"},
	"exec: {command: [a], expect: {exit_codes: [@]}}":                   {"0", "255", "256", "-1", "a"},
	"filesystem: {path: /, min_free: @}": {
		"5%", "100%", "101%", "0.5%", ".5 %", "100.1%", "0%", "5GiB", "5 gib", "500MB", "1000", "1.5", "1.5TiB", "-1", "1e3", "5G", "''", "'%'",
	},
	"filesystem: {path: /, min_free_inodes: @}": {"5%", "1000", "5GiB", "-5%"},
	"maintenance: [@]": {
		"{}", "{cron: '@daily', duration: 1h}", "{cron: '@daily'}", "{duration: 1h}", "{from: 2026-12-24T18:00:00Z, to: 2026-12-24T20:00:00+01:00}",
		"{from: 2026-12-24T18:00:00Z}", "{from: 2026-12-24, to: 2026-12-25}", "{cron: '@daily', duration: 1h, from: 2026-12-24T18:00:00Z}",
		"{from: 2026-12-24T18:00:00Z, to: 2026-12-25T18:00:00Z, timezone: UTC}",
	},
	"tcp: @":           {"{address: 'a:1'}", "{}", "~", "{address: 'a:1', dialog: [{send: a}]}", "{address: 'a:1', dialog: a}", "{address: 'a:1', x: 1}", "a"},
	"template: web, @": {"name: a", "http: {url: http://b}", "http: {method: PUT}", "tcp: {address: 'a:1'}", "interval: 5x", "http: {url: http://b}, tcp: {address: 'a:1'}"},
}

// disagreed are values for which the two differ, and why.
var disagreed = map[string]string{
	"template: web, tcp: {address: 'a:1'}": "the schema does not know which kind the template has",
	"dns: {name: a, server: b, type: B}":   "there are too many types of records, and TYPE65280 is one",
	"filesystem: {path: /, min_free: 1e3}": "a number is one to JSON, however it is written",
}

func TestSchemaTakesTheValuesOfTheDecoder(t *testing.T) {
	schema := compile(t, config.Schema())
	variables := map[string]string{"X": "1", "SECOND": "1s", "TRUE": "true", "MX": "MX"}
	differ := maps.Clone(disagreed)
	for pattern, list := range values {
		for _, value := range list {
			check := strings.Replace(pattern, "@", value, 1)
			body := check
			if !strings.Contains(pattern, "endpoint") {
				body = "endpoint: a, " + body
			}
			if !strings.Contains(check, "{url") && !strings.Contains(check, "{name") && !strings.Contains(check, "command") &&
				!strings.Contains(check, "filesystem") && !strings.Contains(check, "tcp") && !strings.Contains(check, "template") {
				body += ", tcp: {address: 'a:1'}"
			}
			text := "templates: {web: {http: {url: http://a}}}\nchecks:\n- {" + body + "}\n"
			_, err := config.Parse("c.yml", []byte(text), config.Options{Lookup: func(name string) (string, bool) {
				v, ok := variables[name]
				return v, ok
			}})
			v, ok := asEditor(text)
			refused := schema.Validate(v)
			if _, expected := differ[check]; expected {
				assert.NotEqual(t, err == nil, ok && refused == nil, check)
				delete(differ, check)
				continue
			}
			assert.Equal(t, err == nil, ok && refused == nil, "%s: %v, %v", check, err, refused)
		}
	}
	assert.Empty(t, differ)
}
