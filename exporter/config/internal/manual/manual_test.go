package manual_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/manual"
)

// TestFilesAreCurrent: what is generated is in the repository as the sources are now, and tells of every key.
func TestFilesAreCurrent(t *testing.T) {
	root, err := manual.Root(".")
	require.NoError(t, err)
	files, lacks, err := manual.Files(root)
	require.NoError(t, err)
	assert.Empty(t, lacks, "write a comment on the field, and a tag example:\"...\"")
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), "%s is old: make docs", name)
	}
}
