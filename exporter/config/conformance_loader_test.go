package config_test

import (
	"encoding/json"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// TestKindsShowNothingOfReferences plants a secret in each text of each kind by a reference that the loader replaces: to a
// file, whose contents are shown nowhere, or to a variable, which is shown where the kind shows on purpose what is there.
func TestKindsShowNothingOfReferences(t *testing.T) {
	eachKind(t, "references", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		planted := 0
		for _, base := range c.echo(t) {
			for _, l := range leavesOf(k.Config) {
				cfg := base()
				if !l.set(cfg, referenceHere) {
					continue
				}
				planted++
				for _, s := range plants {
					values := []string{s}
					if escaped := url.PathEscape(s); escaped != s && inURL(t, k, cfg) {
						values = append(values, escaped)
					}
					for _, value := range values {
						for _, reference := range revealReferences(t, k, cfg, value, s, c.shows(l.path)) {
							problems = append(problems, l.path+" "+reference)
						}
					}
				}
			}
		}
		t.Logf("planted %d", planted)
		return problems
	})
}

// referenceHere is where a reference is to be in a configuration.
const referenceHere = "REFERENCE-HERE"

func inURL(t *testing.T, k config.Kind, cfg any) bool {
	return strings.Contains(fileOf(t, k, cfg), "key="+referenceHere)
}

// revealReferences returns the references that show the secret when they have the value.
func revealReferences(t *testing.T, k config.Kind, cfg any, value, secret string, isOpen bool) (problems []string) {
	t.Helper()
	opts := config.Options{Dir: t.TempDir(), Lookup: func(string) (string, bool) { return value, true }}
	require.NoError(t, os.WriteFile(filepath.Join(opts.Dir, "planted"), []byte(value+"\n"), 0o600))
	for _, reference := range []string{"${file:planted}", "${PLANTED}"} {
		if isOpen && reference == "${PLANTED}" {
			continue
		}
		if slices.ContainsFunc(revealLoaded(t, k, cfg, reference, secret, opts), func(shown string) bool { return leaks(shown, secret) }) {
			problems = append(problems, reference)
		}
	}
	return problems
}

// revealLoaded returns all that anybody gets to see of a check that comes from a file.
func revealLoaded(t *testing.T, k config.Kind, cfg any, reference, secret string, opts config.Options) (shown []string) {
	t.Helper()
	loaded, err := config.Parse("c.yml", []byte(strings.ReplaceAll(fileOf(t, k, cfg), referenceHere, reference)), opts)
	if err != nil {
		return []string{err.Error()}
	}
	for _, w := range loaded.Warnings {
		shown = append(shown, w.Error())
	}
	return append(append(shown, loaded.Checks[0].Target), revealRuns(t, loaded.Checks[0].Checker, secret)...)
}

// fileOf returns a file with the configuration as its only check.
func fileOf(t *testing.T, k config.Kind, cfg any) string {
	t.Helper()
	check := map[string]any{"endpoint": "a", "timeout": "10s", k.Name: plain(reflect.ValueOf(cfg).Elem())}
	text, err := json.Marshal(map[string]any{"checks": []any{check}}) // which is YAML too
	require.NoError(t, err)
	return string(text)
}

// plain returns a configuration as it is written, without what is not set.
func plain(v reflect.Value) any {
	if u, ok := v.Interface().(promconfig.URL); ok {
		return u.String()
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return plain(v.Elem())
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i))
		}
		return list
	case reflect.Map:
		m := make(map[string]any)
		for _, key := range v.MapKeys() {
			m[key.String()] = plain(v.MapIndex(key))
		}
		return m
	case reflect.Struct:
		m := make(map[string]any)
		fill(m, v)
		return m
	case reflect.String: // also that of a secret, which hides itself
		return v.String()
	default:
		return v.Interface()
	}
}

func fill(m map[string]any, v reflect.Value) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-" || v.Field(i).IsZero():
		case strings.Contains(options, "inline"):
			fill(m, v.Field(i))
		default:
			m[name] = plain(v.Field(i))
		}
	}
}

// TestKindsStartFromTheFolder writes a relative path into each text of each kind: names of files start from the folder of
// the configuration, and nothing else changes.
func TestKindsStartFromTheFolder(t *testing.T) {
	dir := t.TempDir()
	eachKind(t, "folder", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		untried := make(map[string]bool)
		for _, base := range c.echo(t) {
			leaves := leavesOf(k.Config)
			for _, l := range leaves {
				want := relative
				isFile := l.namesFile() || slices.Contains(c.files, l.path)
				if isFile {
					want = filepath.Join(dir, relative)
				}
				if _, ok := untried[l.path]; isFile && !ok {
					untried[l.path] = true
				}
				for _, cfg := range l.withRelative(base, leaves) {
					got := decoded(t, k, cfg, dir)
					if got == nil {
						continue // refused as it stands there
					}
					untried[l.path] = false
					if !slices.Contains(textsOf(reflect.ValueOf(got)), want) {
						problems = append(problems, l.path)
					}
				}
			}
		}
		for path, is := range untried {
			if is {
				problems = append(problems, path+" is never taken")
			}
		}
		return problems
	})
}

const relative = "relative/here"

// withRelative returns configurations that have a relative path in the text, where there is a place for it: alone, and
// beside another file, which some need.
func (l *leaf) withRelative(base func() any, leaves []leaf) (configs []any) {
	cfg := base()
	if !l.replace(cfg, relative) {
		return nil
	}
	configs = append(configs, cfg)
	for _, other := range leaves {
		if l.namesFile() && other.namesFile() && other.path != l.path && path.Dir(strings.ReplaceAll(other.path, ".", "/")) == path.Dir(strings.ReplaceAll(l.path, ".", "/")) {
			cfg := base()
			if l.replace(cfg, relative) && other.replace(cfg, "other") {
				configs = append(configs, cfg)
			}
		}
	}
	return configs
}

// decoded returns the configuration as the kind gets it from a file in dir, or nil.
func decoded(t *testing.T, k config.Kind, cfg any, dir string) (got any) {
	t.Helper()
	opts := config.Captured(config.Options{Dir: dir}, func(c any) { got = c })
	_, err := config.Parse("c.yml", []byte(fileOf(t, k, cfg)), opts)
	require.Error(t, err)
	if err.Error() != "c.yml:1: checks[0]."+k.Name+": captured" {
		return nil
	}
	return got
}

// textsOf returns all texts in a configuration.
func textsOf(v reflect.Value) (list []string) {
	switch v.Kind() {
	case reflect.String:
		return []string{v.String()}
	case reflect.Pointer:
		if !v.IsNil() {
			return textsOf(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, textsOf(v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			list = append(list, textsOf(v.MapIndex(key))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				list = append(list, textsOf(v.Field(i))...)
			}
		}
	default:
	}
	return list
}

// TestKindsHaveExamples: each kind shows in its documentation how a check is made, and what that comes to is compared.
func TestKindsHaveExamples(t *testing.T) {
	const module = "github.com/healthcheck-exporter/healthcheck_exporter/"
	eachKind(t, "example", func(t *testing.T, k config.Kind, _ conformer) (problems []string) {
		dir := filepath.Join("../..", strings.TrimPrefix(k.Config.PkgPath(), module))
		tests, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		require.NoError(t, err)
		var files []*ast.File
		for _, test := range tests {
			file, err := parser.ParseFile(token.NewFileSet(), test, nil, parser.ParseComments)
			require.NoError(t, err)
			files = append(files, file)
		}
		if !slices.ContainsFunc(doc.Examples(files...), func(e *doc.Example) bool { return e.Name == "New" && e.Output != "" }) {
			problems = append(problems, "no ExampleNew with output in "+dir)
		}
		return problems
	})
}
