// Command mutate tells what the tests of a package do not see. It makes small mistakes in the code, one at a time, runs the
// tests against each, and lists those that no test fails for. The same seed makes the same mistakes as long as the code is
// the same.
//
//	.ci/mutate                       # those named by hand, and 100 others
//	.ci/mutate -n 15 -seed 7 -named= # 15 others, none by hand
//	.ci/mutate -list                 # which it would make
//
// Survivors are not failures: some changes make no difference that anybody promised, as in a log line or in fetching ahead.
// Each is to be looked at. What exists for Go makes no statement disappear, which is what finds most, or runs every
// mutation there is, which takes a day.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.n, "n", 100, "how many mutations that compile, beside those named by hand")
	flag.Uint64Var(&o.seed, "seed", 1, "chooses them")
	flag.StringVar(&o.packages, "packages", "./healthcheck,./collector", "folders to change, by comma; a change is tested in its own and in those after it")
	flag.StringVar(&o.named, "named", ".ci/tools/mutate/named.txt", "file with mutations by hand; none if empty")
	flag.DurationVar(&o.timeout, "timeout", 120*time.Second, "of the tests of a package")
	flag.StringVar(&o.only, "only", "", "mutations whose file:line contains this")
	flag.BoolVar(&o.list, "list", false, "print the mutations instead of trying them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

type options struct {
	n                     int
	seed                  uint64
	packages, named, only string
	timeout               time.Duration
	list                  bool
}

func run(ctx context.Context, o options) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	packages := strings.Split(o.packages, ",")
	var all []mutation
	for _, pkg := range packages {
		found, err := find(root, pkg)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	var named []mutation
	var mistakes []string
	if o.named != "" {
		if named, mistakes, err = readNamed(root, o.named); err != nil {
			return err
		}
	}
	for _, m := range mistakes {
		fmt.Println("MISTAKE", m)
	}
	fmt.Printf("%d mutations are possible, %d are named by hand, seed %d\n", len(all), len(named), o.seed)
	r := &report{root: root, counts: make(map[verdict]int), stale: len(mistakes)}
	if err := r.tryAll(ctx, o, packages, named, choose(all, o.seed)); err != nil {
		return err
	}
	r.print()
	if r.stale > 0 {
		return fmt.Errorf("%d mutations by hand do not fit the code any more", r.stale)
	}
	return nil
}

// choose puts mutations in an order of chance, each operator in turn: there are more constants than all else.
func choose(all []mutation, seed uint64) []mutation {
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	by := make(map[string][]mutation)
	for _, m := range all {
		by[m.operator] = append(by[m.operator], m)
	}
	chosen := make([]mutation, 0, len(all))
	for len(chosen) < len(all) {
		for _, operator := range operatorOrder {
			if list := by[operator]; len(list) > 0 {
				chosen, by[operator] = append(chosen, list[0]), list[1:]
			}
		}
	}
	return chosen
}

// report gathers what became of the mutations.
type report struct {
	root      string
	counts    map[verdict]int
	survivors []mutation
	stale     int // of those by hand
}

func (r *report) tryAll(ctx context.Context, o options, packages []string, named, chosen []mutation) error {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	t := &trial{root: r.root, dir: dir, timeout: o.timeout}
	if !o.list {
		args := append([]string{"test", "-count=1", "-vet=off", "-timeout", o.timeout.String()}, packages...)
		if out, err := t.command(ctx, args...); err != nil {
			return fmt.Errorf("the tests fail without any mutation: %w\n%s", err, out)
		}
	}
	left := o.n
	for i, m := range slices.Concat(named, chosen) {
		byHand := i < len(named)
		if !byHand && left == 0 {
			break
		}
		if !strings.Contains(fmt.Sprintf("%s:%d", m.file, m.line), o.only) {
			continue
		}
		if o.list {
			fmt.Printf("%s:%d: %s\n%s", m.file, m.line, m.operator, r.diff(m))
			if !byHand {
				left--
			}
			continue
		}
		t.packages = after(packages, m)
		began := time.Now()
		v, out, err := t.run(ctx, m)
		if err != nil {
			return err
		}
		r.counts[v]++
		fmt.Printf("%s:%d: %s: %s (%s)%s\n", m.file, m.line, m.operator, v, time.Since(began).Round(100*time.Millisecond), by(v, out))
		switch {
		case v == survived:
			fmt.Print(r.diff(m))
			r.survivors = append(r.survivors, m)
		case v == invalid && byHand:
			fmt.Print(out)
			r.stale++
		case v == invalid:
			left++ // it was none
		}
		if !byHand {
			left--
		}
	}
	return nil
}

// after returns the packages whose tests a mutation is tried on: its own and those that follow.
func after(packages []string, m mutation) []string {
	for i, pkg := range packages {
		if filepath.Clean(pkg) == filepath.Dir(m.file) {
			return packages[i:]
		}
	}
	return packages
}

// by names the first test that failed.
func by(v verdict, out string) string {
	if v != killed {
		return ""
	}
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			return " by " + strings.Fields(name)[0]
		}
	}
	return " by a crash"
}

// diff shows the lines that a mutation changes.
func (r *report) diff(m mutation) string {
	source, err := os.ReadFile(filepath.Join(r.root, m.file))
	if err != nil {
		return err.Error() + "\n"
	}
	from := strings.LastIndexByte(string(source[:m.start]), '\n') + 1
	to := len(source)
	if i := strings.IndexByte(string(source[m.end:]), '\n'); i >= 0 {
		to = m.end + i
	}
	var b strings.Builder
	lines := func(sign, text string) {
		for line := range strings.SplitSeq(text, "\n") {
			fmt.Fprintf(&b, "    %s %s\n", sign, line)
		}
	}
	lines("-", string(source[from:to]))
	lines("+", string(source[from:m.start])+m.text+string(source[m.end:to]))
	return b.String()
}

func (r *report) print() {
	tried := r.counts[killed] + r.counts[timedOut] + r.counts[survived]
	if tried == 0 {
		return
	}
	fmt.Printf("\n%d tried: %d killed by a test, %d by the time limit, %d survived; %d more did not compile\n",
		tried, r.counts[killed], r.counts[timedOut], r.counts[survived], r.counts[invalid])
	for _, m := range r.survivors {
		fmt.Printf("\n%s:%d: %s\n%s", m.file, m.line, m.operator, r.diff(m))
	}
}
