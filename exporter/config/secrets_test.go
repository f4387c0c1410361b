package config_test

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// TestNoErrorShowsASecret puts a secret into every value of a configuration that uses every form of value, one at a
// time, alone and within a URL, so that most of the errors there are get to see it.
func TestNoErrorShowsASecret(t *testing.T) {
	const yaml = `name: §
version: §
defaults:
  interval: §
  timeout: §
  failing_interval: §
  failure_threshold: §
  success_threshold: §
  labels: { team: § }
maintenance:
  - { cron: § }
  - { cron: '@daily', duration: § }
  - { cron: '@daily', duration: 1h, timezone: § }
  - { from: 2026-01-01T00:00:00Z, to: § }
checks:
  - endpoint: §
    name: §
    interval: §
    timeout: §
    initial_delay: §
    failing_interval: §
    failure_threshold: §
    success_threshold: §
    optional: §
    depends_on: [ § ]
    labels: { team: § }
    maintenance: [ { cron: § } ]
    web:
      url: §
      method: §
      headers: { Host: § }
      expect: { status: [ § ], body_matches: [ § ] }
      retries: §
      size: §
      ratio: §
      follow: §
      wait: §
      pattern: §
      steps: [ { send: § } ]
      groups: { a: [ § ] }
      proxy: §
      proxy_url: §
      tls_config: { min_version: §, insecure_skip_verify: § }
      basic_auth: { username: §, password: § }
      oauth2: { token_url: §, client_id: §, scopes: § }
      client_headers: { a: § }
      either: §
      token: §
`
	secrets := []string{
		"correct-horse", `pa"ss\word(`, "a/b%zz:c@d", "line one\nline two[\n", "7h", "99999999999999999999", "-5", "ü(ö[", "TLS99",
		"http://u:correct-horse@h:port", "http://u:correct-horse@h/%zz", "\x7fdelete", "(?<correct-horse",
	}
	places := strings.Count(yaml, "§")
	errors := 0
	for _, secret := range secrets {
		opts := testOptions()
		opts.Lookup = func(string) (string, bool) { return secret, true }
		for i := range places {
			for _, reference := range []string{"'${SECRET}'", "'http://user:${SECRET}@host/'", "'${SECRET}('"} {
				_, err := config.Parse("c.yml", []byte(place(yaml, i, reference)), opts)
				if err == nil {
					continue
				}
				errors++
				for _, form := range []string{
					secret, strings.Trim(fmt.Sprintf("%q", secret), `"`), url.QueryEscape(secret), url.PathEscape(secret),
					"correct-horse", "line one", "line two", "99999",
				} {
					assert.NotContains(t, err.Error(), form, "value %d: %s", i, reference)
				}
			}
		}
	}
	require.Greater(t, errors, 500, "the configurations must fail to test anything")
}

// place puts a value into the i-th place and takes the lines with other places out, where that makes them valid.
func place(yaml string, i int, value string) string {
	n := 0
	var b strings.Builder
	for _, part := range strings.SplitAfter(yaml, "§") {
		text, ok := strings.CutSuffix(part, "§")
		b.WriteString(text)
		switch {
		case !ok:
		case n == i:
			b.WriteString(value)
		case strings.HasSuffix(text, "endpoint: "), strings.HasSuffix(text, "name: "):
			b.WriteString("a")
		case strings.HasSuffix(text, "\n      url: "):
			b.WriteString("http://x")
		default:
			b.WriteString("~")
		}
		n++
	}
	var lines []string
	for line := range strings.Lines(b.String()) {
		if !strings.Contains(line, "~") || strings.Contains(line, value) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestWrongTypesShowNoSecret writes a secret where a mapping, a list, a number or a truth belongs, at every key of every
// kind.
func TestWrongTypesShowNoSecret(t *testing.T) {
	tried := 0
	for kind, typ := range config.KindConfigs() {
		for _, path := range notTexts(typ, nil) {
			for _, value := range []string{"Bearer hunter2", "hunter2", "'hunter2'", "{hunter2}", "{Bearer hunter2}", "!hunter2 x", "*hunter2", "[!hunter2 [x]]"} {
				yaml := "checks: [{endpoint: a, " + kind + ": {" + strings.Join(path, ": {") + ": " + value + strings.Repeat("}", len(path)) + "}]\n"
				tried++
				_, err := config.Parse("c.yml", []byte(yaml), config.Options{})
				if err != nil {
					assert.NotContains(t, err.Error(), "hunter2", yaml)
				}
			}
		}
	}
	require.Greater(t, tried, 500)
}

// notTexts returns the paths of what a type has that is no text.
func notTexts(t reflect.Type, path []string) (found [][]string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(path) > 0 && t.Kind() != reflect.String && !reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		found = append(found, path)
	}
	if t.Kind() != reflect.Struct || len(path) > 4 {
		return found
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"):
			found = append(found, notTexts(f.Type, path)...)
		case f.IsExported() && name != "" && name != "-":
			found = append(found, notTexts(f.Type, slices.Concat(path, []string{name}))...)
		}
	}
	return found
}

// TestFilesAreNotShown refers to a file where everybody sees the value.
func TestFilesAreNotShown(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("7\n"), 0o600)) // too short to be found in a text
	opts := testOptions()
	opts.Dir = dir
	cfg, err := config.Parse("c.yml", []byte(`
name: ${file:f}
version: v${file:f}-${THREE}
defaults: { labels: { site: "${file:f}", host: "${HOST}" } }
x-labels: &labels { team: "${file:f}" }
checks:
  - { endpoint: a, name: "a ${file:f}", labels: *labels, noop: {} }
  - { endpoint: b, labels: { <<: *labels, own: "$${file:f}" }, noop: {} }
`), opts)
	require.NoError(t, err)
	assert.Equal(t, "${file:f}", cfg.Name)
	assert.Equal(t, "v${file:f}-3", cfg.Version)
	assert.Equal(t, "a ${file:f}", cfg.Checks[0].Name)
	assert.Equal(t, map[string]string{"site": "${file:f}", "host": "db.example.com", "team": "${file:f}"}, cfg.Checks[0].Labels)
	assert.Equal(t, map[string]string{"site": "${file:f}", "host": "db.example.com", "team": "${file:f}", "own": "${file:f}"}, cfg.Checks[1].Labels)

	_, err = config.Parse("c.yml", []byte("checks: [{endpoint: 'a-${file:f}', noop: {}}]"), opts)
	require.EqualError(t, err, `c.yml:1: checks[0].endpoint: "a-${file:f}" cannot name a check: want 1 to 128 letters, digits, dots, underscores and hyphens, not only dots`)
}

func TestRedact(t *testing.T) {
	for _, tc := range []struct{ text, value, want string }{
		{"no secret here", "hunter2", "no secret here"},
		{"got hunter2!", "hunter2", "got ${X}!"},
		{`got "a\"b\nc"`, "a\"b\nc", `got "${X}"`},
		{"got a%20b%2Fc", "a b/c", "got ${X}"},
		{"got a+b%2Fc", "a b/c", "got ${X}"},
		{"abc is short, abcd is another", "abc", "${X} is short, abcd is another"},
		{"7 is in any text", "7", "7 is in any text"},
		{`"abc" is short, but quoted`, "abc", `"${X}" is short, but quoted`},
		{"parsing `ab`", "cabd", "parsing `${X}`"},
		{`"" is empty`, "abcd", `"" is empty`},
		{"the line BEGIN is odd", "BEGIN\nsecond", "the line ${X} is odd"},
	} {
		assert.Equal(t, tc.want, config.Redact(tc.text, "${X}", tc.value))
	}
}

// echo is a kind that fails with what it is told to say.
type echo struct {
	Say    string `yaml:"say"`
	At     string `yaml:"at"`
	closed int
}

func (e echo) Target() string { return e.At }

func (e *echo) Check(context.Context) healthcheck.Result {
	if e.Say == "" {
		return healthcheck.Result{}
	}
	result := healthcheck.Fail(errors.New(e.Say))
	result.Values = []healthcheck.Value{{Measure: echoed, Label: e.Say, Value: 1}}
	return result
}

var echoed = healthcheck.NewMeasure("echoed", "What a test says.", "echo")

type closingEcho struct{ echo }

func (e *closingEcho) Close() error {
	e.closed++
	if e.closed > 1 {
		panic("closed twice: " + e.Say)
	}
	return io.EOF
}

func newEcho(e echo) (healthcheck.Checker, error) {
	if e.At == "closing" {
		return &closingEcho{e}, nil
	}
	return &e, nil
}

func TestDetailsShowNoSecret(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("hunter2\n"), 0o600))
	values := map[string]string{"X": "correct-horse", "HOST": "db.example.com", "PIN": "7", "Q": `a"b\c d`, "LINES": "BEGIN\nMIIE\nEND"}
	opts := config.Options{Dir: dir, Lookup: func(name string) (string, bool) { v, ok := values[name]; return v, ok }}
	opts = config.WithKind(opts, "echo", newEcho)
	const checks = "checks:\n  - { endpoint: a, name: '${X}', labels: { a: '${X}' }, echo: { %s } }\n"
	for settings, want := range map[string]string{
		`say: 'body does not match ${X}'`:                     "body does not match ${X}",
		`say: 'got ${file:file}, not "${file:file}"'`:         `got ${file:file}, not "${file:file}"`,
		`say: 'quoted: ${Q}'`:                                 "quoted: ${Q}",
		`say: "a line: ${LINES}"`:                             "a line: ${LINES}",
		`say: 'connect to ${HOST}: refused', at: '${HOST}:1'`: "connect to db.example.com: refused",
		`say: 'connect to ${HOST}: refused', at: elsewhere`:   "connect to ${HOST}: refused",
		"say: 'no line matches `PIN ${PIN}`', at: 'h:7000'":   "no line matches `PIN ${PIN}`",
		`say: '${file:file}', at: 'x-${file:file}'`:           "${file:file}",
		`say: 'correct-horse'`:                                "correct-horse", // a name or label is no secret of the check
		`say: '', at: '${X}/${file:file}'`:                    "",
	} {
		cfg, err := config.Parse("c.yml", fmt.Appendf(nil, checks, settings), opts)
		require.NoError(t, err, settings)
		result := cfg.Checks[0].Checker.Check(t.Context())
		assert.Equal(t, want, result.Details, settings)
		assert.Equal(t, want != "", result.Failed(), settings)
		assert.NotContains(t, cfg.Checks[0].Target, "hunter2")
		for _, v := range result.Values {
			assert.NotContains(t, v.Label, "hunter2", settings)
			assert.Equal(t, strings.Contains(settings, "at: 'h:7000'"), strings.Contains(v.Label, "PIN 7"), "variables are what somebody wants to see")
		}
	}
}

// TestRedactedCheckersAreCheckers looks at what else a checker is asked for.
func TestRedactedCheckersAreCheckers(t *testing.T) {
	opts := config.WithKind(config.Options{Lookup: func(string) (string, bool) { return "hunter2", true }}, "echo", newEcho)
	yaml := []byte("checks:\n  - { endpoint: a, echo: { say: '${X}', at: closing } }\n  - { endpoint: b, echo: { say: '${X}' } }\n  - { endpoint: c, echo: { say: x } }\n")
	cfg, err := config.Parse("c.yml", yaml, opts)
	require.NoError(t, err)
	closer, ok := cfg.Checks[0].Checker.(io.Closer)
	require.True(t, ok)
	require.ErrorIs(t, closer.Close(), io.EOF)
	assert.Equal(t, 1, config.Unredacted(cfg.Checks[0].Checker).(*closingEcho).closed)
	assert.PanicsWithValue(t, "closed twice: ${X}", func() { _ = closer.Close() })
	_, ok = cfg.Checks[1].Checker.(io.Closer)
	assert.False(t, ok)
	assert.IsType(t, &echo{}, cfg.Checks[2].Checker, "nothing to hide")

	opts.Previous = cfg.InUse()
	again, err := config.Parse("c.yml", yaml, opts)
	require.NoError(t, err)
	for i := range cfg.Checks {
		assert.Same(t, cfg.Checks[i].Checker, again.Checks[i].Checker)
	}
	assert.Equal(t, "${X}", again.Checks[1].Checker.Check(t.Context()).Details)
}
