//go:build linux || darwin || freebsd

package filesystemcheck_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const more = "4096PiB" // more than any disk has

func check(t *testing.T, c filesystemcheck.Config) healthcheck.Result {
	t.Helper()
	checker, err := filesystemcheck.New(c)
	require.NoError(t, err)
	return checker.Check(t.Context())
}

func values(res healthcheck.Result) map[string]float64 {
	m := make(map[string]float64)
	for _, v := range res.Values {
		m[v.Measure.Name()] = v.Value
	}
	return m
}

func TestRealFileSystem(t *testing.T) {
	dir := t.TempDir()
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))

	res := check(t, filesystemcheck.Config{Path: dir, MinFree: "0%", MinFreeInodes: "0%"})
	assert.Equal(t, healthcheck.Result{Values: res.Values}, res)
	got := values(res)
	assert.Greater(t, got["filesystem_size_bytes"], float64(1<<20), "bytes, not blocks")
	assert.Positive(t, got["filesystem_avail_bytes"])
	assert.LessOrEqual(t, got["filesystem_avail_bytes"], got["filesystem_size_bytes"])
	assert.Zero(t, got["filesystem_readonly"])
	_, counted := got["filesystem_files"]
	assert.Equal(t, st.Files > 0, counted, "inodes are told only where they are counted")
}

func TestRealFileSystemTooFull(t *testing.T) {
	dir := t.TempDir()
	res := check(t, filesystemcheck.Config{Path: dir, MinFree: more})
	assert.Equal(t, healthcheck.FAIL, res.Level)
	assert.Equal(t, healthcheck.ReasonThreshold, res.Reason)
	assert.Regexp(t, `^`+dir+`: [0-9.]+ [KMGTP]iB of [0-9.]+ [KMGTP]iB available \([0-9.]+%\), want at least 4096PiB`, res.Details)
	assert.Positive(t, values(res)["filesystem_size_bytes"], "measured all the same")
}

// A disk that is not mounted must not pass as the one that its mount point lies on.
func TestMountPoint(t *testing.T) {
	dir := t.TempDir()
	toRoot := filepath.Join(dir, "root")
	require.NoError(t, os.Symlink("/", toRoot))
	for path, mounted := range map[string]bool{"/": true, toRoot: true, "//": true, dir: false, dir + "/": false} {
		c := filesystemcheck.Config{Path: path, MinFree: "0%", MinFreeInodes: "0%"}
		require.False(t, check(t, c).Failed(), path)
		c.MountPoint = true
		res := check(t, c)
		assert.Equal(t, !mounted, res.Failed(), path)
		if mounted {
			assert.NotEmpty(t, res.Values)
			continue
		}
		assert.Equal(t, healthcheck.ReasonStatus, res.Reason)
		assert.Equal(t, path+": not a mount point: is its file system mounted?", res.Details)
		assert.Empty(t, res.Values, "they would be those of another")
	}
	c := filesystemcheck.Config{Path: filepath.Join(dir, "missing"), MountPoint: true}
	assert.Contains(t, check(t, c).Details, "no such file or directory")
}

func TestFileAsPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	res := check(t, filesystemcheck.Config{Path: file, MinFree: "1", MinFreeInodes: "0", Writable: true})
	assert.False(t, res.Failed(), res.Details)
}

func TestMissingPathMayAppearLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	checker, err := filesystemcheck.New(filesystemcheck.Config{Path: dir, MinFree: "0", MinFreeInodes: "0"})
	require.NoError(t, err)

	res := checker.Check(t.Context())
	assert.Equal(t, healthcheck.FAIL, res.Level)
	assert.Equal(t, healthcheck.ReasonError, res.Reason)
	assert.Equal(t, "statfs "+dir+": no such file or directory", res.Details)
	assert.Empty(t, res.Values)

	require.NoError(t, os.Mkdir(dir, 0o700))
	assert.False(t, checker.Check(t.Context()).Failed())
}

func TestLimits(t *testing.T) {
	const gib = 1 << 30
	// 100 GiB of which 5 are reserved for root, 85.5 used: df says 90 %.
	disk := filesystemcheck.Usage{Size: 100 * gib, Free: 14.5 * gib, Avail: 9.5 * gib, Files: 1000, FilesFree: 50}
	btrfs := filesystemcheck.Usage{Size: 100 * gib, Free: 50 * gib, Avail: 50 * gib}
	readOnly := btrfs
	readOnly.ReadOnly = true
	for name, tc := range map[string]struct {
		usage  filesystemcheck.Usage
		config filesystemcheck.Config
		want   string // details without the path; empty: OK
	}{
		"defaults":            {usage: disk},
		"share as df counts":  {usage: disk, config: filesystemcheck.Config{MinFree: "10%"}},
		"share missed":        {usage: disk, config: filesystemcheck.Config{MinFree: "10.1%"}, want: "9.5 GiB of 95.0 GiB available (10%), want at least 10.1%"},
		"size met exactly":    {usage: disk, config: filesystemcheck.Config{MinFree: "9.5GiB"}},
		"size missed":         {usage: disk, config: filesystemcheck.Config{MinFree: "10GiB"}, want: "9.5 GiB of 95.0 GiB available (10%), want at least 10GiB"},
		"inodes met exactly":  {usage: disk, config: filesystemcheck.Config{MinFreeInodes: "5%"}},
		"inodes missed":       {usage: disk, config: filesystemcheck.Config{MinFreeInodes: "51"}, want: "50 of 1000 inodes free (5%), want at least 51"},
		"both missed":         {usage: disk, config: filesystemcheck.Config{MinFree: "50%", MinFreeInodes: "6%"}, want: "9.5 GiB of 95.0 GiB available (10%), want at least 50%; 50 of 1000 inodes free (5%), want at least 6%"},
		"no inodes":           {usage: btrfs, config: filesystemcheck.Config{MinFreeInodes: "50%"}},
		"writable":            {usage: btrfs, config: filesystemcheck.Config{Writable: true}},
		"read-only":           {usage: readOnly},
		"read-only, unwanted": {usage: readOnly, config: filesystemcheck.Config{Writable: true}, want: "mounted read-only, want it writable"},
		"full": {
			usage: filesystemcheck.Usage{Size: gib}, want: "0 B of 1.0 GiB available (0%), want at least 3%",
		},
		"virtual": {
			config: filesystemcheck.Config{MinFree: "1GiB"},
			want:   `a virtual file system without a size; set min_free to "0%" or another path`,
		},
		"virtual, only asked whether it answers": {config: filesystemcheck.Config{MinFree: "0%"}},
		"nonsense from the driver": {
			usage: filesystemcheck.Usage{Size: math.MaxUint64, Free: math.MaxFloat64, Avail: math.MaxUint64, Files: 1, FilesFree: math.MaxUint64},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.config.Path = "/data"
			checker, err := filesystemcheck.NewWithStatfs(tc.config, func(path string) (filesystemcheck.Usage, error) {
				assert.Equal(t, "/data", path)
				return tc.usage, nil
			})
			require.NoError(t, err)
			res := checker.Check(t.Context())
			if tc.want == "" {
				assert.Equal(t, healthcheck.Result{Values: res.Values}, res)
			} else {
				assert.Equal(t, healthcheck.FAIL, res.Level)
				assert.Equal(t, healthcheck.ReasonThreshold, res.Reason)
				assert.Equal(t, "/data: "+tc.want, res.Details)
			}
			got := values(res)
			assert.InDelta(t, tc.usage.Size, got["filesystem_size_bytes"], 0)
			assert.InDelta(t, tc.usage.Avail, got["filesystem_avail_bytes"], 0)
			assert.Equal(t, tc.usage.ReadOnly, got["filesystem_readonly"] == 1)
			if tc.usage.Files > 0 {
				assert.InDelta(t, tc.usage.Files, got["filesystem_files"], 0)
				assert.InDelta(t, tc.usage.FilesFree, got["filesystem_files_free"], 0)
			} else {
				assert.NotContains(t, got, "filesystem_files")
				assert.NotContains(t, got, "filesystem_files_free")
			}
		})
	}
}

// A server that is gone: runs end at their deadline, one system call hangs for all of them, and the first answer after
// the server is back is used.
func TestHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		back := make(chan struct{})
		checker, err := filesystemcheck.NewWithStatfs(filesystemcheck.Config{Path: "/mnt/nfs"},
			func(string) (filesystemcheck.Usage, error) {
				calls.Add(1)
				<-back
				return filesystemcheck.Usage{Size: 1 << 30, Free: 1 << 29, Avail: 1 << 29}, nil
			})
		require.NoError(t, err)

		for i, want := range []string{
			"statfs /mnt/nfs: no answer for 2s; does its server or disk hang? context deadline exceeded",
			"statfs /mnt/nfs: no answer for 4s; does its server or disk hang? context deadline exceeded",
		} {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			res := checker.Check(ctx)
			cancel()
			assert.Equal(t, 2*time.Second, time.Since(began), "run %d", i)
			assert.Equal(t, healthcheck.ReasonTimeout, res.Reason)
			assert.Equal(t, want, res.Details)
		}
		assert.EqualValues(t, 1, calls.Load())

		close(back)
		assert.False(t, checker.Check(t.Context()).Failed())
		assert.False(t, checker.Check(t.Context()).Failed())
		assert.GreaterOrEqual(t, calls.Load(), int32(2), "later runs ask anew")
	})
}

func TestDeadlinePassed(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	checker, err := filesystemcheck.NewWithStatfs(filesystemcheck.Config{Path: "/"},
		func(string) (filesystemcheck.Usage, error) {
			t.Error("called past the deadline")
			return filesystemcheck.Usage{}, nil
		})
	require.NoError(t, err)
	assert.Equal(t, healthcheck.ReasonTimeout, checker.Check(ctx).Reason)
}

func TestBrokenConfigs(t *testing.T) {
	for name, tc := range map[string]struct {
		config filesystemcheck.Config
		fields []string
	}{
		"empty":         {filesystemcheck.Config{}, []string{"path"}},
		"relative":      {filesystemcheck.Config{Path: "~/data"}, []string{"path"}},
		"NUL":           {filesystemcheck.Config{Path: "/a\x00b"}, []string{"path"}},
		"unit":          {filesystemcheck.Config{Path: "/", MinFree: "5G"}, []string{"min_free"}},
		"over 100%":     {filesystemcheck.Config{Path: "/", MinFree: "101%"}, []string{"min_free"}},
		"inodes a size": {filesystemcheck.Config{Path: "/", MinFreeInodes: "5GiB"}, []string{"min_free_inodes"}},
		"everything": {
			filesystemcheck.Config{Path: "x", MinFree: "-1", MinFreeInodes: "many"},
			[]string{"path", "min_free", "min_free_inodes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			checker, err := filesystemcheck.New(tc.config)
			assert.Nil(t, checker)
			assert.Equal(t, tc.fields, checktest.Fields(t, err))
		})
	}
}

func TestTarget(t *testing.T) {
	assert.Equal(t, "/var/lib", filesystemcheck.Config{Path: "/var/lib"}.Target())
}
