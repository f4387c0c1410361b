package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCommandsShowNoSecret runs checks whose peers send back what they got, and reads configurations full of mistakes.
func TestCommandsShowNoSecret(t *testing.T) {
	const secret = "correct-horse"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_ = req.Header.Write(w)
		_, _ = io.WriteString(w, req.RequestURI)
	}))
	defer echo.Close()
	t.Setenv("PLANTED", secret)
	const running = `
checks:
  - { endpoint: a, http: { url: 'URL?key=§', headers: { A: '§' } } }
  - { endpoint: b, http: { url: URL, authorization: { credentials: '§' }, expect: { status: [418], body_matches: ['^never$'] } } }
  - { endpoint: c, exec: { command: [sh, -c, 'echo "$0"; exit 1', '§'] } }
  - { endpoint: d, status: { url: URL, basic_auth: { username: ann, password: '§' } } }
`
	for _, reference := range []string{secret, "${PLANTED}", "${file:planted}"} {
		file := writeConfig(t, strings.NewReplacer("§", reference, "URL", echo.URL).Replace(running))
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "planted"), []byte(secret), 0o600))
		got := call(t.Context(), "check", "--config.file="+file)
		assert.Equal(t, exitFail, got.code)
		assert.Contains(t, got.stdout, "exit code 1")
		assert.NotContains(t, got.stdout+got.stderr, secret, reference)
		for _, check := range []string{"a", "b", "c", "d"} {
			one := call(t.Context(), "run", check, "--config.file="+file)
			assert.Equal(t, exitFail, one.code)
			assert.NotContains(t, one.stdout+one.stderr, secret, reference)
		}
		if reference == secret {
			continue // what is written where something else belongs is another test's
		}
		for _, wrong := range []string{
			"checks: [{ endpoint: a, interval: '§', http: { url: '§', expect: { status: ['§'] } } }]",
			"checks: [{ endpoint: '§ ', tcp: { address: '§', dialog: [{ expect: '(§' }] } }]",
			"maintenance: [{ cron: '§' }]\nchecks: []",
		} {
			require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(wrong, "§", reference)), 0o600))
			for _, command := range []string{"validate", "check", "serve"} {
				got := call(t.Context(), command, "--config.file="+file)
				assert.NotZero(t, got.code, "%s: %s", command, wrong)
				assert.NotContains(t, got.stdout+got.stderr, secret, "%s: %s", command, wrong)
			}
		}
	}
}
