// Command bench measures what exporter/BENCHMARKS.md reports: every bar of the project, ours and a baseline in turn in the
// same run, as CPU time, and prints one table. It builds the exporter and runs it; traffic goes to a server of its own on
// loopback, and everything ends by itself.
//
//	go run ./exporter/internal/bench            # all, about ten minutes
//	go run ./exporter/internal/bench -only=scrape,runner
//	go run ./exporter/internal/bench -soak=1h   # the soak, instead
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// bench is one run of the program.
type bench struct {
	ctx    context.Context
	dir    string // temporary
	binary string // the exporter
	rounds int    // of each pair; the median is reported
	table  table
}

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], childPrefix) {
		child(os.Args[1:])
		return
	}
	only := flag.String("only", "", "parts to measure, by comma: "+strings.Join(partNames(), ", "))
	rounds := flag.Int("rounds", 5, "how often each pair is measured")
	var soak soakOptions
	flag.DurationVar(&soak.length, "soak", 0, "run the soak for that long instead")
	flag.IntVar(&soak.checks, "soak.checks", 20_000, "HTTP checks of the exporter; a thousand ask 46 times a second")
	flag.IntVar(&soak.library, "soak.library", 2000, "checks of the program that uses the library")
	flag.Uint64Var(&soak.seed, "soak.seed", 1, "chooses intervals and what reloads change")
	flag.DurationVar(&soak.reload, "soak.reload", time.Minute, "from one reload to the next; at most a sixth of the soak")
	flag.DurationVar(&soak.block, "soak.block", 3*time.Minute, "how long nobody reads the log; at most a quarter of the soak")
	flag.DurationVar(&soak.scrape, "soak.scrape", 15*time.Second, "from one scrape to the next, for each of six scrapers; at most a sixth of the soak")
	flag.StringVar(&soak.plot, "plot", "", "where the soak draws its plot")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *rounds, soak); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing to do in a process that ends
	}
}

type part struct {
	name    string
	measure func(*bench) error
}

var parts = []part{
	{"scrape", (*bench).scrape},
	{"runner", (*bench).runner},
	{"memory", (*bench).memory},
	{"status", (*bench).status},
	{"reload", (*bench).reload},
	{"start", (*bench).start},
	{"probe", (*bench).probe},
	{"size", (*bench).size},
}

func partNames() []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return names
}

func run(ctx context.Context, only string, rounds int, soak soakOptions) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{ctx: ctx, dir: dir, binary: filepath.Join(dir, "healthcheck_exporter"), rounds: rounds}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.binary, "github.com/healthcheck-exporter/healthcheck_exporter/cmd/healthcheck_exporter")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	fmt.Println(machine())
	if soak.length > 0 {
		return b.soak(soak)
	}
	wanted := strings.Split(only, ",")
	for _, p := range parts {
		if only != "" && !slices.Contains(wanted, p.name) {
			continue
		}
		began := time.Now()
		if err := p.measure(b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		fmt.Fprintf(os.Stderr, "%s took %s\n", p.name, time.Since(began).Round(time.Second))
	}
	b.table.print(os.Stdout)
	return nil
}

// machine names what the figures were measured on.
func machine() string {
	cpu := "unknown CPU"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.SplitSeq(string(data), "\n") {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.TrimLeft(name, "\t: ")
				break
			}
		}
	}
	return fmt.Sprintf("%d × %s, %s/%s, %s", runtime.NumCPU(), cpu, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
