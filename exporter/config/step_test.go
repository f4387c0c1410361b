package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
)

// References to steps are left to the kind, and only they: what a variable or a file holds is taken as it is, as is what
// was written with "$${".
func TestStepReferences(t *testing.T) {
	opts := config.Options{Dir: t.TempDir(), Lookup: func(name string) (string, bool) {
		return map[string]string{"PART": "p", "ODD": "${step.odd}$${step.odd}"}[name], true
	}}
	require.NoError(t, os.WriteFile(filepath.Join(opts.Dir, "file"), []byte("f${step.file}\n"), 0o600))
	for text, want := range map[string]string{
		"/${step.a}":                        "/${step.a}",
		"${step.a}${step.b_1}":              "${step.a}${step.b_1}",
		"$${step.a}":                        "$${step.a}",
		"$$${step.a}":                       "$$${step.a}",
		"$${step.a}${step.b}":               "$${step.a}${step.b}",
		"${PART}/${step.a}/${PART}":         "p/${step.a}/p",
		"${ODD}":                            "$${step.odd}$$${step.odd}",
		"${step.a} ${ODD}":                  "${step.a} $${step.odd}$$${step.odd}",
		"${file:file} ${step.a}":            "f$${step.file} ${step.a}",
		"$${OTHER} ${NONE:-$} ${step.last}": "${OTHER} $ ${step.last}",
		"no reference, $ or {step.a}":       "no reference, $ or {step.a}",
	} {
		var got *httpcheck.Config
		captured := config.Captured(opts, func(c any) { got = c.(*httpcheck.Config) })
		_, err := config.Parse("c.yml", []byte("checks:\n- endpoint: a\n  http:\n    url: http://a\n    steps:\n    - {name: x, body: '"+text+"'}\n"), captured)
		require.ErrorContains(t, err, "captured")
		require.NotNil(t, got, text)
		assert.Equal(t, want, got.Steps[0].Body, text)
	}
	for text, want := range map[string]string{
		"http: {url: 'http://a/${step.a}'}":                                                `checks[0].http.url: ${step...} stands for something only in the steps of a check; write "$${" for a literal "${"`,
		"tcp: {address: '${step.a}:1'}":                                                    "${step...} stands for something only in the steps of a check",
		"http: {url: 'http://a', steps: [{name: a, url: '/${step.}'}]}":                    "checks[0].http.steps[0].url: ${step.} is no reference: want ${step.NAME}, of letters, digits and underscores",
		"http: {url: 'http://a', steps: [{name: a, url: '/${step.a b}'}]}":                 "is no reference",
		"http: {url: 'http://a', steps: [{name: a, url: '/${step.a'}]}":                    `has no closing "}"`,
		"http: {url: 'http://a', steps: [{name: a, url: '/${step.a}'}]}":                   "checks[0].http.steps[0].url: refers to ${step.a}, which no step before extracts",
		"http: {url: 'http://a', steps: [{name: a, extract: {x: {secret: '${step.a}'}}}]}": "want true or false, not the value of ${step.a}",
		"http: {url: 'http://a', steps: [{name: '${step.a}'}]}":                            "checks[0].http.steps[0]: has a reference to a step elsewhere than in url, headers and body",
		"http: {url: 'http://a', steps: [{name: a, expect: {json: ['${step.a}']}}]}":       "has a reference to a step elsewhere than in url, headers and body",
	} {
		_, err := config.Parse("c.yml", []byte("checks:\n- endpoint: a\n  "+text+"\n"), opts)
		require.ErrorContains(t, err, want, text)
	}
	_, err := config.Parse("c.yml", []byte("checks:\n- endpoint: a\n  tcp: {address: 'a:1', dialog: [{send: '$${step.a}'}]}\n"), opts)
	require.NoError(t, err)
}

// In a check for each of several targets, references of both sorts stand beside each other.
func TestStepReferencesOfTargets(t *testing.T) {
	var urls []string
	opts := config.Captured(config.Options{}, func(c any) { urls = append(urls, c.(*httpcheck.Config).Steps[1].URL) })
	_, err := config.Parse("c.yml", []byte(`checks:
- endpoint: web-${target.host}
  http:
    url: http://${target.address}
    steps:
    - {name: one, extract: {id: {jq: .id}}}
    - {name: two, url: '/${target.host}/${step.id}/$${step.no}?h=${target.port}'}
  targets: [{static: ['a.example:80', 'b.example:81']}]
`), opts)
	require.ErrorContains(t, err, "captured")
	assert.Contains(t, urls, "/a.example/${step.id}/$${step.no}?h=80")
	assert.Contains(t, urls, "/b.example/${step.id}/$${step.no}?h=81")
}
