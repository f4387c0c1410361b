package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// soakOptions are what a soak can be told.
type soakOptions struct {
	length                time.Duration
	checks, library       int
	seed                  uint64
	reload, block, scrape time.Duration
	plot                  string
}

// soak runs the exporter with HTTP checks of many intervals, and a program that uses the library with checks that keep
// their contexts, against a target that notes every request. Meanwhile both are scraped in every format, the exporter's
// configuration changes, one reader of /metrics is slow, and nobody reads the log for minutes. Then it compares what the
// target has seen with what was due and with what the programs counted, and what they use with what they used.
type soak struct {
	b         *bench
	o         soakOptions
	began     time.Time
	witness   *witness
	log       *logPipe
	config    string
	exporter  *watched
	library   *watched
	rng       *rand.Rand
	scrapers  []*scraper // of the exporter
	others    []*scraper // of the library's program
	reloads   int
	refused   []string // reloads without an answer
	ended     map[*watched]string
	slow, cut int
	broken    string        // what the library's checks found wrong with their contexts
	stopped   time.Duration // how long the exporter took to end while its log was blocked
}

func (b *bench) soak(o soakOptions) error {
	o.reload, o.block, o.scrape = min(o.reload, o.length/6), min(o.block, o.length/4), min(o.scrape, o.length/6)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	s := &soak{b: b, o: o, config: filepath.Join(b.dir, "soak.yml"), rng: rand.New(rand.NewPCG(o.seed, 1)), ended: make(map[*watched]string)}
	var err error
	if s.witness, err = newWitness(ctx, o.checks+o.library); err != nil {
		return err
	}
	if s.log, err = newLogPipe(ctx); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	defer s.stop()
	if err := s.run(ctx); err != nil {
		return err
	}
	return s.finish(ctx)
}

// start starts both programs.
func (s *soak) start() error {
	at := time.Now()
	checks := plan(s.o.seed, 0, s.o.checks, at)
	if err := s.write(checks); err != nil {
		return err
	}
	p, _, err := s.b.exporterTo(s.log.w, s.config, "--log.level=debug", "--web.enable-lifecycle", "--web.enable-pprof", "--config.watch-interval=0")
	if err != nil {
		return err
	}
	applied(checks, time.Now())
	s.exporter = &watched{process: p, name: "exporter", checks: checks, says: make([]counted, len(checks)), atBefore: time.Now()}
	library := plan(s.o.seed, s.o.checks, s.o.library, time.Now())
	for i, c := range library {
		c.manner, c.visitor = libraryManner(i, c.now().interval), false
	}
	if p, err = s.b.helper("keep", strings.Join(s.witness.addrs, ","), strconv.FormatUint(s.o.seed, 10), strconv.Itoa(s.o.checks), strconv.Itoa(s.o.library)); err != nil {
		return err
	}
	applied(library, time.Now())
	s.library = &watched{process: p, name: "library", checks: library, first: s.o.checks, says: make([]counted, len(library)), atBefore: time.Now()}
	return nil
}

// write replaces the configuration at once: it may be read at any time.
func (s *soak) write(checks []*planned) error {
	if err := os.WriteFile(s.config+".new", yaml(checks, s.witness.addrs), 0o600); err != nil {
		return err
	}
	return os.Rename(s.config+".new", s.config)
}

// run lets everything happen for the time of the soak.
func (s *soak) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.length)
	defer cancel()
	s.began = time.Now()
	var wg sync.WaitGroup
	defer wg.Wait()
	s.scrapers, s.others = newScrapers(), newScrapers()
	for i := range s.scrapers {
		wg.Go(func() { s.scrapers[i].run(ctx, s.exporter.addr, s.o.scrape) })
		wg.Go(func() { s.others[i].run(ctx, s.library.addr, s.o.scrape) })
	}
	wg.Go(func() { s.slow, s.cut = slowReader(ctx, s.exporter.addr) })
	wg.Go(func() { s.log.block(ctx, s.o.block) })
	wg.Go(func() { s.reloadEvery(ctx) })
	// Between two scrapes, and not while a configuration is read: what they hold for a moment is not what grows.
	select {
	case <-time.After(s.o.scrape / 2):
	case <-ctx.Done():
	}
	ticker := time.NewTicker(max(s.o.scrape, min(time.Minute, s.o.length/24).Truncate(max(s.o.scrape, 1))))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.b.ctx.Err()
		case <-ticker.C:
		}
		for _, w := range []*watched{s.exporter, s.library} {
			if s.hasEnded(w) {
				continue
			}
			if err := w.take(ctx, s.began, w == s.exporter && s.log.blocked.Load()); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "sample:", err)
			}
		}
		if len(s.ended) == 2 {
			return nil
		}
	}
}

// hasEnded notes when a program has ended by itself.
func (s *soak) hasEnded(w *watched) bool {
	if _, known := s.ended[w]; known {
		return true
	}
	if alive(w.cmd) {
		return false
	}
	s.ended[w] = fmt.Sprintf("had ended by itself after %s", time.Since(s.began).Round(time.Second))
	fmt.Fprintln(os.Stderr, w.name, s.ended[w])
	return true
}

// alive reports whether a child that nobody waits for still runs.
func alive(cmd *exec.Cmd) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func (s *soak) reloadEvery(ctx context.Context) {
	ticker := time.NewTicker(s.o.reload)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		change(s.exporter.checks, s.rng, time.Now())
		err := s.write(s.exporter.checks)
		if err == nil {
			err = post(ctx, "http://"+s.exporter.addr+"/-/reload")
		}
		if ctx.Err() != nil {
			return
		}
		if s.reloads++; err != nil {
			s.refused = append(s.refused, err.Error())
			continue
		}
		applied(s.exporter.checks, time.Now())
	}
}

// finish takes the last counts, judges, and prints what came of it.
func (s *soak) finish(ctx context.Context) error {
	judged := make(map[*watched]*judgement)
	for _, w := range []*watched{s.exporter, s.library} {
		j := &judgement{}
		judged[w] = j
		before := s.witness.counts()
		if !s.hasEnded(w) {
			if err := w.read(ctx, &sample{}); err != nil {
				s.ended[w] = "does not answer: " + err.Error()
			}
		}
		after, end := s.witness.counts(), time.Now()
		dead := s.ended[w] != ""
		if dead { // what it did until then is judged, not what it counted
			end = s.witness.last(w.checks)
		}
		for i, c := range w.checks {
			says := &w.says[i]
			if dead {
				says = nil
			}
			j.verdictOf(c, s.witness.of(c.index), end, says, before[c.index], after[c.index])
		}
	}
	if s.ended[s.library] == "" {
		var b strings.Builder
		if err := get(ctx, "http://"+s.library.addr+"/broken", &b); err != nil {
			return err
		}
		s.broken = b.String()
	}
	s.log.blocked.Store(true)
	time.Sleep(time.Second) // the pipe fills
	stopping := time.Now()
	s.exporter.stop()
	s.stopped = time.Since(stopping)
	broken := s.print(os.Stdout, judged)
	if s.o.plot != "" {
		if err := s.exporter.draw(s.o.plot); err != nil {
			return err
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d rows are not as they should be", broken)
	}
	return nil
}

func (s *soak) stop() {
	for _, w := range []*watched{s.exporter, s.library} {
		if w != nil && w.cmd.ProcessState == nil {
			w.stop()
		}
	}
}
