package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHelpOfCommands shows the flags that change what a command does, and no other.
func TestHelpOfCommands(t *testing.T) {
	all := []string{"config.file", "web.listen-address", "web.telemetry-path", "web.config.file", "runner.concurrency", "metrics.duration-histogram", "log.level"}
	reads := []string{"config.file", "runner.concurrency", "log.level"}
	for command, want := range map[string][]string{
		"serve": all, "validate": all, "check": reads, "wait": append(reads, "timeout"), "run": append(reads, "timeout"),
		"status": {"url", "http.config.file"}, "healthy": {"url", "timeout", "http.config.file", "web.listen-address", "web.config.file"},
		"import": {"from", "output", "explain"}, "schema": {}, "print": reads,
	} {
		for _, args := range [][]string{{command, "--help"}, {"help", command}} {
			got := call(t.Context(), args...)
			assert.Equal(t, exitOK, got.code)
			assert.Contains(t, got.stdout, "usage: healthcheck_exporter "+command)
			assert.Contains(t, got.stdout, "--[no-]help ")
			assert.Contains(t, got.stdout, "\nhealthcheck_exporter --help tells all flags and commands.\n")
			for _, flag := range slices.Concat(all, []string{"url", "timeout", "http.config.file", "from", "output", "explain"}) {
				shown := regexp.MustCompile(`(?m)^ .*--(\[no-\])?` + regexp.QuoteMeta(flag) + `\b`).MatchString(got.stdout)
				assert.Equal(t, slices.Contains(want, flag), shown, "%s: %s", args, flag)
			}
		}
	}
	assert.NotContains(t, call(t.Context(), "--help").stdout, "tells all flags and commands")
}

// printed runs the program, as a shell does, and returns what it prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = cleanEnvironment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	assert.Empty(t, stderr.String())
	return string(out)
}

// TestManPage has groff read it, where there is one.
func TestManPage(t *testing.T) {
	t.Parallel()
	page := printed(t, "--help-man")
	head, rest, _ := strings.Cut(page, "\n")
	assert.Regexp(t, `^\.TH healthcheck_exporter 1\b`, head)
	assert.True(t, strings.HasPrefix(rest, ".SH \"NAME\"\n"), "the head is one line: %.80s", rest)
	for _, command := range commands(t) {
		name, _, _ := strings.Cut(command, " ")
		assert.Contains(t, page, "\n.SS\n\\fB"+name)
	}
	assert.Contains(t, page, `\fB--web.health-listen-address=ADDRESS\fR`)
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("no groff")
	}
	cmd := exec.Command(groff, "-z", "-man", "-ww", "-Tutf8")
	cmd.Stdin = strings.NewReader(page)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	assert.Empty(t, string(out))
}

// TestCompletion has bash complete what somebody types.
func TestCompletion(t *testing.T) {
	t.Parallel()
	script := printed(t, "--completion-script-bash")
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	path := filepath.Join(t.TempDir(), "completion")
	require.NoError(t, os.WriteFile(path, []byte(script), 0o600))
	all := []string{"help"}
	for _, command := range commands(t) {
		name, _, _ := strings.Cut(command, " ")
		all = append(all, name)
	}
	for typed, want := range map[string][]string{
		"":                all,
		"hea":             {"healthy"},
		"wait --tim":      {"--timeout"},
		"--log.level de":  {"debug"},
		"check --config.": {"--config.file", "--config.strict", "--config.watch-interval"},
	} {
		words := append([]string{binary}, strings.Split(typed, " ")...)
		cmd := exec.Command(bash, append([]string{"-ec", `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _healthcheck_exporter_bash_autocomplete; printf '%s\n' "${COMPREPLY[@]}"`, path}, words...)...)
		cmd.Env = cleanEnvironment()
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		assert.ElementsMatch(t, want, strings.Fields(string(out)), typed)
	}
	script = printed(t, "--completion-script-zsh")
	assert.True(t, strings.HasPrefix(script, "#compdef healthcheck_exporter\n"))
	zsh, err := exec.LookPath("zsh")
	if err != nil {
		t.Skip("no zsh")
	}
	cmd := exec.Command(zsh, "-n")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
