package config_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

func TestTemplate(t *testing.T) {
	cfg := parse(t, `
templates:
  web: &web
    interval: 10s
    labels: {team: a, tier: web}
    depends_on: [up]
    web: {url: "http://template.example", headers: {A: a, B: b}, groups: {x: [1, 2], y: [3]}}
  bare: {<<: *web, interval: 5s}
checks:
  - {endpoint: up, noop: {}}
  - endpoint: plain
    template: web
  - endpoint: over
    template: web
    interval: 1m
    depends_on: []
    labels: {team: b}
    web: {url: "http://check.example", headers: {B: c}, groups: {x: [4]}}
  - {endpoint: merged, template: bare}
`)
	plain, over, merged := cfg.Checks[1], cfg.Checks[2], cfg.Checks[3]
	assert.Equal(t, "10s", plain.Interval.String())
	assert.Equal(t, map[string]string{"team": "a", "tier": "web"}, plain.Labels)
	assert.Equal(t, []string{"up"}, plain.DependsOn)
	assert.Equal(t, "http://template.example", plain.Target)

	assert.Equal(t, "1m0s", over.Interval.String())
	assert.Empty(t, over.DependsOn, "a list is replaced as a whole")
	assert.Equal(t, map[string]string{"team": "b", "tier": "web"}, over.Labels)
	assert.Equal(t, "http://check.example", over.Target)
	got := webOf(t, over)
	assert.Equal(t, map[string]string{"A": "a", "B": "c"}, got.Headers)
	assert.Equal(t, map[string][]int{"x": {4}, "y": {3}}, got.Groups)
	assert.Equal(t, "5s", merged.Interval.String(), "YAML's own merge comes first")
	assert.Equal(t, "http://template.example", merged.Target)
}

// Templates of the main file hold in the files that it includes; those of such a file are its own.
func TestTemplateOfTheMainFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"main.yml":    "include: [teams/*.yml]\ntemplates:\n  web:\n    web: {url: \"http://${file:host}/${X}\"}\nchecks: []\n",
		"host":        "main.example\n",
		"teams/a.yml": "templates: {own: {noop: {}}}\nchecks:\n- endpoint: a\n  template: web\n- {endpoint: own, template: own}\n",
		"teams/b.yml": "checks:\n- endpoint: b\n  template: own\n",
		"teams/c.yml": "templates: {web: {interval: 1m}}\nchecks:\n- endpoint: c\n  template: web\n  noop: {}\n",
		"teams/d.yml": "checks:\n- endpoint: d\n  template: web\n  web: {hosst: x}\n",
	})
	o := testOptions()
	o.Lookup = func(name string) (string, bool) { return "path", name == "X" }
	cfg, err := config.LoadFiles([]string{filepath.Join(dir, "main.yml")}, o)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "own", "c"}, endpoints(cfg))
	assert.Equal(t, "http://${file:host}/path", cfg.Checks[0].Target, "what files hold is not shown")
	assert.Equal(t, "http://main.example/path", webOf(t, cfg.Checks[0]).URL, "a file is looked for beside the file that names it")
	assert.Equal(t, "1m0s", cfg.Checks[2].Interval.String())
	wrong := mistakesOf(dir, cfg.Files)
	assert.Equal(t, `teams/b.yml:3: checks[0].template: there is no template "own"`, wrong["teams/b.yml"])
	assert.Contains(t, wrong["teams/d.yml"], `teams/d.yml:4: checks[0].web: unknown key "hosst"`)
}

func TestBrokenTemplates(t *testing.T) {
	for name, tc := range map[string]struct{ yaml, want string }{
		"no mapping":    {"templates: []\nchecks: []", "c.yml:1: templates: want a mapping of names to what checks share, not a list"},
		"empty":         {"templates: {web: }\nchecks: []", "c.yml:1: templates.web: has no value; give it one, or remove it"},
		"a list":        {"templates: {web: [1]}\nchecks: []", "c.yml:1: templates.web: want a mapping with keys of a check, not a list"},
		"unknown":       {"templates: {web: {}}\nchecks: [{endpoint: a, template: wep, noop: {}}]", `c.yml:2: checks[0].template: there is no template "wep"; did you mean "web"?`},
		"no text":       {"checks: [{endpoint: a, template: [], noop: {}}]", "c.yml:1: checks[0].template: want a text, not a list"},
		"of a template": {"templates: {a: {template: b}, b: {noop: {}}}\nchecks: []", "c.yml:1: templates.a.template: a template cannot use another"},
		"told once": {
			"templates:\n  web:\n    interval: soon\n    noop: {leve: 1}\nchecks: [{endpoint: a, template: web}, {endpoint: b, template: web}]",
			"c.yml:3: templates.web.interval: want a duration with its unit, such as 30s or 1m30s, not a text\n" +
				`c.yml:4: templates.web.noop: unknown key "leve"; did you mean "level"?`,
		},
		"twice": {"templates:\n  a: {}\n  a: {}\nchecks: []", "c.yml:3: templates.a: the key is already there, on line 2"},
		"two kinds": {
			"templates: {a: {web: {url: 'http://x'}}}\nchecks:\n- endpoint: a\n  template: a\n  noop: {}",
			"c.yml:1: checks[0]: has two kinds, noop (line 5) and web; make it two checks",
		},
		"circle":        {"templates: {a: &a {labels: *a}}\nchecks: [{endpoint: x, template: a, noop: {}}]", "c.yml:1: templates.a.labels.labels: alias *a stands for something that contains itself"},
		"merged twice":  {"templates: {a: {noop: {}}}\nchecks: [{endpoint: x, template: a, interval: 1s, interval: 2s}]", "c.yml:2: checks[0].interval: the key is already there, on line 2"},
		"of no target":  {"templates: {a: {noop: {}}}\nchecks: [{endpoint: 'x-${target.host}', template: a}]", "c.yml:2: checks[0].endpoint: ${target...} stands for something only in a check that has \"targets:\""},
		"no such field": {"templates: {a: {name: '${target.hots}'}}\nchecks: []", "c.yml:1: templates.a.name: ${target.hots} is no reference: want ${target.address}, ${target.host}, ${target.port} or ${target.labels.NAME}"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("c.yml", []byte(tc.yaml), testOptions())
			require.EqualError(t, err, tc.want)
		})
	}
}
