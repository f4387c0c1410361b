package agent_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTranscripts compares our package with the SDK's: what the one says and answers, the other does, byte for byte.
func TestTranscripts(t *testing.T) {
	program := build(t, ".", "./transcript")
	write := func(which string) []string {
		file := filepath.Join(t.TempDir(), which)
		out, err := exec.CommandContext(t.Context(), program, which, file).CombinedOutput()
		require.NoError(t, err, "%s", out)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Split(string(text), "\n")
	}
	theirs, ours := write("sdk"), write("ours")
	require.Len(t, ours, len(theirs))
	assert.Greater(t, len(theirs), 500)
	for i := range theirs {
		if at := differAt(theirs[i], ours[i]); at >= 0 {
			what, _, _ := strings.Cut(theirs[i], ":")
			assert.Fail(t, what, "line %d, byte %d:\n%.200s\n%.200s", i+1, at, theirs[i][max(at-50, 0):], ours[i][max(at-50, 0):])
		}
	}
}

// differAt returns where a and b begin to differ, -1 if nowhere.
func differAt(a, b string) int {
	if a == b {
		return -1
	}
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	return at
}
