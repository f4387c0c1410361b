package convert_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

// TestEachKeyCounts walks every key of every example. What is neither listed nor ignored is claimed to be used, so another
// value must make a difference; and a key that nobody has heard of must not pass unnoticed, wherever it stands.
func TestEachKeyCounts(t *testing.T) {
	for _, dir := range goldens(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			a := newAccount(t, dir)
			checked := 0
			for i, root := range a.roots {
				a.walk(root, "", func(path string, n *yaml.Node) {
					if a.before.covers(a.files[i].Name, path) {
						return
					}
					checked++
					switch n.Kind {
					case yaml.ScalarNode:
						assert.True(t, a.valueCounts(n), "%s: %s: another value changes nothing", a.files[i].Name, path)
					case yaml.MappingNode:
						assert.True(t, a.newKeyCounts(a.files[i].Name, path, n), "%s: %s: an unknown key passes unnoticed", a.files[i].Name, path)
					}
				})
			}
			require.Greater(t, checked, 10)
		})
	}
}

// account is an example, taken apart to change it.
type account struct {
	t      *testing.T
	opts   convert.Options
	files  []convert.File
	roots  []*yaml.Node
	before outcome
}

// outcome is what came of an example, without line numbers.
type outcome struct {
	text    string          // the YAML and what is listed
	covered map[string]bool // files and paths that were listed or ignored
}

func newAccount(t *testing.T, dir string) *account {
	a := &account{t: t, opts: optionsFor(dir), files: example(t, dir)}
	a.opts.WithSecrets = true // else one secret is like another
	for _, f := range a.files {
		root := &yaml.Node{}
		require.NoError(t, yaml.Unmarshal(f.Data, root))
		a.roots = append(a.roots, root.Content[0])
	}
	a.before = a.convert()
	return a
}

var lineNumber = regexp.MustCompile(`(\.(?:ya?ml|json)):\d+|on line \d+`)

func (a *account) convert() outcome {
	files := make([]convert.File, len(a.files))
	for i, root := range a.roots {
		data, err := yaml.Dump(root)
		require.NoError(a.t, err)
		files[i] = convert.File{Name: a.files[i].Name, Data: data}
	}
	r, err := convert.Convert(files, a.opts)
	if err != nil {
		return outcome{text: err.Error()}
	}
	o := outcome{covered: make(map[string]bool)}
	var text strings.Builder
	text.Write(r.YAML)
	for _, n := range r.Listed {
		fmt.Fprintln(&text, n)
		o.covered[n.File+" "+n.Path] = true
	}
	for _, n := range r.Ignored {
		o.covered[n.File+" "+n.Path] = true
	}
	o.text = lineNumber.ReplaceAllString(text.String(), "$1")
	return o
}

// covers reports whether a path, or what it is in, was listed or ignored.
func (o outcome) covers(file, path string) bool {
	for {
		if o.covered[file+" "+path] {
			return true
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return false
		}
		path = path[:i]
	}
}

// walk calls f for all values below n with their paths, aliases left out.
func (a *account) walk(n *yaml.Node, path string, f func(string, *yaml.Node)) {
	if path != "" || n.Kind == yaml.MappingNode {
		f(path, n)
	}
	for i, part := range n.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			a.walk(part, fmt.Sprintf("%s[%d]", path, i), f)
		case i%2 == 1 && part.Kind != yaml.AliasNode:
			a.walk(part, join(path, n.Content[i-1].Value), f)
		}
	}
}

func join(path, key string) string {
	switch {
	case strings.ContainsAny(key, " ."):
		return path + fmt.Sprintf("[%q]", key)
	case path == "":
		return key
	}
	return path + "." + key
}

// valueCounts reports whether some other value changes the outcome.
func (a *account) valueCounts(n *yaml.Node) bool {
	old := *n
	defer func() { *n = old }()
	for _, value := range others(old.Value) {
		*n = yaml.Node{Kind: yaml.ScalarNode, Value: value}
		if a.convert().text != a.before.text {
			return true
		}
	}
	return false
}

// others returns values of several sorts that are not the given one.
func others(value string) []string {
	list := []string{value + "x", "x" + value, "1s", "2s", "3", "0", "400", "true", "false", "other", "job"}
	if n, err := strconv.Atoi(value); err == nil {
		list = append([]string{strconv.Itoa(n + 1)}, list...)
	}
	return list
}

// newKeyCounts reports whether a key that no format has is noticed.
func (a *account) newKeyCounts(file, path string, n *yaml.Node) bool {
	old := n.Content
	defer func() { n.Content = old }()
	const key = "unheard_of"
	n.Content = append(append([]*yaml.Node(nil), old...), &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.ScalarNode, Value: "x"})
	after := a.convert()
	return after.covers(file, join(path, key)) || after.text != a.before.text
}
