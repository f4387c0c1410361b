package convert_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens returns the folders of examples.
func goldens(t testing.TB) []string {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/want.txt")
	require.NoError(t, err)
	inputs, err := filepath.Glob("testdata/*/1-*")
	require.NoError(t, err)
	var names []string
	for _, input := range inputs {
		names = append(names, filepath.Dir(input))
	}
	if !*update {
		require.Len(t, dirs, len(names), "an example without golden files")
	}
	return names
}

// example returns the files of an example, named as within its folder.
func example(t testing.TB, dir string) []convert.File {
	t.Helper()
	paths, err := filepath.Glob(dir + "/[0-9]-*")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var files []convert.File
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files = append(files, convert.File{Name: filepath.Base(path), Data: data})
	}
	return files
}

// optionsFor reads files of targets below the folder of an example.
func optionsFor(dir string) convert.Options {
	return convert.Options{Targets: func(_, pattern string) ([]convert.File, error) {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		if len(paths) == 0 {
			return nil, fmt.Errorf("no file matches %s", pattern)
		}
		var files []convert.File
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return nil, err
			}
			files = append(files, convert.File{Name: name, Data: data})
		}
		return files, nil
	}}
}

// noIndex matches what makes of paths to the same key different ones.
var noIndex = regexp.MustCompile(`^monitorList\.\d+|\[\d+\]`)

// findings returns all that a result says beside its YAML.
func findings(r *convert.Result) string {
	var b strings.Builder
	section := func(title string, notes []convert.Note) {
		fmt.Fprintf(&b, "%s (%d)\n", title, len(notes))
		for _, n := range notes {
			fmt.Fprintf(&b, "  %s\n", n)
		}
	}
	fmt.Fprintf(&b, "%s: %d checks\n", r.Format, r.Checks)
	section("listed", r.Listed)
	fmt.Fprintf(&b, "ignored (%d)\n", len(r.Ignored))
	keys := make(map[string][]string)
	for _, n := range r.Ignored {
		keys[n.Text] = append(keys[n.Text], noIndex.ReplaceAllString(n.Path, ""))
	}
	for _, reason := range slices.Sorted(maps.Keys(keys)) {
		slices.Sort(keys[reason])
		fmt.Fprintf(&b, "  %s: %s\n", reason, strings.Join(slices.Compact(keys[reason]), ", "))
	}
	fmt.Fprintf(&b, "variables (%d)\n", len(r.Variables))
	for _, v := range r.Variables {
		fmt.Fprintf(&b, "  %s: %s\n", v.Name, v.From)
	}
	return b.String()
}

// TestGolden holds output and findings of realistic files, and that our loader takes each output.
func TestGolden(t *testing.T) {
	for _, dir := range goldens(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			r, err := convert.Convert(example(t, dir), optionsFor(dir))
			require.NoError(t, err)
			compare(t, dir+"/want.yml", string(r.YAML))
			compare(t, dir+"/want.txt", findings(r))
			cfg := load(t, r.YAML)
			assert.Len(t, cfg.Checks, r.Checks)
			lines := strings.Split(string(r.YAML), "\n")
			for i := range lines {
				lines[i] = strings.TrimSpace(lines[i])
			}
			for _, n := range r.Listed {
				assert.Contains(t, lines, "# not taken over: "+n.String(), "listed, and not in a comment")
			}
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// load loads a configuration as the exporter would on a machine that has the variables and files.
func load(t testing.TB, yaml []byte) *config.Config {
	t.Helper()
	dir, cert, key := keyPair(t)
	variables := map[string]string{"CERTS": dir, "GRAPH_URL": "https://graph.example.com", "MTLS_TLSKEY": key}
	yaml = shortCertificate.ReplaceAll(yaml, []byte("${1}"+strings.ReplaceAll(strings.TrimSpace(cert), "\n", "\n${1}")))
	cfg, err := config.Parse("want.yml", yaml, config.Options{Dir: ".", Lookup: func(name string) (string, bool) {
		return cmp.Or(variables[name], "value"), true
	}})
	require.NoError(t, err)
	return cfg
}

// shortCertificate is what the example with a client certificate has in its place.
var shortCertificate = regexp.MustCompile(`( +)-----BEGIN CERTIFICATE-----\n +MIIB\n +-----END CERTIFICATE-----`)

// keyPair returns a certificate with its key, and a folder where both are in files.
func keyPair(t testing.TB) (dir, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/client.pem", []byte(cert), 0o600))
	require.NoError(t, os.WriteFile(dir+"/client.key", []byte(key), 0o600))
	return dir, cert, key
}
