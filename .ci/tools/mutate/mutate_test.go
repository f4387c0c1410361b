package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const sample = `package p

import "os"

type t struct{ a [3]int }

func f(a, b int) (int, error) {
	if a < b && a != 0 {
		a++
		return a, nil
	}
	switch {
	case a > 2:
		b = max(a, 1) + 2
	}
	for i := 0; i < 3; i++ {
		continue
	}
	_, err := os.Stat("x")
	return 0, err
}

func pair() (x, y bool) { return true, isIt(1) }
`

func TestOperators(t *testing.T) {
	found, err := findIn("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range found {
		changed := strings.Split(string(m.apply([]byte(sample))), "\n")[m.line-1]
		lines = append(lines, m.operator+": "+strings.TrimSpace(changed))
	}
	for _, want := range []string{
		"condition negated: if !(a < b && a != 0) {",
		"and/or exchanged: if a < b || a != 0 {",
		"comparison off by one: if a <= b && a != 0 {",
		"equality negated: if a < b && a == 0 {",
		"constant changed: if a < b && a != 1 {",
		"statement dropped: if false { a++ }",
		"result changed: return (a) + 1, nil",
		"condition negated: case !(a > 2):",
		"statement dropped: if false { b = max(a, 1) + 2 }",
		"arithmetic changed: b = min(a, 1) + 2",
		"arithmetic changed: b = max(a, 1) - 2",
		"condition negated: for i := 0; !(i < 3); i++ {",
		"break/continue exchanged: break",
		"result changed: return 0, nil",
		"constant changed: func pair() (x, y bool) { return false, isIt(1) }",
		"result changed: func pair() (x, y bool) { return true, !(isIt(1)) }",
		"result changed: func pair() (x, y bool) { return isIt(1), true }",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, line := range lines {
		if strings.Contains(line, "[4]int") || strings.Contains(line, `"x"+`) || strings.HasPrefix(line, "statement dropped: for") {
			t.Errorf("unwanted %s", line)
		}
	}
}

func TestTheSameSeedChoosesTheSame(t *testing.T) {
	all, err := findIn("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	one, same, other := choose(slices.Clone(all), 1), choose(slices.Clone(all), 1), choose(slices.Clone(all), 2)
	if !slices.Equal(one, same) {
		t.Error("two choices of one seed differ")
	}
	if slices.Equal(one, other) {
		t.Error("two seeds choose the same")
	}
	if len(one) != len(all) {
		t.Errorf("%d of %d are chosen", len(one), len(all))
	}
}

// A module of its own with one function that its test knows, and one that it does not.
func TestSurvivors(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.org/m\n\ngo 1.26\n")
	if err := os.Mkdir(filepath.Join(root, "p"), 0o700); err != nil {
		t.Fatal(err)
	}
	code := "package p\n\nfunc known(a int) bool {\n\treturn a < 3\n}\n\nfunc unknown(a int) bool {\n\treturn a < 3\n}\n\nfunc ends() {\n\tfor i := 0; i < 3; i++ {\n\t}\n}\n"
	write("p/p.go", code)
	write("p/p_test.go", "package p\n\nimport \"testing\"\n\nfunc TestIt(t *testing.T) {\n\tif !known(2) || known(3) {\n\t\tt.Fatal()\n\t}\n\tends()\n}\n")
	write("named.txt", "# stale\nfile p/p.go\n- return a < 4\n+ return true\n\n# twice\nfile p/p.go\n-return a < 3\n\n# once\nfile p/p.go\n- func unknown(a int) bool {\n- return a < 3\n+ func unknown(a int) bool {\n+ return true\n")
	named, mistakes, err := readNamed(root, filepath.Join(root, "named.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(named) != 1 || len(mistakes) != 2 {
		t.Fatalf("named %v, mistakes %q", named, mistakes)
	}
	try := &trial{root: root, dir: t.TempDir(), packages: []string{"./p"}, timeout: 5 * time.Second}
	check := func(m mutation, want verdict) {
		t.Helper()
		m.file = "p/p.go"
		got, out, err := try.run(t.Context(), m)
		if err != nil || got != want {
			t.Errorf("line %d is %q, %v, want %q\n%s", m.line, got, err, want, out)
		}
	}
	check(named[0], survived)
	replace := func(old, text string, from int) mutation {
		at := strings.Index(code[from:], old) + from
		return mutation{start: at, end: at + len(old), text: text}
	}
	later := strings.Index(code, "unknown")
	check(replace("< 3", "<= 3", 0), killed)
	check(replace("< 3", "<= 3", later), survived)
	check(replace("i++", "i--", later), timedOut)
	check(replace("bool", "int", 0), invalid)
	after, err := os.ReadFile(filepath.Join(root, "p/p.go"))
	if err != nil || string(after) != code {
		t.Error("the tree was changed")
	}
}
