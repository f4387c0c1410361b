package filesystemcheck_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
)

func TestProcHasNoSize(t *testing.T) {
	res := check(t, filesystemcheck.Config{Path: "/proc"})
	assert.Equal(t, `/proc: a virtual file system without a size; set min_free to "0%" or another path`, res.Details)
	assert.Zero(t, values(res)["filesystem_size_bytes"])

	assert.False(t, check(t, filesystemcheck.Config{Path: "/proc", MinFree: "0%"}).Failed())
}

func TestProcIsMounted(t *testing.T) {
	c := filesystemcheck.Config{Path: "/proc", MountPoint: true, MinFree: "0%"}
	assert.Empty(t, check(t, c).Details)
	c.Path = "/proc/self"
	assert.Contains(t, check(t, c).Details, "not a mount point")
}
