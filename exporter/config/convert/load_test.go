package convert_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

// TestLoad holds that files of targets are found from the folder of the file that names them.
func TestLoad(t *testing.T) {
	const dir = "testdata/blackbox-kubernetes"
	r, err := convert.Load([]string{dir + "/1-blackbox.yaml", dir + "/2-prometheus.yaml"}, convert.Options{})
	require.NoError(t, err)
	assert.Equal(t, 3, r.Checks)
	assert.Contains(t, findings(r), "the folder "+dir+"/missing cannot be read")

	_, err = convert.Load([]string{"no-such-file"}, convert.Options{})
	require.EqualError(t, err, "no-such-file: no such file or directory")
	_, err = convert.Load([]string{"testdata"}, convert.Options{})
	require.EqualError(t, err, "testdata: this is a folder, not a file")
}

// TestLoadTargets holds what is said of files of targets that give none.
func TestLoadTargets(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	modules := write("modules.yml", "modules: { http_2xx: { prober: http } }")
	write("broken.json", "[{")
	write("map.json", `{"targets": ["a"]}`)
	write("good.yml", `[{ targets: [a.example.com] }]`)
	for file, want := range map[string]string{
		"broken.json":   "is not valid YAML",
		"map.json":      "want a list of targets",
		"missing.yml":   "missing.yml: no such file or directory",
		"*.yaml":        "no file matches *.yaml",
		"[.yml":         "not a valid pattern",
		"/etc/hostname": "files of targets end in .json, .yml or .yaml",
	} {
		jobs := write("jobs.yml", `scrape_configs: [{ job_name: j, metrics_path: /probe, file_sd_configs: [{ files: ["good.yml", "`+file+`"] }],
  relabel_configs: [{ source_labels: [__address__], target_label: __param_target }] }]`)
		r, err := convert.Load([]string{modules, jobs}, convert.Options{})
		require.NoError(t, err)
		require.Len(t, r.Listed, 1, file)
		assert.Contains(t, r.Listed[0].Text, want)
		assert.Equal(t, 1, r.Checks)
	}
}
