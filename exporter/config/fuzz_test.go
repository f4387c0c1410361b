package config_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// FuzzParse holds that no input makes Parse panic, that every error has a file and a line, that what is accepted is
// valid, and that the value of a reference is in no error.
func FuzzParse(f *testing.F) {
	for _, tc := range broken {
		if len(tc.yaml) < 4096 {
			f.Add([]byte(tc.yaml))
		}
	}
	f.Add([]byte(plainCheck))
	f.Add(config.DefaultYAML())
	f.Add([]byte(windows))
	const secret = "kG7#secret"
	opts := testOptions()
	opts.Dir = f.TempDir()
	opts.Lookup = func(name string) (string, bool) { return secret, name != "NOT_SET" }
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := config.Parse("c.yml", data, opts)
		if err == nil {
			for i := range cfg.Checks {
				require.NoError(t, cfg.Checks[i].Validate())
				assert.Positive(t, cfg.Checks[i].Line)
				if inMaintenance := cfg.Checks[i].Maintenance; inMaintenance != nil {
					for _, year := range []int{2026, 2096, 1900, 9999} {
						now := time.Date(year, 3, 29, 2, 30, 0, 0, time.UTC)
						first := inMaintenance(now)
						assert.Equal(t, first, inMaintenance(now))
					}
				}
			}
			return
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + strings.Count(string(data), "\u0085") +
			strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029") + 1
		joined, ok := err.(interface{ Unwrap() []error })
		require.True(t, ok)
		for _, part := range joined.Unwrap() {
			e, ok := errors.AsType[*config.Error](part)
			require.True(t, ok)
			assert.Equal(t, "c.yml", e.File)
			assert.Positive(t, e.Line)
			assert.LessOrEqual(t, e.Line, lines)
			assert.NotContains(t, e.Error(), secret)
			if !bytes.Contains(data, []byte("CRASH")) && !bytes.Contains(data, []byte("PANIC")) { // which the test's kind obeys
				assert.NotContains(t, e.Error(), "internal error")
			}
		}
	})
}
