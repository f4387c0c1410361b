package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// write writes files, by their names below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
}

func endpoints(c *config.Config) []string {
	var names []string
	for i := range c.Checks {
		names = append(names, c.Checks[i].Endpoint)
	}
	return names
}

// mistakesOf returns what is wrong with each file, with paths below dir.
func mistakesOf(dir string, files []config.File) map[string]string {
	wrong := make(map[string]string)
	for _, f := range files {
		if f.Err != nil {
			wrong[strings.TrimPrefix(f.Path, dir+"/")] = strings.ReplaceAll(f.Err.Error(), dir+"/", "")
		}
	}
	return wrong
}

const mainFile = `
name: shop
include: [teams/*.yml]
labels: {site: a, owner: shop}
defaults: {interval: 10s, labels: {owner: ops}}
maintenance: [{cron: "0 3 * * *", duration: 1h}]
checks: [{endpoint: main, noop: {}}]
`

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"main.yml":       mainFile,
		"teams/a.yml":    "checks: [{endpoint: a, noop: {}}]",
		"teams/b.yml":    "labels: {owner: b, zone: z}\ndefaults: {timeout: 2s}\nchecks: [{endpoint: b, interval: 1m, labels: {zone: y}, depends_on: [a, main], noop: {}}]",
		"teams/b.txt":    "no YAML of ours: [",
		"teams/.old.yml": "not: ours",
	})
	cfg, err := config.LoadFiles([]string{filepath.Join(dir, "main.yml")}, testOptions())
	require.NoError(t, err)
	assert.Equal(t, "shop", cfg.Name)
	assert.Equal(t, []string{"main", "a", "b"}, endpoints(cfg))
	assert.Empty(t, mistakesOf(dir, cfg.Files))
	assert.Len(t, cfg.Files, 3)
	a, b := cfg.Checks[1], cfg.Checks[2]
	assert.Equal(t, filepath.Join(dir, "teams/a.yml"), a.File)
	assert.Equal(t, "10s", a.Interval.String())
	assert.Equal(t, map[string]string{"site": "a", "owner": "ops"}, a.Labels)
	assert.NotNil(t, a.Maintenance)
	assert.Equal(t, "1m0s", b.Interval.String())
	assert.Equal(t, "2s", b.Timeout.String())
	assert.Equal(t, map[string]string{"site": "a", "owner": "b", "zone": "y"}, b.Labels)

	assert.False(t, cfg.Sources.Changed())
	write(t, dir, map[string]string{"teams/c.yml": "checks: []"})
	assert.True(t, cfg.Sources.Changed(), "a file has come")
	require.NoError(t, os.Remove(filepath.Join(dir, "teams/c.yml")))
	assert.False(t, cfg.Sources.Changed())
	require.NoError(t, os.Remove(filepath.Join(dir, "teams/a.yml")))
	assert.True(t, cfg.Sources.Changed(), "a file has gone")
}

// A folder and a glob have no main file, and a file that is named twice is read once.
func TestFolderAndGlob(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a.yaml": "defaults: {interval: 5s}\nchecks: [{endpoint: a, noop: {}}]", "b.yml": "checks: [{endpoint: b, noop: {}}]",
		"sub/c.yml": "checks: [{endpoint: c, noop: {}}]", "d.json": "{",
	})
	cfg, err := config.LoadFiles([]string{dir, filepath.Join(dir, "*", "?.yml"), filepath.Join(dir, "b.yml")}, testOptions())
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c"}, endpoints(cfg))
	assert.Equal(t, "5s", cfg.Checks[0].Interval.String())
	assert.Equal(t, "30s", cfg.Checks[1].Interval.String(), "found files have nothing to say of each other")
}

// An empty folder is what a container engine makes of a file that is not there.
func TestNothingIsFound(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.yml": "checks: []"})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty.yml"), 0o750))
	for _, path := range []string{filepath.Join(dir, "empty.yml"), filepath.Join(dir, "b*.yml"), filepath.Join(dir, "a[.yml")} {
		_, err := config.LoadFiles([]string{path}, testOptions())
		require.ErrorContains(t, err, path+": ")
	}
	cfg, err := config.LoadFiles([]string{filepath.Join(dir, "a.yml"), filepath.Join(dir, "a*.yml")}, testOptions())
	require.NoError(t, err, "found, and read already")
	assert.Len(t, cfg.Files, 1)
}

// What is wrong with a file that was found concerns nobody else.
func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	main := []string{filepath.Join(dir, "main.yml")}
	good := map[string]string{
		"main.yml": mainFile, "teams/a.yml": "checks: [{endpoint: a, noop: {}}, {endpoint: a2, noop: {}}]",
		"teams/b.yml": "checks: [{endpoint: b, depends_on: [a], noop: {}}]",
	}
	write(t, dir, good)
	first, err := config.LoadFiles(main, testOptions())
	require.NoError(t, err)
	opts := testOptions()
	opts.Previous = first.InUse()

	for name, tc := range map[string]struct {
		files map[string]string
		want  map[string]string // mistakes by file
		kept  []string
	}{
		"syntax": {map[string]string{"teams/a.yml": "checks: ["}, map[string]string{
			"teams/a.yml": `teams/a.yml:1: not valid YAML: did not find expected node content`,
		}, []string{"a", "a2"}},
		"a mistake": {map[string]string{"teams/a.yml": "checks: [{endpoint: a, noop: {}}, {endpoint: a3, noop: {x: 1}}]"}, map[string]string{
			"teams/a.yml": `teams/a.yml:1: checks[1].noop: unknown key "x"; known are: level`,
		}, []string{"a", "a2"}},
		"an endpoint of another": {map[string]string{"teams/b.yml": "checks: [{endpoint: b, noop: {}}, {endpoint: a, noop: {}}]"}, map[string]string{
			"teams/b.yml": `teams/b.yml:1: checks[1].endpoint: "a" is already the endpoint of the check at teams/a.yml:1`,
		}, []string{"b"}},
		"an endpoint of a broken file": {map[string]string{"teams/a.yml": "[]", "teams/b.yml": "checks: [{endpoint: a2, noop: {}}]"}, map[string]string{
			"teams/a.yml": `teams/a.yml:1: want a mapping of keys to values, not a list`,
			"teams/b.yml": `teams/b.yml:1: checks[0].endpoint: "a2" is the endpoint of a check in teams/a.yml, which is in use until the mistakes there are mended`,
		}, []string{"a", "a2", "b"}},
		"a circle through two files": {map[string]string{
			"teams/a.yml": "checks: [{endpoint: a, depends_on: [b], noop: {}}]",
		}, map[string]string{
			"teams/b.yml": `teams/b.yml:1: checks[0].depends_on: checks wait for each other in a circle: b → a → b`,
		}, []string{"b"}},
		"what belongs to the main file": {map[string]string{"teams/b.yml": "name: b\ninclude: [c.yml]\nchecks: []"}, map[string]string{
			"teams/b.yml": "teams/b.yml:1: name: belongs to the main file, the one that is named first\n" +
				"teams/b.yml:2: include: belongs to the main file, the one that is named first",
		}, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, dir, good)
			write(t, dir, tc.files)
			cfg, err := config.LoadFiles(main, opts)
			require.NoError(t, err)
			assert.Equal(t, tc.want, mistakesOf(dir, cfg.Files))
			kept := make([]string, 0)
			for endpoint, c := range cfg.Kept {
				kept = append(kept, endpoint)
				assert.Equal(t, first.InUse()[endpoint].Fingerprint, c.Fingerprint)
			}
			assert.ElementsMatch(t, tc.kept, kept)
			assert.Contains(t, endpoints(cfg), "main")
			for _, endpoint := range kept {
				assert.NotContains(t, endpoints(cfg), endpoint)
			}

			strict := opts
			strict.Strict = true
			_, err = config.LoadFiles(main, strict)
			require.Error(t, err)
			assert.Len(t, config.FilesOf(err), 3)
		})
	}
}

// At the start, the checks of a file with mistakes are missing, and who depends on one of them runs all the same.
func TestQuarantineAtTheStart(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"main.yml": mainFile, "teams/a.yml": "checks: [{endpoint: a, noop: {x: 1}}]", "teams/b.yml": "checks: [{endpoint: b, depends_on: [a], noop: {}}]",
	})
	cfg, err := config.LoadFiles([]string{filepath.Join(dir, "main.yml")}, testOptions())
	require.NoError(t, err)
	assert.Equal(t, []string{"main", "b"}, endpoints(cfg))
	assert.Empty(t, cfg.Kept)
	assert.Len(t, mistakesOf(dir, cfg.Files), 1)
}

// A mistake in a file that is named refuses all, and what is named goes before what is found.
func TestNamedFilesMustBeRight(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"main.yml": mainFile, "more.yml": "checks: [{endpoint: a, noop: {}}]", "bad.yml": "checks: [{endpoint: z, noop: {x: 1}}]",
		"teams/a.yml": "checks: [{endpoint: a, noop: {}}]",
	})
	path := func(name string) string { return filepath.Join(dir, name) }
	cfg, err := config.LoadFiles([]string{path("main.yml"), path("more.yml")}, testOptions())
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"teams/a.yml": `teams/a.yml:1: checks[0].endpoint: "a" is already the endpoint of the check at more.yml:1`,
	}, mistakesOf(dir, cfg.Files))
	assert.Equal(t, "10s", cfg.Checks[1].Interval.String(), "the main file's default")

	_, err = config.LoadFiles([]string{path("main.yml"), path("bad.yml"), path("missing.yml")}, testOptions())
	require.EqualError(t, err, path("bad.yml")+`:1: checks[0].noop: unknown key "x"; known are: level`+"\n"+
		path("missing.yml")+": no such file or directory")
	sources, ok := config.SourcesOf(err)
	require.True(t, ok)
	assert.Subset(t, sources.Paths, []string{path("bad.yml"), path("missing.yml"), path("teams/a.yml")})
}

// A folder that cannot be read has not lost its files: a mount may be gone. One that can be read has.
func TestFolderIsGone(t *testing.T) {
	dir := t.TempDir()
	main := []string{filepath.Join(dir, "main.yml")}
	write(t, dir, map[string]string{"main.yml": mainFile, "teams/a.yml": "checks: [{endpoint: a, noop: {}}]"})
	first, err := config.LoadFiles(main, testOptions())
	require.NoError(t, err)
	opts := testOptions()
	opts.Previous = first.InUse()

	teams := filepath.Join(dir, "teams")
	require.NoError(t, os.Rename(teams, teams+".away"))
	assert.True(t, first.Sources.Changed())
	gone, err := config.LoadFiles(main, opts)
	require.NoError(t, err)
	assert.Contains(t, gone.Kept, "a")
	assert.Equal(t, map[string]string{"teams/*.yml": "teams/*.yml: the folder " + teams[len(dir)+1:] + " cannot be read: no such file or directory"}, mistakesOf(dir, gone.Files))
	assert.False(t, gone.Sources.Changed())

	opts.Previous = gone.InUse()
	again, err := config.LoadFiles(main, opts)
	require.NoError(t, err)
	assert.Contains(t, again.Kept, "a", "also the next time")

	require.NoError(t, os.Mkdir(teams, 0o750))
	assert.True(t, gone.Sources.Changed())
	empty, err := config.LoadFiles(main, opts)
	require.NoError(t, err)
	assert.Empty(t, empty.Kept)
	assert.Equal(t, []string{"main"}, endpoints(empty))
}
