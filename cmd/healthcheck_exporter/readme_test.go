package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readmeCommands are the commands of the README: in the first column of a table, in an indented block, and in a block for a
// shell.
var readmeCommands = regexp.MustCompile("(?m)^(?:\\| `|    |)((?:healthcheck_exporter|curl)\\b[^`\n]*)")

// TestCommandsOfTheREADME runs them as they stand there, on a machine where an exporter serves at another port.
func TestCommandsOfTheREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	target := newTarget(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "checks.yml")
	require.NoError(t, os.WriteFile(config, []byte("checks:\n"+httpCheck("a", target+"/up", "")), 0o600))
	p := launch(t, nil, "--config.file="+config)
	eventually(t, func() bool { code, _ := p.get("/status"); return code == http.StatusOK })
	files := importedFiles(t)
	kinds := map[string]int{}
	for _, m := range readmeCommands.FindAllStringSubmatch(string(readme), -1) {
		line := strings.NewReplacer(" ENDPOINT", " a", " FILE...", " gatus.yml").Replace(strings.TrimSpace(m[1]))
		first, rest, _ := strings.Cut(line, " ")
		if first == "curl" {
			kinds[first]++
			code, _ := p.get(strings.TrimPrefix(rest, "localhost:8989"))
			assert.Equal(t, http.StatusOK, code, line)
			continue
		}
		t.Run(line, func(t *testing.T) {
			work := t.TempDir()
			for name, text := range files {
				require.NoError(t, os.WriteFile(filepath.Join(work, name), text, 0o600))
			}
			command, _, _ := strings.Cut(rest, " ")
			kinds[command]++
			env := []string{"HEALTHCHECK_EXPORTER_CONFIG_FILE=" + config, "HEALTHCHECK_EXPORTER_STATUS_URL=" + p.url + "/status"}
			if command == "" || strings.HasPrefix(command, "--config") { // serves until it is ended
				args := strings.Fields(strings.Replace(rest, "checks.yml", config, 1))
				other := launch(t, env, args...)
				eventually(t, other.ready)
				require.NoError(t, other.end(t, syscall.SIGTERM))
				return
			}
			// What is installed goes nowhere, and the name is that of the program of this test.
			script := regexp.MustCompile(`> ["/].*$`).ReplaceAllString(line, "> /dev/null")
			cmd := exec.Command("sh", "-ec", strings.Replace(script, program, `"$0"`, 1), binary)
			cmd.Dir = work
			cmd.Env = append(cleanEnvironment(), env...)
			out, err := cmd.CombinedOutput()
			if exit := cmd.ProcessState.ExitCode(); command == "import" && exit == exitFail {
				err = nil // something was not taken over, and is listed
			}
			require.NoError(t, err, string(out))
		})
	}
	for _, command := range []string{"curl", "", "check", "run", "wait", "status", "healthy", "validate", "import", "--help-man", "--completion-script-bash", "--completion-script-zsh"} {
		assert.NotZero(t, kinds[command], "the README has %q", command)
	}
}

// importedFiles are configurations of other programs under the names that the README has for them.
func importedFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for name, path := range map[string]string{
		"blackbox.yml": "blackbox-basic/1-blackbox.yml", "prometheus.yml": "blackbox-basic/2-prometheus.yml",
		"gatus.yml": "gatus-basic/1-config.yaml", "Uptime_Kuma_Backup.json": "kuma-backup/1-Uptime_Kuma_Backup.json",
	} {
		text, err := os.ReadFile(filepath.Join("../../exporter/config/convert/testdata", path))
		require.NoError(t, err)
		files[name] = text
	}
	return files
}
