package systemdcheck

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

const stateActive = "active"

type checker struct {
	target         string
	scope, address string
	names          []string
	patterns       []string
	failed         bool
	ignore         []string
	active         []string
	sub, unitFile  []string
	maxAge         time.Duration
}

// Check asks the manager for the units and judges their states.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	if err := ctx.Err(); err != nil {
		return healthcheck.Fail(fmt.Errorf("systemd not asked: %w", err))
	}
	var units []unit
	err := c.ask(ctx, &units)
	if err == nil {
		err = c.judge(units)
	}
	result := healthcheck.Fail(err)
	if units != nil || err == nil {
		result.Values = c.values(units)
	}
	return result
}

// ask fills in the units as far as it gets.
func (c *checker) ask(ctx context.Context, units *[]unit) error {
	b, err := connect(ctx, cmp.Or(c.address, addressOf(c.scope)))
	if err != nil {
		return err
	}
	defer b.conn.Close()
	defer peer.Interrupt(ctx, b.conn)()
	if err := b.introduce(ctx); err != nil {
		return err
	}
	if c.failed {
		failed, err := b.list(ctx, []string{"failed"}, []string{})
		if err != nil {
			return err
		}
		*units = slices.DeleteFunc(failed, func(u unit) bool { return c.ignores(u.name) })
		return nil
	}
	names, err := c.find(ctx, b)
	if err != nil {
		return err
	}
	for _, name := range names {
		u, err := b.show(ctx, name)
		if err != nil {
			return err
		}
		*units = append(*units, u)
	}
	return nil
}

func (c *checker) ignores(name string) bool {
	return slices.ContainsFunc(c.ignore, func(pattern string) bool {
		fits, _ := path.Match(pattern, name)
		return fits || withSuffix(pattern) == name
	})
}

// find returns the names of the units, each once.
func (c *checker) find(ctx context.Context, b *bus) ([]string, error) {
	names := slices.Clone(c.names)
	for _, pattern := range c.patterns {
		found, err := b.list(ctx, []string{}, []string{pattern})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, healthcheck.Errorf(healthcheck.ReasonStatus, "no loaded unit fits %s", pattern)
		}
		for _, u := range found {
			if len(u.name) <= maxName && !slices.Contains(names, u.name) {
				names = append(names, u.name)
			}
		}
		if len(names) > maxNames {
			return nil, fmt.Errorf("more than %d units fit: give narrower patterns, or failed_units", maxNames)
		}
	}
	return names, nil
}

const maxProblems = 10 // that are told

// judge compares the units with what is expected.
func (c *checker) judge(units []unit) error {
	reason := healthcheck.ReasonThreshold
	var problems []string
	for i := range units {
		u := &units[i]
		if c.failed {
			reason = healthcheck.ReasonStatus
			problems = append(problems, printable(u.name))
			continue
		}
		if problem := c.judgeState(u); problem != "" {
			reason = healthcheck.ReasonStatus
			problems = append(problems, u.name+" "+problem)
		} else if problem := c.judgeTimer(u); problem != "" {
			problems = append(problems, u.name+" "+problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	text := strings.Join(problems[:min(len(problems), maxProblems)], "; ")
	if c.failed {
		text = "failed units: " + strings.ReplaceAll(text, "; ", ", ")
	}
	if more := len(problems) - maxProblems; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return healthcheck.Errorf(reason, "%s", text)
}

// judgeState returns what is wrong with the states of a unit.
func (c *checker) judgeState(u *unit) string {
	state := u.active + " (" + u.sub
	if u.result != "" && u.result != "success" {
		state += ", result " + u.result
	}
	state += ")"
	switch {
	case u.load == "masked" && slices.Contains(c.unitFile, "masked"):
	case u.load != "loaded":
		return "cannot be loaded: " + u.load
	}
	switch {
	case !slices.Contains(c.active, u.active):
		return "is " + state + ", want " + strings.Join(c.active, " or ")
	case len(c.sub) > 0 && !slices.Contains(c.sub, u.sub):
		return "is " + state + ", want " + strings.Join(c.sub, " or ")
	case len(c.unitFile) > 0 && !slices.Contains(c.unitFile, u.file):
		return fmt.Sprintf("has the unit file state %q, want %s", u.file, strings.Join(c.unitFile, " or "))
	}
	return ""
}

// judgeTimer returns what is wrong with when a timer last started its unit.
func (c *checker) judgeTimer(u *unit) string {
	switch {
	case c.maxAge <= 0 || !isTimer(u.name):
		return ""
	case u.triggered.IsZero():
		return "has never started its unit"
	}
	if age := time.Since(u.triggered); age > c.maxAge {
		return fmt.Sprintf("last started its unit %s ago, want at most %s", age.Round(time.Second), c.maxAge)
	}
	return ""
}
