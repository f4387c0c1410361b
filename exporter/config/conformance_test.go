package config_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	hidden "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// What every kind of checks holds to. A kind joins by being in the table of kinds of the loader: it needs an entry in
// conformers then, which says what it can be pointed at.

// conformer says how the tests below use a kind. Functions return pointers to configurations.
type conformer struct {
	// echo starts a peer that sends back all that it gets, in many spellings, and returns configurations that do not
	// expect it. A kind without a peer returns one that fails.
	echo func(t *testing.T) []func() any
	// fetching returns a configuration for such a peer with a secret that is fetched in a run: [issued]. Nil: there is none.
	fetching func(t *testing.T) any
	// open are the fields that say what to check and what to expect: they are shown on purpose.
	open []string
	// silent starts a peer that never answers and returns a configuration for it. Nil: the kind waits for nobody, or
	// for those of dials only.
	silent func(t *testing.T) any
	// dials returns configurations whose runs open a connection, over TCP, to the address, and wait for an answer. Nil:
	// the kind opens none.
	dials func(address string) []any
	// servers starts healthy peers that are reached over TCP, for the table of faults. Nil: the kind has none.
	servers func(t *testing.T) []served
	// files are the fields with the name of a file beside those that end in _file.
	files []string
	// named returns a configuration with a host, in brackets where it is an IPv6 address. Nil: the kind knows no hosts.
	named func(host string) any
	// fine returns configurations whose runs are OK.
	fine func(t testing.TB) []any
	// runs is how many runs, of all configurations together, leave nothing behind.
	runs int
}

// shows reports whether a field is open.
func (c *conformer) shows(path string) bool {
	return slices.ContainsFunc(c.open, func(open string) bool { return path == open || strings.HasPrefix(path, open+"[") })
}

// knownFailures are the problems that are still to be mended, by kind and test. Who mends one takes it off: the test
// fails until then.
var knownFailures = map[string][]string{
	"status/faults": {"status: slow: the kind has no max_latency"},
}

// judge fails the test for problems that are not known, and for known ones that are none any more.
func judge(t *testing.T, kind, test string, problems []string) {
	t.Helper()
	slices.Sort(problems)
	problems = slices.Compact(problems)
	known := knownFailures[kind+"/"+test]
	for _, p := range problems {
		assert.Contains(t, known, p)
	}
	for _, p := range known {
		assert.Contains(t, problems, p, "it is mended: take it off knownFailures")
	}
}

// eachKind runs a test for each kind, and finds those that have not joined.
func eachKind(t *testing.T, test string, problems func(t *testing.T, k config.Kind, c conformer) []string) {
	kinds := config.Kinds()
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		t.Run(name, func(t *testing.T) {
			c, ok := conformers[name]
			require.True(t, ok, "a new kind needs an entry in conformers")
			judge(t, name, test, problems(t, kinds[name], c))
		})
	}
	for name := range conformers {
		assert.Contains(t, kinds, name)
	}
	for failure := range knownFailures {
		kind, _, _ := strings.Cut(failure, "/")
		assert.Contains(t, kinds, kind)
	}
}

// TestKindsMeasuresAreUnique reads the sources of all kinds: a measure that two of them have would be one family of two
// meanings.
func TestKindsMeasuresAreUnique(t *testing.T) {
	where := make(map[string]string)
	root := filepath.Join("..", "..", "healthcheck", "checks")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "NewMeasure" {
				return true
			}
			literal, ok := call.Args[0].(*ast.BasicLit)
			require.True(t, ok, "%s: the name of a measure is a literal", path)
			name, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			assert.NotContains(t, where, name, path)
			where[name] = path
			kind := strings.TrimSuffix(filepath.Base(filepath.Dir(path)), "check")
			shared := slices.ContainsFunc([]string{"tls_", "value", "component_status"}, func(p string) bool { return strings.HasPrefix(name, p) })
			assert.True(t, shared || strings.HasPrefix(name, kind+"_"), "%s: %s has not the kind in front", path, name)
			return true
		})
		return nil
	}))
	assert.Greater(t, len(where), 10)
}

// TestKindsShowNoSecret plants a secret in each field of each kind that takes a text, one at a time.
func TestKindsShowNoSecret(t *testing.T) {
	eachKind(t, "secrets", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		planted := 0
		for _, base := range c.echo(t) {
			for _, l := range leavesOf(k.Config) {
				if c.shows(l.path) {
					continue
				}
				for _, s := range plants {
					cfg := base()
					if !l.plant(t, cfg, s) {
						continue
					}
					planted++
					for _, shown := range reveal(t, k, cfg, s) {
						if leaks(shown, s) {
							t.Logf("%s: %s", l.path, shown)
							problems = append(problems, l.path)
						}
					}
				}
			}
		}
		if c.fetching != nil {
			for _, shown := range reveal(t, k, c.fetching(t), issued) {
				if leaks(shown, issued) {
					problems = append(problems, "what is fetched")
				}
			}
		}
		t.Logf("planted %d", planted)
		return problems
	})
}

// reveal returns all that anybody gets to see of a check.
func reveal(t *testing.T, k config.Kind, cfg any, secret string) (shown []string) {
	shown = append(shown, k.Target(cfg))
	checker, err := k.New(cfg)
	if err != nil {
		return append(shown, err.Error())
	}
	return append(shown, revealRuns(t, checker, secret)...)
}

// revealRuns runs a check for each of the answers of its peer, and, if it had the secret to hide in one, once so that it
// panics with a text that has it, as the code of a library may.
func revealRuns(t *testing.T, checker healthcheck.Checker, secret string) (shown []string) {
	if closer, ok := checker.(io.Closer); ok {
		defer closer.Close()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	echoes.next.Store(0)
	echoes.all.Store(0)
	for run := int64(0); run <= echoes.all.Load(); run++ {
		r := checker.Check(ctx)
		assert.NotEqual(t, healthcheck.ReasonTimeout, r.Reason, "an echo that is not waited for keeps the test short: %s", r.Details)
		shown = append(shown, r.Details)
		for _, v := range r.Values {
			shown = append(shown, v.Label)
		}
		assert.Empty(t, malformed(r))
	}
	if slices.ContainsFunc(shown, func(text string) bool { return strings.Contains(text, hidden.Mark) }) {
		shown = append(shown, panicOf(checker, secret))
	}
	return shown
}

// panicOf returns the text of the panic of a run, or what it says instead.
func panicOf(checker healthcheck.Checker, secret string) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	return checker.Check(panicking{context.Background(), "it all began with " + secret}).Details
}

// panicking is a context that panics.
type panicking struct {
	context.Context
	text string
}

func (p panicking) Deadline() (time.Time, bool) { panic(p.text) }
func (p panicking) Done() <-chan struct{}       { panic(p.text) }
func (p panicking) Err() error                  { panic(p.text) }
func (p panicking) Value(any) any               { panic(p.text) }

// malformed says what is wrong with a result, whatever it tells; the runner would mend it.
func malformed(r healthcheck.Result) (problems []string) {
	switch {
	case r.Level != healthcheck.OK && r.Level != healthcheck.FAIL && r.Level != "":
		problems = append(problems, "the level is "+string(r.Level))
	case r.Failed() == (r.Reason == healthcheck.ReasonNone):
		problems = append(problems, "failed, or not, for the reason "+strconv.Quote(r.Reason.String()))
	case r.Reason > healthcheck.ReasonError, r.Reason == healthcheck.ReasonPanic, r.Reason == healthcheck.ReasonStuck:
		problems = append(problems, "the reason is "+strconv.Itoa(int(r.Reason)))
	case r.Failed() && r.Details == "":
		problems = append(problems, "failed without a word")
	}
	if !utf8.ValidString(r.Details) || strings.ContainsFunc(r.Details, func(c rune) bool { return !unicode.IsPrint(c) }) {
		problems = append(problems, "the details cannot be printed: "+strconv.Quote(r.Details))
	}
	type key struct{ name, label string }
	seen := make(map[key]bool)
	for _, v := range r.Values {
		k := key{v.Measure.Name(), v.Label}
		switch {
		case seen[k]:
			problems = append(problems, fmt.Sprintf("measured twice: %s %q", k.name, k.label))
		case (v.Measure.NumLabels() == 0) != (v.Label == ""):
			problems = append(problems, fmt.Sprintf("%s has the label %q", k.name, v.Label))
		}
		seen[k] = true
	}
	return problems
}

// TestKindsTakeTheSameNames: what is a host to one kind is a host to all of them, and its target can be read.
func TestKindsTakeTheSameNames(t *testing.T) {
	eachKind(t, "names", func(t *testing.T, k config.Kind, c conformer) (problems []string) {
		if c.named == nil {
			return nil
		}
		for host, shown := range map[string]string{
			"db.example.org": "db.example.org", "db.example.org.": "db.example.org.", "my_service": "my_service", "192.0.2.1": "192.0.2.1",
			"bücher.example": "bücher.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
			"[2001:db8::1]": "2001:db8::1", "[2001:DB8:0::1]": "2001:db8::1", "[fe80::1%eth0]": "fe80::1%",
			"127.1": "", "1.2.3.4.5": "", "a b": "", "a..b": "", "ü…": "", "a\u202eb": "", "[2001:db8::1": "", "joe:hunter2@": "", "a\x00b": "",
		} {
			cfg := c.named(host)
			_, err := k.New(cfg)
			switch {
			case shown == "" && err == nil:
				problems = append(problems, strconv.Quote(host)+" is taken")
			case shown != "" && err != nil:
				problems = append(problems, strconv.Quote(host)+" is refused")
				t.Log(err)
			case shown != "" && !strings.Contains(k.Target(cfg), shown):
				problems = append(problems, strconv.Quote(host)+" is shown as "+k.Target(cfg))
			case strings.Contains(k.Target(cfg), "hunter2"):
				problems = append(problems, "user information is shown")
			}
		}
		return problems
	})
}

// leaf is a text somewhere in a configuration.
type leaf struct {
	path string
	at   func(root reflect.Value, do func(v reflect.Value))
}
