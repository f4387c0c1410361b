package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// writeConfig writes a configuration with n http checks of addr and returns its path.
func (b *bench) writeConfig(name, addr string, n int, interval, extra string) (string, error) {
	var c bytes.Buffer
	fmt.Fprintf(&c, "defaults: { interval: %s, timeout: %s }\nchecks:\n", interval, interval)
	for i := range n {
		fmt.Fprintf(&c, "  - endpoint: check-%06d\n    labels: { team: payments }\n    http: { url: \"http://%s/health\"%s }\n", i, addr, extra)
	}
	path := filepath.Join(b.dir, name)
	return path, os.WriteFile(path, c.Bytes(), 0o600)
}

// probe measures HTTP checks as the exporter runs them against a bare net/http loop.
func (b *bench) probe() error {
	target, err := b.helper("target")
	if err != nil {
		return err
	}
	defer target.stop()
	for _, way := range []struct {
		name, extra string
		bar         float64
	}{
		{"new", "", 0.9},
		{"kept", ", keep_alive: true", 0.75},
	} {
		config, err := b.writeConfig("probe-"+way.name+".yml", target.addr, 1000, "1s", way.extra)
		if err != nil {
			return err
		}
		var ours, base, rss []float64
		for range b.rounds {
			p, _, err := b.exporter(config)
			if err != nil {
				return err
			}
			each, err := b.probeCost(target, p)
			if err != nil {
				return err
			}
			mb, err := p.rss()
			if err != nil {
				return err
			}
			p.stop()
			ours, rss = append(ours, each), append(rss, mb)

			l, err := b.helper("loop", target.addr, way.name, "1000")
			if err != nil {
				return err
			}
			each, err = b.probeCost(target, l)
			l.stop()
			if err != nil {
				return err
			}
			base = append(base, each)
		}
		b.table.add(row{what: fmt.Sprintf("HTTP check, %s connection, 1,000 checks at 1 s, CPU a probe; baseline: net/http in 50 ms slots", way.name), ours: median(ours), base: median(base), unit: "µs", barRatio: way.bar})
		if way.name == "new" {
			b.table.add(row{what: "RSS with 1,000 HTTP checks", ours: median(rss), unit: "MB", bar: 30})
		}
	}
	return nil
}

// probeCost returns the CPU microseconds of p for each probe that the target answers in some seconds.
func (b *bench) probeCost(target, p *process) (float64, error) {
	const warmup, measured = 4 * time.Second, 6 * time.Second
	time.Sleep(warmup)
	cpu, err := p.cpu()
	if err != nil {
		return 0, err
	}
	count, err := b.count(target)
	if err != nil {
		return 0, err
	}
	time.Sleep(measured)
	cpuAfter, err := p.cpu()
	if err != nil {
		return 0, err
	}
	countAfter, err := b.count(target)
	if err != nil {
		return 0, err
	}
	if countAfter-count < 900*int64(measured/time.Second) {
		return 0, fmt.Errorf("only %d probes in %s", countAfter-count, measured)
	}
	return float64((cpuAfter - cpu).Microseconds()) / float64(countAfter-count), nil
}

func (b *bench) count(target *process) (int64, error) {
	var body strings.Builder
	if err := get(b.ctx, "http://"+target.addr+"/count", &body); err != nil {
		return 0, err
	}
	return strconv.ParseInt(body.String(), 10, 64)
}

// start measures the time from the start of the process to the first answer to /metrics.
func (b *bench) start() error {
	target, err := b.helper("target")
	if err != nil {
		return err
	}
	defer target.stop()
	for _, s := range []struct {
		n   int
		bar float64
	}{{1000, 25}, {10_000, 150}} {
		config, err := b.writeConfig(fmt.Sprintf("start-%d.yml", s.n), target.addr, s.n, "30s", "")
		if err != nil {
			return err
		}
		var took []float64
		for range b.rounds {
			p, d, err := b.exporter(config)
			if err != nil {
				return err
			}
			p.stop()
			took = append(took, float64(d.Microseconds())/1e3)
		}
		b.table.add(row{what: fmt.Sprintf("start with %d HTTP checks from YAML to the first /metrics", s.n), ours: median(took), unit: "ms", bar: s.bar})
	}
	return nil
}

// reload measures the CPU time of a reload of 10,000 checks of which one has changed, against that of loading them.
func (b *bench) reload() error {
	const n = 10_000
	target, err := b.helper("target")
	if err != nil {
		return err
	}
	defer target.stop()
	config, err := b.writeConfig("reload.yml", target.addr, n, "5m", "")
	if err != nil {
		return err
	}
	original, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var ours, base []float64
	for i := range b.rounds {
		cost, err := loadCost(b.ctx, b.binary, config)
		if err != nil {
			return err
		}
		base = append(base, cost)
		cost, err = b.reloadCost(config, original, i)
		if err != nil {
			return err
		}
		ours = append(ours, cost)
	}
	b.table.add(row{what: "reload of 10,000 HTTP checks, one changed, CPU; baseline: validating the file in a new process", ours: median(ours), base: median(base), unit: "ms", barRatio: 0.9})
	return nil
}

func loadCost(ctx context.Context, binary, config string) (float64, error) {
	cmd := exec.CommandContext(ctx, binary, "validate", "--config.file="+config)
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Microseconds()) / 1e3, nil
}

func (b *bench) reloadCost(config string, original []byte, round int) (float64, error) {
	p, _, err := b.exporter(config, "--web.enable-lifecycle", "--config.watch-interval=0")
	if err != nil {
		return 0, err
	}
	defer p.stop()
	time.Sleep(6 * time.Second) // the first runs are done
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	const reloads = 5
	for i := range reloads {
		changed := bytes.Replace(original, []byte("/health"), fmt.Appendf(nil, "/health?%d-%d", round, i), 1)
		if err := os.WriteFile(config, changed, 0o600); err != nil {
			return 0, err
		}
		if err := post(b.ctx, "http://"+p.addr+"/-/reload"); err != nil {
			return 0, err
		}
	}
	after, err := p.cpu()
	if err != nil {
		return 0, err
	}
	return float64((after - before).Microseconds()) / 1e3 / reloads, os.WriteFile(config, original, 0o600)
}

// size reports sizes of binaries, and RSS with 100,000 checks.
func (b *bench) size() error {
	info, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	b.table.add(row{what: "binary, stripped, with all kinds", ours: float64(info.Size()) / 1e6, unit: "MB", bar: 40})
	with, err := b.built("with", `"github.com/healthcheck-exporter/healthcheck_exporter/collector"; "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"`, "prometheus.MustRegister(collector.New(healthcheck.Default()))")
	if err != nil {
		return err
	}
	without, err := b.built("without", "", "")
	if err != nil {
		return err
	}
	b.table.add(row{what: "growth of a program with client_golang that imports collector and healthcheck", ours: float64(with-without) / 1e6, unit: "MB", bar: 1})

	var c bytes.Buffer
	c.WriteString("defaults: { interval: 60s }\nchecks:\n")
	for i := range 100_000 {
		fmt.Fprintf(&c, "  - { endpoint: check-%06d, filesystem: { path: / } }\n", i)
	}
	config := filepath.Join(b.dir, "many.yml")
	if err := os.WriteFile(config, c.Bytes(), 0o600); err != nil {
		return err
	}
	p, _, err := b.exporter(config, "--config.watch-interval=0")
	if err != nil {
		return err
	}
	defer p.stop()
	time.Sleep(20 * time.Second)
	if err := get(b.ctx, "http://"+p.addr+"/metrics", io.Discard); err != nil {
		return err
	}
	rss, err := p.rss()
	if err != nil {
		return err
	}
	b.table.add(row{what: "RSS with 100,000 filesystem checks from YAML, running and scraped", ours: rss, unit: "MB"})
	return nil
}

// built returns the size of a small program that serves metrics with client_golang.
func (b *bench) built(name, imports, body string) (int64, error) {
	// It has to be in this module to see its packages and versions; go run takes a file from anywhere.
	source := "package main\n\nimport (\n\"net/http\"\n\"github.com/prometheus/client_golang/prometheus\"\n\"github.com/prometheus/client_golang/prometheus/promhttp\"\n" + imports +
		"\n)\n\nfunc main() {\nprometheus.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: \"x\"}))\n" + body + "\nhttp.Handle(\"/metrics\", promhttp.Handler())\n_ = http.ListenAndServe(\"\", nil)\n}\n"
	file, binary := filepath.Join(b.dir, name+".go"), filepath.Join(b.dir, name)
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
