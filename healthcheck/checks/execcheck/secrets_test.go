//go:build unix

package execcheck_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

// TestSecretsAreNotShown: a program may print all that it is given, whatever that is.
func TestSecretsAreNotShown(t *testing.T) {
	t.Setenv("EXPORTERS_TOKEN", "inherited-hunter2")
	secrets := []string{
		"argument-hunter2", "option-hunter2", "short-hunter2", "url-hunter2", "variable hunter2", "variable-hunter2",
		"inherited-hunter2", "input-hunter2", "script-hunter2", "swordfish", "correcthorse",
	}
	c := program("echo", "-v", "argument-hunter2", "--password=option-hunter2", "-pshort-hunter2",
		"postgres://me:url-hunter2@db.example.org/x", "-c", "PGPASSWORD=swordfish psql script-hunter2", "correcthorse")
	c.Env["A"], c.Env["B"] = "variable hunter2", "variable-hunter2"
	c.InheritEnv = []string{"EXPORTERS_TOKEN"}
	c.Stdin = "user joe\npassword input-hunter2\n"
	for _, format := range []string{execcheck.FormatText, execcheck.FormatNagios} {
		c.Format = format
		res := check(t, c)
		assert.True(t, res.Failed())
		assertHides(t, res, secrets)
		assert.NotContains(t, res.Details, "hunter2")
	}

	for _, s := range secrets {
		for name, text := range map[string]string{
			"as it is":   "login with " + s + " failed",
			"in base64":  base64.StdEncoding.EncodeToString([]byte("joe:" + s)),
			"as a label": "OK | " + s + "=1 '" + s + " x'=2 x=" + s,
			"at the cut": strings.Repeat("x", execcheck.MaxLine-5) + " " + s,
			"in two":     "x | '" + s + "'=y",
		} {
			echo := program("exit", "2", text, "")
			echo.Command = append(echo.Command, c.Command[1:]...)
			echo.Env["A"], echo.Env["B"] = c.Env["A"], c.Env["B"]
			echo.InheritEnv, echo.Stdin, echo.Format = c.InheritEnv, c.Stdin, execcheck.FormatNagios
			t.Run(name, func(t *testing.T) { assertHides(t, check(t, echo), []string{s}) })
		}
	}
}

func assertHides(t *testing.T, res healthcheck.Result, secrets []string) {
	t.Helper()
	for _, s := range secrets {
		assert.NotContains(t, res.Details, s)
		assert.NotContains(t, res.Details, base64.RawStdEncoding.EncodeToString([]byte(s))[2:10])
		for _, v := range res.Values {
			assert.NotContains(t, v.Label, s)
		}
	}
}

// TestWhatIsNoSecretIsShown: somebody is to find out from the details what is wrong.
func TestWhatIsNoSecretIsShown(t *testing.T) {
	const text = "step 3 of 5: cannot stat /data/x on db1.example.org --verbose 5,4,3 8080 90%"
	c := program("exit", "3", text, "")
	c.Command = append(c.Command, "--verbose", "-w", "5,4,3", "8080", "90%", "/data/x", "-H", "db1.example.org", "-c", "echo step 3 of 5; sleep 9")
	c.Env["HOME_OF_X"] = "/data/x"
	assert.Equal(t, "exit code 3, want 0: "+text, check(t, c).Details)

	c = program("exit", "0", "pattern-expected by C", "")
	c.Env["C"] = "pattern-expected"
	c.Expect.OutputNotMatches = []string{"^pattern-expected"}
	assert.Equal(t, `output matches "^pattern-expected": pattern-expected by C`, check(t, c).Details, "it is shown anyway")

	assert.Contains(t, check(t, execcheck.Config{Command: []string{os.Args[0] + "x"}}).Details, os.Args[0]+"x")
}

// TestShowArgs: a unit's name is worth more in the details than a secret that it is not.
func TestShowArgs(t *testing.T) {
	c := program("exit", "3", "unit nginx.service is inactive, token-hunter2", "")
	c.Command = append(c.Command, "nginx.service", "token-hunter2")
	c.Env["TOKEN"] = "variable-hunter2"
	assert.Equal(t, os.Args[0], c.Target())
	assert.NotContains(t, check(t, c).Details, "nginx.service")
	c.ShowArgs = true
	assert.True(t, strings.HasSuffix(c.Target(), " nginx.service token-hunter2"), c.Target())
	assert.Equal(t, "exit code 3, want 0: unit nginx.service is inactive, token-hunter2", check(t, c).Details)
	other := program("exit", "3", "with variable-hunter2", "")
	other.Env["TOKEN"], other.ShowArgs = "variable-hunter2", true
	assert.NotContains(t, check(t, other).Details, "variable-hunter2", "variables stay hidden")

	long := execcheck.Config{Command: []string{"/bin/sh", "-c", strings.Repeat("x", 300), "y"}, ShowArgs: true}
	assert.Equal(t, "/bin/sh -c …", long.Target(), "no part of an argument")
	assert.Equal(t, `systemctl is-active "a b" "\x1b"`, execcheck.Config{Command: []string{"systemctl", "is-active", "a b", "\x1b"}, ShowArgs: true}.Target())
	assert.Empty(t, execcheck.Config{ShowArgs: true}.Target())
}
