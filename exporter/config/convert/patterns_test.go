package convert_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

// TestBodyPatterns holds that a regular expression that stands for a condition of gatus, or for a query of uptime-kuma,
// says of a body what that says; where it cannot know, it is not OK.
func TestBodyPatterns(t *testing.T) {
	const nested = `{"status": "DOWN", "components": {"db": {"status": "UP"}}}`
	for _, tc := range []struct {
		condition string
		good, bad []string
	}{
		{`[BODY] == OK`, []string{"OK", " OK\n"}, []string{"NOT OK", "OK!", "ok"}},
		{`[BODY] == a.b`, []string{"a.b"}, []string{"axb"}},
		{`[BODY] == any(up, ready)`, []string{"up", "ready"}, []string{"up, ready", "starting up"}},
		{`[BODY] == pat(*health*)`, []string{"in good\nhealth today", "health"}, []string{"heal th"}},
		{`[BODY] == pat(a*)`, []string{"a", "ab\nc"}, []string{"ba"}},
		{`[BODY] == pat(*z)`, []string{"z", "x\nz"}, []string{"za"}},
		{`[BODY] == pat(a?c)`, []string{"abc"}, []string{"ac", "abbc", "xabc"}},
		{`[BODY] == pat(v1.*.0)`, []string{"v1.2.0"}, []string{"v1x2.0"}},
		{`[BODY].status == UP`, []string{`{"status":"UP"}`, `{ "version" : 3, "status" : "UP" , "x": {} }`, "\n{\"status\": \"UP\"}\n"},
			[]string{nested, `{"status":"UPPER"}`, `{"x": {"status":"UP"}}`, `[{"status":"UP"}]`, `"status":"UP"`, `{"status": ["UP"]}`, `{"a": {}, "status": "UP"}`}},
		{`[BODY].count == 3`, []string{`{"count": 3}`, `{"count": "3"}`}, []string{`{"count": 30}`, `{"count": 3.5}`, `{"discount": 3}`}},
		{`[BODY].ok == any(true, 1)`, []string{`{"ok": true}`, `{"ok":1}`}, []string{`{"ok": false}`}},
	} {
		text := fmt.Sprintf("endpoints: [{ name: x, url: 'https://x', conditions: ['[STATUS] == 200', %q] }]", tc.condition)
		re := bodyPattern(t, text)
		for _, body := range tc.good {
			assert.True(t, re.MatchString(body), "%s: %s: %s", tc.condition, re, body)
		}
		for _, body := range tc.bad {
			assert.False(t, re.MatchString(body), "%s: %s: %s", tc.condition, re, body)
		}
	}
	re := bodyPattern(t, `{"monitorList": [{"type": "json-query", "url": "https://x", "jsonPath": "$.status", "expectedValue": "UP"}]}`)
	assert.True(t, re.MatchString(`{"status": "UP"}`))
	assert.False(t, re.MatchString(nested))
	re = bodyPattern(t, `{"monitorList": [{"type": "keyword", "url": "https://x", "keyword": "a (b) c."}]}`)
	assert.True(t, re.MatchString("x a (b) c. x"))
	assert.False(t, re.MatchString("a b cd"))
}

// bodyPattern returns the only pattern in what is made of a file.
func bodyPattern(t *testing.T, text string) *regexp.Regexp {
	t.Helper()
	r, err := convert.Convert([]convert.File{file("f", text)}, convert.Options{})
	require.NoError(t, err)
	var out struct {
		Checks []struct {
			HTTP struct {
				Expect struct {
					BodyMatches []string `yaml:"body_matches"`
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(r.YAML, &out))
	require.Len(t, out.Checks, 1)
	patterns := out.Checks[0].HTTP.Expect.BodyMatches
	require.Len(t, patterns, 1, "%s", r.YAML)
	return regexp.MustCompile(patterns[0])
}
