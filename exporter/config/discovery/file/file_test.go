package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/file"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen is time for a change to be looked at twice.
const seen = 7 * time.Second

// bubble runs the test with time of its own, a folder, and a source for the files in it. The function waits.
func bubble(t *testing.T, test func(t *testing.T, dir string, r *sourcetest.Recorder, wait func())) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := sourcetest.Run(t, file.New(file.Config{Files: []string{filepath.Join(dir, "*.json"), filepath.Join(dir, "*.yml")}}))
		synctest.Wait() // for the first look, which must not come while a test writes
		test(t, dir, r, func() {
			time.Sleep(seen)
			synctest.Wait()
		})
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestFormats(t *testing.T) {
	bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
		write(t, filepath.Join(dir, "a.json"), `[{"targets":["a:1"],"labels":{"zone":"x"}}]`)
		write(t, filepath.Join(dir, "b.yml"), "- targets: ['b:1', b:2]\n  labels: {zone: y}\n- targets: [c:1]\n")
		wait()
		assert.Equal(t, []string{"a:1", "b:1", "b:2", "c:1"}, r.Addresses())
		assert.Equal(t, map[string]string{"__address__": "a:1", "zone": "x", "__meta_filepath": filepath.Join(dir, "a.json")}, r.Targets()[0].Map())
		assert.Empty(t, r.Failures())
		sets := r.Sets()
		time.Sleep(time.Hour)
		assert.Equal(t, sets, r.Sets(), "files that stay as they are")
	})
}

// TestBrokenFilesKeepTargets: the other files go on.
func TestBrokenFilesKeepTargets(t *testing.T) {
	for name, tc := range map[string]struct{ file, text, want string }{
		"cut json":         {"a.json", `[{"targets":["a:1"`, "unexpected EOF"},
		"empty json":       {"a.json", "", "holds no list"},
		"empty yaml":       {"a.yml", "", "holds no list"},
		"comment":          {"a.yml", "# soon\n", "no documents"},
		"null":             {"a.json", "null", "holds no list"},
		"null in yaml":     {"a.yml", "~\n", "holds no list"},
		"null item":        {"a.json", "[null]", "item 1 is empty"},
		"another format":   {"a.json", `{"targets":["a:1"]}`, "cannot unmarshal"},
		"unknown key":      {"a.json", `[{"targets":["a:1"],"label":{}}]`, "unknown field"},
		"unknown yaml key": {"a.yml", "- target: [a:1]\n", "target"},
		"empty target":     {"a.json", `[{"targets":[""]}]`, "empty target"},
		"nameless label":   {"a.json", `[{"targets":["a:1"],"labels":{"":"x"}}]`, "not the name of a label"},
		"more":             {"a.json", `[] []`, "something follows"},
		"cut yaml":         {"a.yml", "- targets: [a:1, ", "a.yml"},
		"too large":        {"a.json", `["` + strings.Repeat("x", 33<<20), "more than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
				path := filepath.Join(dir, tc.file)
				write(t, path, `[{"targets":["a:1"]}]`) // YAML as well
				wait()
				require.Equal(t, []string{"a:1"}, r.Addresses())
				answers := r.Answers()
				write(t, path, tc.text)
				write(t, filepath.Join(dir, "other.json"), `[{"targets":["o:1"]}]`)
				wait()
				assert.Equal(t, []string{"a:1", "o:1"}, r.Addresses())
				require.NotEmpty(t, r.Failures())
				assert.Contains(t, r.Failures()[0], tc.want)
				assert.LessOrEqual(t, r.Answers(), answers+1)
				write(t, path, "[]")
				wait()
				assert.Equal(t, []string{"o:1"}, r.Addresses(), "an empty list is believed")
			})
		})
	}
}

// TestHalfWritten: a list that is written over some seconds is read when it is done, though its half is a list as well.
func TestHalfWritten(t *testing.T) {
	bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
		path := filepath.Join(dir, "a.yml")
		write(t, path, "- targets: [a:1, b:1, c:1]\n")
		wait()
		f, err := os.Create(path)
		require.NoError(t, err)
		for i, line := range []string{"- targets:\n", "  - a:1\n", "  - b:1\n", "  - c:1\n", "  - d:1\n"} {
			_, err := f.WriteString(line)
			require.NoError(t, err)
			if i < 4 {
				time.Sleep(900 * time.Millisecond)
				assert.Len(t, r.Addresses(), 3)
			}
		}
		require.NoError(t, f.Close())
		wait()
		assert.Len(t, r.Addresses(), 4)
		assert.Empty(t, r.Failures())
	})
}

// TestReplacedFolder: as a ConfigMap does, through a link that is swapped.
func TestReplacedFolder(t *testing.T) {
	bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
		for version, text := range map[string]string{"v1": `[{"targets":["a:1"]}]`, "v2": `[{"targets":["b:1"]}]`} {
			require.NoError(t, os.Mkdir(filepath.Join(dir, version), 0o700))
			write(t, filepath.Join(dir, version, "a.json"), text)
		}
		require.NoError(t, os.Symlink("v1", filepath.Join(dir, "data")))
		require.NoError(t, os.Symlink("data/a.json", filepath.Join(dir, "a.json")))
		wait()
		assert.Equal(t, []string{"a:1"}, r.Addresses())
		require.NoError(t, os.Symlink("v2", filepath.Join(dir, "next")))
		require.NoError(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "data")))
		wait()
		assert.Equal(t, []string{"b:1"}, r.Addresses())
		assert.Empty(t, r.Failures())
	})
}

func TestGone(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
			write(t, filepath.Join(dir, "a.json"), `[{"targets":["a:1"]}]`)
			write(t, filepath.Join(dir, "b.json"), `[{"targets":["b:1"]}]`)
			wait()
			require.NoError(t, os.Remove(filepath.Join(dir, "a.json")))
			wait()
			assert.Equal(t, []string{"b:1"}, r.Addresses())
			assert.Empty(t, r.Failures())
		})
	})
	t.Run("folder", func(t *testing.T) {
		bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
			write(t, filepath.Join(dir, "a.json"), `[{"targets":["a:1"]}]`)
			wait()
			require.NoError(t, os.Rename(dir, dir+".away"))
			wait()
			assert.Equal(t, []string{"a:1"}, r.Addresses())
			assert.NotEmpty(t, r.Failures())
			require.NoError(t, os.Rename(dir+".away", dir))
			failures := len(r.Failures())
			wait()
			time.Sleep(time.Minute)
			assert.LessOrEqual(t, len(r.Failures()), failures+1)
			assert.Equal(t, []string{"a:1"}, r.Addresses())
		})
	})
	t.Run("unreadable folder", func(t *testing.T) {
		bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
			write(t, filepath.Join(dir, "a.json"), `[{"targets":["a:1"]}]`)
			wait()
			require.NoError(t, os.Rename(dir, dir+".away"))
			require.NoError(t, os.Symlink(dir, dir)) // a loop, which root cannot read either
			wait()
			assert.Equal(t, []string{"a:1"}, r.Addresses())
			assert.NotEmpty(t, r.Failures())
			require.NoError(t, os.Remove(dir))
			require.NoError(t, os.Rename(dir+".away", dir))
		})
	})
}

// TestNoFile: what is no file is not read, and could block who does.
func TestNoFile(t *testing.T) {
	bubble(t, func(t *testing.T, dir string, r *sourcetest.Recorder, wait func()) {
		require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "a.json"), 0o600))
		require.NoError(t, os.Mkdir(filepath.Join(dir, "b.yml"), 0o700))
		wait()
		require.NotEmpty(t, r.Failures())
		assert.Contains(t, r.Failures()[0], "a.json: is no file")
		assert.Contains(t, r.Failures()[0], "b.yml: is no file")
	})
}

func TestValidate(t *testing.T) {
	for path, ok := range map[string]bool{
		"a.json": true, "dir/*.yml": true, "dir/x*.yaml": true, "a.txt": false, "*/a.yml": false, "a[.yml": false, "": false,
	} {
		c := file.Config{Files: []string{path}}
		assert.Equal(t, ok, c.Validate() == nil, path)
	}
	require.ErrorContains(t, (&file.Config{}).Validate(), "files: is missing")
	require.ErrorContains(t, (&file.Config{Files: []string{"a.yml"}, RefreshInterval: 1}).Validate(), "refresh_interval: 1ns is less than 1s")
	c := file.Config{Files: []string{"a.yml", "/b.yml"}}
	c.SetDirectory("/etc")
	assert.Equal(t, []string{"/etc/a.yml", "/b.yml"}, c.Files)
}
