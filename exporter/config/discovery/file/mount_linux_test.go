//go:build linux && mount

package file_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/file"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
)

// TestMountGone: the folder below a volume can be read, and is empty. Nobody has deleted the files.
func TestMountGone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("targets", dir, "tmpfs", 0, "")) // which needs root
	mounted := true
	t.Cleanup(func() {
		if mounted {
			assert.NoError(t, syscall.Unmount(dir, 0))
		}
	})
	write(t, filepath.Join(dir, "a.json"), `[{"targets":["a:1"]}]`)
	synctest.Test(t, func(t *testing.T) {
		r := sourcetest.Run(t, file.New(file.Config{Files: []string{filepath.Join(dir, "*.json")}}))
		time.Sleep(seen)
		require.Equal(t, []string{"a:1"}, r.Addresses())
		require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH))
		mounted = false
		time.Sleep(seen)
		assert.Equal(t, []string{"a:1"}, r.Addresses(), "the folder below is readable, and empty")
		require.NotEmpty(t, r.Failures())
		assert.Contains(t, r.Failures()[0], "gone with the file system")
	})
}
