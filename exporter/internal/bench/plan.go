package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"
)

// mix is which intervals the checks of a soak have: some, of a thousand, are so fast that a lost run shows soon, most are
// as people have them, and some are longer than a turn of the timing wheel, or than many.
var mix = []struct {
	interval time.Duration
	share    int
}{
	{time.Second, 10},
	{2 * time.Second, 10},
	{5 * time.Second, 40},
	{10 * time.Second, 100},
	{30 * time.Second, 200},
	{52 * time.Second, 100},
	{time.Minute, 240},
	{5 * time.Minute, 200},
	{15 * time.Minute, 60},
	{time.Hour, 40},
}

func drawInterval(rng *rand.Rand) time.Duration {
	n := rng.IntN(1000)
	for _, m := range mix {
		if n -= m.share; n < 0 {
			return m.interval
		}
	}
	return time.Hour
}

// manner is how the target answers a check.
type manner string

const (
	promptly manner = "prompt"
	slowly   manner = "slow" // in time
	never    manner = "hang" // the check is to fail at its deadline
	overlong manner = "over" // at once, but the check itself goes on for longer than its interval, and is not told of its deadline
)

// planned is a check of a soak, with what it was promised by each configuration that it was in.
type planned struct {
	index    int // at the target
	manner   manner
	visitor  bool // is in every other configuration only, with counters that begin anew
	kept     bool // keeps its connection
	promises []promise
}

// promise is the definition of a check from one change to the next. The program took it over at some time between from,
// when it was told, and applied, when it had answered; zero means that it has not answered.
type promise struct {
	interval      time.Duration
	from, applied time.Time
	until, over   time.Time // the same for its end; zero while there is none
}

func (c *planned) endpoint() string { return fmt.Sprintf("soak-%06d", c.index) }

func (c *planned) now() *promise { return &c.promises[len(c.promises)-1] }

func (c *planned) present() bool { return len(c.promises) > 0 && c.now().until.IsZero() }

// path is what the check asks the target for: the number of the promise tells which definition it ran with.
func (c *planned) path() string {
	return fmt.Sprintf("/%s/%d/%d/%d", c.manner, c.index, len(c.promises)-1, c.now().interval.Milliseconds())
}

// timeout is so that what hangs has returned before its next run is due.
func (c *planned) timeout() time.Duration {
	if c.manner == never {
		return c.now().interval / 2
	}
	return c.now().interval
}

// plan returns n checks that begin at the given time, numbered from first. The same seed gives the same checks.
func plan(seed uint64, first, n int, at time.Time) []*planned {
	rng := rand.New(rand.NewPCG(seed, uint64(first)))
	checks := make([]*planned, n)
	for i := range checks {
		c := &planned{index: first + i, manner: promptly, promises: []promise{{interval: drawInterval(rng), from: at}}}
		switch i % 200 {
		case 50, 150:
			c.manner = slowly
		case 100:
			c.manner = never
		case 199:
			c.visitor = true
		}
		c.kept = c.now().interval <= 5*time.Second && i%2 == 0
		checks[i] = c
	}
	return checks
}

// applied notes that the program has answered, to all that it was told since it did so last.
func applied(checks []*planned, at time.Time) {
	for _, c := range checks {
		for i := range c.promises {
			p := &c.promises[i]
			if p.applied.IsZero() {
				p.applied = at
			}
			if p.over.IsZero() && !p.until.IsZero() {
				p.over = at
			}
		}
	}
}

// change is what a reload brings: some checks ask for something else, some at another interval, and the visitors come or
// go. All else is to go on as if nothing had happened.
func change(checks []*planned, rng *rand.Rand, at time.Time) {
	redefine := func(c *planned, interval time.Duration) {
		if c.present() {
			c.now().until = at
		}
		c.promises = append(c.promises, promise{interval: interval, from: at})
	}
	for i := range 15 {
		c := checks[rng.IntN(len(checks))]
		if c.visitor || c.now().from.Equal(at) {
			continue
		}
		interval := c.now().interval
		if i < 5 {
			interval = drawInterval(rng)
		}
		redefine(c, interval)
	}
	for _, c := range checks {
		switch {
		case !c.visitor:
		case c.present():
			c.now().until = at
		default:
			redefine(c, c.now().interval)
		}
	}
}

// yaml is the configuration with the checks that are present.
func yaml(checks []*planned, addrs []string) []byte {
	var b bytes.Buffer
	b.WriteString("checks:\n")
	for _, c := range checks {
		if !c.present() {
			continue
		}
		fmt.Fprintf(&b, "  - endpoint: %s\n    labels: { team: payments }\n    interval: %s\n    timeout: %s\n    http: { url: \"http://%s%s\"",
			c.endpoint(), c.now().interval, c.timeout(), addrs[c.index%len(addrs)], c.path())
		if c.kept {
			b.WriteString(", keep_alive: true")
		}
		b.WriteString(" }\n")
	}
	return b.Bytes()
}

// takes is how long a run of the check may go on, on a machine that has other things to do as well.
func (c *planned) takes(interval time.Duration) time.Duration {
	switch c.manner {
	case never:
		return interval/2 + time.Second
	case slowly:
		return slowAnswer(interval) + time.Second
	case overlong:
		return interval*3/2 + time.Second
	}
	return time.Second
}

// slowAnswer is how long the target takes for a check that it answers slowly.
func slowAnswer(interval time.Duration) time.Duration { return min(interval*7/10, 2*time.Second) }
