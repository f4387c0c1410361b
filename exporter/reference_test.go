package exporter_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReferenceHasEveryMetric holds docs/metrics.md against what an exporter serves.
func TestReferenceHasEveryMetric(t *testing.T) {
	page, err := os.ReadFile("../docs/metrics.md")
	require.NoError(t, err)
	rows := make(map[string]string)
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(page), -1) {
		assert.NotContains(t, rows, m[1], "twice")
		rows[m[1]] = m[2]
	}
	s := newTarget(t)
	e := start(t, newConfigFile(t, "checks:\n"+s.check("a")).path)
	eventually(t, e.ready)
	own := 0
	for name, f := range parse(t, e.get(t, "/metrics").Body, expfmt.NewFormat(expfmt.TypeTextPlain)) {
		if !strings.HasPrefix(name, "healthcheck_") {
			continue
		}
		assert.Equal(t, strings.ToLower(f.GetType().String()), rows[name], name)
		if strings.HasPrefix(name, "healthcheck_exporter_") {
			own++
		}
	}
	assert.Positive(t, own)
}
