package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sample is the state of the exporter at one moment of the soak.
type sample struct {
	at                                        time.Duration
	core, rss, goroutines, descriptors, late  float64 // late: mean start delay since the last sample, ms
	runs, skipped, delaySum, delayCount, fail float64
}

// soak runs 20,000 HTTP checks at 10 s, with two scrapers and a reload every minute, and draws what happens.
func (b *bench) soak(length time.Duration, plot string) error {
	const checks, interval = 20_000, 10 * time.Second
	target, err := b.helper("target")
	if err != nil {
		return err
	}
	defer target.stop()
	config, err := b.writeConfig("soak.yml", target.addr, checks, "10s", "")
	if err != nil {
		return err
	}
	original, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	p, _, err := b.exporter(config, "--web.enable-lifecycle", "--config.watch-interval=0")
	if err != nil {
		return err
	}
	defer p.stop()
	ctx, cancel := context.WithTimeout(b.ctx, length)
	defer cancel()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { scrapeEvery(ctx, p.addr, 5*time.Second) })
	}
	wg.Go(func() { reloadEvery(ctx, p.addr, config, original, time.Minute) })
	samples, err := b.watch(ctx, p, 10*time.Second)
	wg.Wait()
	if err != nil {
		return err
	}
	first, last := samples[0], samples[len(samples)-1]
	due := checks * (last.at - first.at).Seconds() / interval.Seconds()
	fmt.Printf("%d checks at %s for %s: %.0f runs of %.0f due, %.0f failed, %.0f skipped\n", checks, interval, length, last.runs-first.runs, due, last.fail, last.skipped)
	fmt.Println("\n| after | CPU, % of a core | RSS, MB | goroutines | descriptors | mean start delay, ms |\n|---|---|---|---|---|---|")
	for i, s := range samples {
		if i%6 == 0 || i == len(samples)-1 {
			fmt.Printf("| %s | %.1f | %.0f | %.0f | %.0f | %.2f |\n", s.at.Round(time.Second), s.core, s.rss, s.goroutines, s.descriptors, s.late)
		}
	}
	return os.WriteFile(plot, draw(samples), 0o644)
}

func scrapeEvery(ctx context.Context, addr string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := get(ctx, "http://"+addr+"/metrics", io.Discard); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "scrape:", err)
			}
		}
	}
}

func reloadEvery(ctx context.Context, addr, config string, original []byte, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			changed := bytes.Replace(original, []byte("/health"), fmt.Appendf(nil, "/health?%d", i), 1)
			err := os.WriteFile(config, changed, 0o600)
			if err == nil {
				err = post(ctx, "http://"+addr+"/-/reload")
			}
			if err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "reload:", err)
			}
		}
	}
}

func post(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// watch takes a sample every so often until ctx ends.
func (b *bench) watch(ctx context.Context, p *process, every time.Duration) ([]sample, error) {
	var samples []sample
	began := time.Now()
	cpu, err := p.cpu()
	if err != nil {
		return nil, err
	}
	at := began
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			if len(samples) == 0 {
				return nil, fmt.Errorf("the soak is shorter than %s", every)
			}
			return samples, nil
		case <-ticker.C:
		}
		s, err := b.sample(p)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		cpuNow, err := p.cpu()
		if err != nil {
			return nil, err
		}
		s.at, s.core = now.Sub(began), 100*(cpuNow-cpu).Seconds()/now.Sub(at).Seconds()
		cpu, at = cpuNow, now
		if n := len(samples); n > 0 {
			s.late = 1e3 * (s.delaySum - samples[n-1].delaySum) / max(1, s.delayCount-samples[n-1].delayCount)
		} else {
			s.late = 1e3 * s.delaySum / max(1, s.delayCount)
		}
		samples = append(samples, s)
	}
}

func (b *bench) sample(p *process) (s sample, err error) {
	var body strings.Builder
	if err = get(b.ctx, "http://"+p.addr+"/metrics", &body); err != nil {
		return s, err
	}
	for line := range strings.SplitSeq(body.String(), "\n") {
		name, value, ok := strings.Cut(line, " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if i := strings.LastIndexByte(line, ' '); i > 0 {
			value = line[i+1:]
		}
		v, convErr := strconv.ParseFloat(value, 64)
		if convErr != nil {
			continue
		}
		switch base, _, _ := strings.Cut(name, "{"); base {
		case "go_goroutines":
			s.goroutines = v
		case "healthcheck_runner_start_delay_seconds_sum":
			s.delaySum = v
		case "healthcheck_runner_start_delay_seconds_count":
			s.delayCount = v
		case "healthcheck_skipped_runs_total":
			s.skipped += v
		case "healthcheck_runs_total":
			s.runs += v
			if strings.Contains(name, `result="fail"`) {
				s.fail += v
			}
		}
	}
	s.descriptors = float64(p.descriptors())
	s.rss, err = p.rss()
	return s, err
}

// draw returns a plot as SVG: one small chart for each quantity.
func draw(samples []sample) []byte {
	charts := []struct {
		name  string
		value func(sample) float64
	}{
		{"CPU, % of a core", func(s sample) float64 { return s.core }},
		{"RSS, MB", func(s sample) float64 { return s.rss }},
		{"goroutines", func(s sample) float64 { return s.goroutines }},
		{"file descriptors", func(s sample) float64 { return s.descriptors }},
		{"mean start delay, ms", func(s sample) float64 { return s.late }},
	}
	const width, height, left = 640, 90, 10
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", width+2*left, len(charts)*(height+30)+20)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	end := samples[len(samples)-1].at.Seconds()
	for i, c := range charts {
		top, most := 10+i*(height+30), 0.0
		for _, s := range samples {
			most = max(most, c.value(s))
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s (highest %s)</text>`+"\n", left, top+12, c.name, figure(most))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#bbb"/>`+"\n", left, top+18, width, height)
		var points []string
		for _, s := range samples {
			y := 0.0
			if most > 0 {
				y = c.value(s) / most
			}
			points = append(points, fmt.Sprintf("%.1f,%.1f", left+width*s.at.Seconds()/end, float64(top+18+height)-y*height))
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="#1f77b4" stroke-width="1.5" points="%s"/>`+"\n", strings.Join(points, " "))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d">0 to %.0f s</text>`+"\n</svg>\n", left, len(charts)*(height+30)+12, end)
	return b.Bytes()
}
