package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

func explain(t *testing.T, cfg *config.Config, dir, endpoint string) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, cfg.Explain(&b, endpoint))
	return strings.ReplaceAll(b.String(), dir+"/", "")
}

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"main.yml": `
name: shop
include: [teams/*.yml]
labels: {site: a}
defaults: {interval: 20s}
maintenance: [{cron: "0 2 * * 6", duration: 2h}]
templates:
  web: {timeout: 3s, http: {headers: {A: "${X}"}, basic_auth: {username: x, password: hunter2}}}
checks: []
`,
		"teams/a.yml": `
x-url: &url http://a.example/${target.host}/
labels: {team: a}
checks:
- endpoint: a-${target.host}
  template: web
  http: {url: *url}
  targets: [{static: [one, two]}]
- endpoint: b
  depends_on: [a-one]
  http: {url: "http://u:hunter3@b.example", headers: {X: "${file:secret}"}}
`,
		"teams/secret": "hunter4",
	})
	o := config.Options{Explain: true, Lookup: func(name string) (string, bool) { return "hunter5", name == "X" }}
	cfg, err := config.LoadFiles([]string{filepath.Join(dir, "main.yml")}, o)
	require.NoError(t, err)
	require.Empty(t, mistakesOf(dir, cfg.Files))

	all := explain(t, cfg, dir, "")
	assert.NotContains(t, all, "hunter")
	assert.Contains(t, all, "name: shop\n")
	assert.Contains(t, all, "http://u:xxxxx@b.example")
	assert.Contains(t, all, "${file:secret}")
	write(t, dir, map[string]string{"printed.yml": strings.NewReplacer("${X}", "x", "${file:secret}", "x").Replace(all)})
	again, err := config.Load(filepath.Join(dir, "printed.yml"), config.Options{})
	require.NoError(t, err, "what is printed is a configuration")
	assert.Equal(t, endpoints(cfg), endpoints(again))

	assert.Equal(t, `checks:
  - endpoint: a-two # teams/a.yml:5
    name: a-two # default
    interval: 20s # defaults, main.yml:5
    timeout: 3s # template, main.yml:8
    failure_threshold: 1 # default
    success_threshold: 1 # default
    labels:
      site: a # main.yml:4
      team: a # teams/a.yml:3
    maintenance:
      - {cron: 0 2 * * 6, duration: 2h0m0s, timezone: UTC}
    http:
      url: http://a.example/two/ # teams/a.yml:7
      headers:
        A: "${X}" # template, main.yml:8
      basic_auth:
        username: x # template, main.yml:8
        password: <secret> # template, main.yml:8
`, explain(t, cfg, dir, "a-two"))
	require.EqualError(t, cfg.Explain(nil, "a-too"), `no check has the endpoint "a-too"; did you mean "a-two"?`)
}
