package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func parse(t *testing.T, yaml string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("c.yml", []byte(yaml), testOptions())
	require.NoError(t, err)
	for i := range cfg.Checks {
		require.NoError(t, cfg.Checks[i].Validate())
	}
	return cfg
}

// web returns the configuration that the only check was made of.
func web(t *testing.T, cfg *config.Config) webConfig {
	t.Helper()
	require.Len(t, cfg.Checks, 1)
	return webOf(t, cfg.Checks[0])
}

func webOf(t *testing.T, c config.Check) webConfig {
	t.Helper()
	checker, ok := config.Unredacted(c.Checker).(*webChecker)
	require.True(t, ok)
	return checker.config
}

func TestEverythingSet(t *testing.T) {
	cfg := parse(t, `
name: payments-agent
version: 1.10
checks:
  - endpoint: central
    name: Amplify Central
    interval: 15s
    timeout: 5s
    initial_delay: 1m
    failing_interval: 5s
    failure_threshold: 3
    success_threshold: 2
    optional: true
    depends_on: [gateway]
    labels: { team: payments, severity: critical, since: 2024-01-01, level: 7 }
    web:
      url: https://central.example.com/health
  - endpoint: gateway
    noop: { level: -0x10 }
`)
	assert.Equal(t, "payments-agent", cfg.Name)
	assert.Equal(t, "1.10", cfg.Version, "a text, even without quotes")
	require.Len(t, cfg.Checks, 2)
	central := cfg.Checks[0]
	assert.Equal(t, 5, central.Line)
	assert.IsType(t, &webChecker{}, central.Checker)
	central.Checker = nil
	assert.Equal(t, healthcheck.Check{
		Endpoint:         "central",
		Name:             "Amplify Central",
		Kind:             "web",
		Target:           "https://central.example.com/health",
		Interval:         15 * time.Second,
		Timeout:          5 * time.Second,
		InitialDelay:     time.Minute,
		FailingInterval:  5 * time.Second,
		FailureThreshold: 3,
		SuccessThreshold: 2,
		Optional:         true,
		DependsOn:        []string{"gateway"},
		Labels:           map[string]string{"team": "payments", "severity": "critical", "since": "2024-01-01", "level": "7"},
	}, central.Check)
}

func TestDefaults(t *testing.T) {
	cfg := parse(t, "checks:\n  - endpoint: a\n    noop:\n")
	a := cfg.Checks[0]
	assert.Empty(t, cfg.Name)
	assert.Equal(t, "a", a.Name)
	assert.Equal(t, 30*time.Second, a.Interval)
	assert.Equal(t, 10*time.Second, a.Timeout)
	assert.Zero(t, a.InitialDelay)
	assert.Zero(t, a.FailingInterval)
	assert.Equal(t, 1, a.FailureThreshold)
	assert.Equal(t, 1, a.SuccessThreshold)
	assert.False(t, a.Optional)
	assert.Nil(t, a.Labels)

	cfg = parse(t, `
checks: # read before the defaults, which apply all the same
  - {endpoint: a, noop: {}}
  - endpoint: b
    interval: 5s
    failing_interval: 0s
    failure_threshold: 1
    labels: {team: b}
    noop: {}
defaults:
  interval: 1d
  timeout: 20s
  failing_interval: 1s500ms
  failure_threshold: 3
  success_threshold: 2
  labels: {team: a, site: x}
`)
	a, b := cfg.Checks[0], cfg.Checks[1]
	assert.Equal(t, 24*time.Hour, a.Interval)
	assert.Equal(t, 20*time.Second, a.Timeout)
	assert.Equal(t, 1500*time.Millisecond, a.FailingInterval)
	assert.Equal(t, 3, a.FailureThreshold)
	assert.Equal(t, 2, a.SuccessThreshold)
	assert.Equal(t, map[string]string{"team": "a", "site": "x"}, a.Labels)
	assert.Equal(t, 5*time.Second, b.Interval)
	assert.Equal(t, 5*time.Second, b.Timeout, "a default is cut to the interval")
	assert.Zero(t, b.FailingInterval, "0 turns the default off")
	assert.Equal(t, 1, b.FailureThreshold)
	assert.Equal(t, map[string]string{"team": "b", "site": "x"}, b.Labels)
}

func TestEmptyListOfChecks(t *testing.T) {
	assert.Empty(t, parse(t, "checks: []").Checks)
	assert.Empty(t, parse(t, "\ufeffchecks: []\r\ndefaults:\r\n  # interval: 5s\r\n---\r\n").Checks)
}

func TestFieldsOfEveryForm(t *testing.T) {
	got := web(t, parse(t, `
checks:
  - endpoint: a
    web:
      url: http://x
      headers: {X.Y: z, n: 1}
      expect: {status: [200, 2xx], body_matches: []}
      retries: -128
      size: 65535
      ratio: 1e-3
      follow: false
      wait: 1w
      pattern: ^a.c$
      steps: [{send: a, want: b}, {send: c}]
      groups: {a: [1, 0x10, +3], b: []}
      proxy: http://p:1
      proxy_url: http://q
      proxy_connect_header: {X: [secret]}
      tls_config: {server_name: s, min_version: TLS12}
      client_headers: {X-A: {values: [v], secrets: [s]}}
      either: {n: 4}
      token: t
`))
	assert.Equal(t, map[string]string{"X.Y": "z", "n": "1"}, got.Headers)
	assert.Equal(t, webExpect{Status: []string{"200", "2xx"}, Body: []string{}}, got.Expect)
	assert.EqualValues(t, -128, got.Retries)
	assert.EqualValues(t, 65535, got.Size)
	assert.InDelta(t, 0.001, got.Ratio, 0)
	require.NotNil(t, got.Follow)
	assert.False(t, *got.Follow)
	assert.Equal(t, 7*24*time.Hour, got.Wait)
	assert.Equal(t, "^a.c$", got.Pattern.re.String())
	assert.Equal(t, []webStep{{"a", "b"}, {"c", ""}}, got.Steps)
	assert.Equal(t, map[string][]int{"a": {1, 16, 3}, "b": {}}, got.Groups)
	assert.Equal(t, "http://p:1", got.Proxy.String())
	assert.Equal(t, "http://q", got.ProxyURL.String())
	assert.EqualValues(t, "secret", got.ProxyConnectHeader["X"][0])
	assert.Equal(t, "s", got.TLS.ServerName)
	assert.EqualValues(t, "s", got.Client.Headers["X-A"].Secrets[0])
	assert.Equal(t, 4, got.Either.n)
	assert.EqualValues(t, "t", got.Token)
	assert.Nil(t, got.Auth, "absent")
}

func TestAliasesAndMerges(t *testing.T) {
	cfg := parse(t, `
checks:
  - &a
    endpoint: a
    interval: 20s
    labels: &labels {team: x, site: y}
    web: &web
      url: http://a
      headers: {k: v}
      method: GET
  - <<: *a
    endpoint: b
    web: {<<: *web, url: http://b}
  - endpoint: c
    labels: {<<: [{team: z}, *labels], own: 1}
    web: *web
`)
	b, c := cfg.Checks[1], cfg.Checks[2]
	assert.Equal(t, 20*time.Second, b.Interval)
	assert.Equal(t, "http://b", b.Target)
	assert.Equal(t, map[string]string{"team": "x", "site": "y"}, b.Labels)
	assert.Equal(t, map[string]string{"k": "v"}, config.Unredacted(b.Checker).(*webChecker).config.Headers)
	assert.Equal(t, map[string]string{"team": "z", "site": "y", "own": "1"}, c.Labels)
	assert.Equal(t, "http://a", c.Target)
}

func TestReferences(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("s3cret: x\r\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "two"), []byte("a\n\n"), 0o600))
	path := filepath.Join(dir, "c.yml")
	require.NoError(t, os.WriteFile(path, []byte(`
name: '${HOST}-${THREE}${EMPTY}${EMPTY:-e}${NOT_SET:-d: {x]}'
version: $${HOST} $HOST $$ {HOST}
defaults: {timeout: "${SECONDS}"}
checks:
  - endpoint: a
    failure_threshold: ${THREE}
    optional: ${YES}
    interval: ${NOT_SET:-1m}
    labels: {host: "${HOST}", "${HOST}": x}
    web:
      url: http://user:${file:secret}@${HOST}/${file:./two}
      headers: {Authorization: "Bearer ${file:`+dir+`/secret}"}
      method: ${YAML}
      retries: "${THREE}"
      ratio: ${THREE}
      token: ${file:secret}
      tls_config: {server_name: "${HOST}"}
`), 0o600))

	_, err := config.Load(path, testOptions())
	require.EqualError(t, err, path+`:10: checks[0].labels: a key cannot hold a reference: ${...} is replaced in values only`+
		"\n"+path+`:12: checks[0].web.url: parse "http://user:${file:secret}@${HOST}/${file:./two}": net/url: invalid control character in URL`,
		"errors show no values")

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data = []byte(strings.NewReplacer(`, "${HOST}": x`, "", "@${HOST}/${file:./two}", "@h/", "user:${file:secret}", "user").Replace(string(data)))
	require.NoError(t, os.WriteFile(path, data, 0o600))
	cfg, err := config.Load(path, testOptions())
	require.NoError(t, err)
	got := web(t, cfg)
	assert.Equal(t, "db.example.com-3ed: {x]", cfg.Name)
	assert.Equal(t, "${HOST} $HOST $$ {HOST}", cfg.Version)
	assert.Equal(t, 7*time.Second, cfg.Checks[0].Timeout)
	assert.Equal(t, time.Minute, cfg.Checks[0].Interval)
	assert.Equal(t, 3, cfg.Checks[0].FailureThreshold)
	assert.True(t, cfg.Checks[0].Optional)
	assert.Equal(t, map[string]string{"host": "db.example.com"}, cfg.Checks[0].Labels)
	assert.Equal(t, "Bearer s3cret: x", got.Headers["Authorization"])
	assert.Equal(t, variables["YAML"], got.Method, "a value adds no structure")
	assert.EqualValues(t, 3, got.Retries)
	assert.InDelta(t, 3, got.Ratio, 0)
	assert.EqualValues(t, "s3cret: x", got.Token)
	assert.Equal(t, "db.example.com", got.TLS.ServerName)
	assert.Equal(t, []string{path, filepath.Join(dir, "secret")}, cfg.Sources.Paths)
}

func TestSecretsOfFilesAreNotInTargets(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("abcd/efgh\n"), 0o600))
	opts := testOptions()
	opts.Dir = dir
	cfg, err := config.Parse("c.yml", []byte("checks:\n  - endpoint: a\n    web: {url: 'http://${HOST}/hook/${file:token}'}\n"), opts)
	require.NoError(t, err)
	assert.Equal(t, "http://db.example.com/hook/${file:token}", cfg.Checks[0].Target)
	assert.Equal(t, "http://db.example.com/hook/abcd/efgh", web(t, cfg).URL)
}

func TestReferenceBounds(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", size)), 0o600))
	}
	write("fits", 64<<10)
	write("large", 64<<10+1)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "binary"), []byte("\xff"), 0o600))
	opts := testOptions()
	opts.Dir = dir
	for _, tc := range []struct{ name, want string }{
		{"${file:fits}", ""},
		{"${file:large}", "c.yml:1: name: ${file:large}: larger than 64 KiB"},
		{"${file:binary}", "c.yml:1: name: ${file:binary}: not valid UTF-8"},
		{strings.Repeat("${file:fits}", 17), "c.yml:1: name: expands to more than 1 MiB"},
	} {
		_, err := config.Parse("c.yml", []byte("name: '"+tc.name+"'\nchecks: []\n"), opts)
		if tc.want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, tc.want)
		}
	}

	list := "checks:\n  - endpoint: a\n    depends_on: [" + strings.Repeat("'${file:fits}',", 1100) + "]\n    noop: {}\n"
	_, err := config.Parse("c.yml", []byte(list), opts)
	require.ErrorContains(t, err, "all values with references expand to more than 64 MiB")
	assert.NotContains(t, err.Error(), "xxxx")
}

// TestProgramsAreRelativeToTheConfiguration starts programs that are found in the folder of the file only.
func TestProgramsAreRelativeToTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	for _, name := range []string{"ok", "sub/ok"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\ntest -e here && exec echo $1\n"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "here"), nil, 0o600))
	}
	yaml := []byte(`checks:
  - { endpoint: a, exec: { command: [sub/ok], dir: ` + dir + ` } }
  - { endpoint: b, exec: { command: [./ok], dir: sub } }
  - { endpoint: c, exec: { command: [sh, -c, test -e here], dir: . } }
  - { endpoint: d, exec: { command: [./ok] } }
`)
	for _, base := range []string{dir, filepath.Base(dir), "."} {
		if base == "." {
			t.Chdir(dir)
		}
		path := filepath.Join(base, "c.yml")
		require.NoError(t, os.WriteFile(path, yaml, 0o600))
		cfg, err := config.Load(path, config.Options{})
		require.NoError(t, err)
		for i := range cfg.Checks[:3] {
			result := cfg.Checks[i].Checker.Check(t.Context())
			assert.False(t, result.Failed(), "%s in %s: %s", cfg.Checks[i].Endpoint, base, result.Details)
		}
		assert.Equal(t, filepath.Join(dir, "ok"), cfg.Checks[3].Target, "the working directory stays")
	}
}

func TestFilesAreRelativeToTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	path := filepath.Join(filepath.Base(dir), "c.yml") // a relative folder, which must be joined once
	require.NoError(t, os.WriteFile(path, []byte(`
checks:
  - endpoint: a
    web:
      url: http://x
      tls_config: {ca_file: ca.pem}
      basic_auth: {username: u, password_file: /etc/password}
      oauth2: {client_id: c, token_url: http://t, client_secret_file: s, tls_config: {key_file: k, cert_file: c}}
`), 0o600))
	cfg, err := config.Load(path, testOptions())
	require.NoError(t, err)
	got := web(t, cfg)
	base := filepath.Base(dir)
	assert.Equal(t, base+"/ca.pem", got.TLS.CAFile)
	assert.Equal(t, "/etc/password", got.Auth.PasswordFile)
	assert.Equal(t, base+"/s", got.OAuth2.ClientSecretFile)
	assert.Equal(t, base+"/k", got.OAuth2.TLSConfig.KeyFile)
}

func TestLoadCannotRead(t *testing.T) {
	dir := t.TempDir()
	_, err := config.Load(filepath.Join(dir, "missing.yml"), config.Options{})
	require.EqualError(t, err, filepath.Join(dir, "missing.yml")+": no such file or directory")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, ok := errors.AsType[*config.Error](err)
	assert.True(t, ok)

	_, err = config.Load(dir, config.Options{})
	require.EqualError(t, err, dir+": this is a folder, not a file")

	path := filepath.Join(dir, "large.yml")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, config.MaxSize+1))
	_, err = config.Load(path, config.Options{})
	require.EqualError(t, err, path+": the file is larger than 32 MiB")
	_, err = config.Parse("c.yml", make([]byte, config.MaxSize+1), config.Options{})
	require.EqualError(t, err, "c.yml:1: the file is larger than 32 MiB")
}

func TestEnvironmentIsTheDefaultLookup(t *testing.T) {
	t.Setenv("HEALTHCHECK_TEST_NAME", "from the environment")
	cfg, err := config.Parse("c.yml", []byte("name: ${HEALTHCHECK_TEST_NAME}\nchecks: []\n"), config.Options{})
	require.NoError(t, err)
	assert.Equal(t, "from the environment", cfg.Name)
}
