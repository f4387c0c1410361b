package convert_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

// ofMachine matches what in an output depends on the machine: files, certificates, a URL that is a variable.
var ofMachine = regexp.MustCompile(`(?:ca|cert|key)(?:_file)?: |\$\{file:|url: .?\$\{`)

// holds is what no input may break: no panic, an output that our loader takes, notes with a file and a line.
func holds(t *testing.T, opts convert.Options, files ...convert.File) {
	r, err := convert.Convert(files, opts)
	if err != nil {
		assert.NotEmpty(t, err.Error())
		return
	}
	for _, n := range append(r.Listed, r.Ignored...) {
		assert.NotEmpty(t, n.File)
		assert.Positive(t, n.Line)
		assert.NotEmpty(t, n.Text)
	}
	if ofMachine.Match(r.YAML) {
		return
	}
	cfg, err := config.Parse("out.yml", r.YAML, config.Options{Dir: t.TempDir(), Lookup: func(string) (string, bool) { return "x", true }})
	require.NoError(t, err, "%s", r.YAML)
	assert.Len(t, cfg.Checks, r.Checks)
}

// seeds adds small documents, each with one item of a list, or one value of a mapping, of the examples of a format: from
// small ones the fuzzer gets further.
func seeds(f *testing.F, pattern, key string, add func(item []byte)) {
	for _, dir := range goldens(f) {
		if ok, _ := filepath.Match("testdata/"+pattern, dir); !ok {
			continue
		}
		for _, file := range example(f, dir) {
			var root map[string]any
			if yaml.Unmarshal(file.Data, &root) != nil { // a list
				continue
			}
			switch items := root[key].(type) {
			case []any:
				for _, item := range items {
					add(document(f, key, []any{item}))
				}
			case map[string]any:
				for name, item := range items {
					add(document(f, key, map[string]any{name: item}))
				}
			}
		}
	}
}

// document returns a document with one key. Nothing is said where nothing is meant, to keep it small.
func document(f *testing.F, key string, value any) []byte {
	data, err := yaml.Marshal(map[string]any{key: value})
	require.NoError(f, err)
	return noValue.ReplaceAll(data, nil)
}

var noValue = regexp.MustCompile(`(?m)^ *\w+: (?:null|""|false|\{\}|\[\])\n`)

var moduleName = regexp.MustCompile(`\w+`)

const usualJob = `scrape_configs: [{ job_name: j, metrics_path: /probe, static_configs: [{ targets: ["a:1"], labels: { m: x } }],
  relabel_configs: [{ source_labels: [m], target_label: __param_module }, { source_labels: [__address__], target_label: __param_target }] }]`

func FuzzBlackbox(f *testing.F) {
	seeds(f, "blackbox-*", "modules", func(item []byte) {
		f.Add(item, []byte(strings.Replace(usualJob, "m: x", "m: "+moduleName.FindString(string(item[len("modules:"):])), 1)), false)
	})
	seeds(f, "blackbox-*", "scrape_configs", func(item []byte) {
		f.Add([]byte("modules: { http_2xx: { prober: http }, api: { prober: tcp }, m: { prober: dns, dns: { query_name: x } } }"), item, true)
	})
	f.Fuzz(func(t *testing.T, modules, jobs []byte, withSecrets bool) {
		holds(t, convert.Options{WithSecrets: withSecrets}, convert.File{Name: "modules", Data: modules}, convert.File{Name: "jobs", Data: jobs})
	})
}

func FuzzGatus(f *testing.F) {
	for _, key := range []string{"endpoints", "maintenance"} {
		seeds(f, "gatus-*", key, func(item []byte) { f.Add(item, false) })
	}
	f.Fuzz(func(t *testing.T, data []byte, withSecrets bool) {
		holds(t, convert.Options{From: convert.Gatus, WithSecrets: withSecrets}, convert.File{Name: "f", Data: data})
	})
}

func FuzzUptimeKuma(f *testing.F) {
	seeds(f, "kuma-*", "monitorList", func(item []byte) { f.Add(item, false) })
	f.Fuzz(func(t *testing.T, data []byte, withSecrets bool) {
		holds(t, convert.Options{From: convert.UptimeKuma, WithSecrets: withSecrets}, convert.File{Name: "f", Data: data})
	})
}
