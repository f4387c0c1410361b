// Package memorycheck checks that memory is left: of the machine, and of the control group (version 1 or 2) that the
// program runs in, such as a container or a systemd unit. It works on Linux.
package memorycheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "memory"

const defaultMinAvailable = "3%"

// The values of [Config.Source].
const (
	SourceAuto   = "auto"   // the machine or the control group, whichever has less available
	SourceSystem = "system" // the machine: MemTotal and MemAvailable of /proc/meminfo
	SourceCgroup = "cgroup" // the tightest limit of the program's own control group and those above it
)

var (
	measureTotal = healthcheck.NewMeasure("memory_total_bytes", "Memory of the machine, or the limit of the control group if that has less available.")

	measureAvailable = healthcheck.NewMeasure("memory_available_bytes", "Memory that can be had without swapping at the last run, of the same source as the total.")
)

// Config says how much memory must be available.
type Config struct {
	// MinAvailable is a share of the total ("5%") or a size: "512MiB", "1GB", or a number of bytes. Default 3%.
	MinAvailable amount.Bytes `yaml:"min_available" default:"3%" example:"512MiB"`
	// Source is what to look at: auto (the default), system or cgroup. In a control group, what is available is the
	// limit less usage, with file cache and, in version 2, reclaimable slab counted as available, as the kernel does for
	// the machine. With cgroup, a group without any limit is a failure; with auto it is skipped, and one that cannot be
	// seen, for want of its file system, is told in the details.
	Source string `yaml:"source" default:"auto" example:"cgroup"`
}

// Target names what is looked at.
func (c Config) Target() string {
	switch c.Source {
	case SourceSystem:
		return "memory of the machine"
	case SourceCgroup:
		return "memory of the control group"
	default:
		return "memory of the machine and the control group"
	}
}

// New returns the check that c describes. It fails on other systems than Linux.
func New(c Config) (healthcheck.Checker, error) {
	checker, err := newChecker(c, os.DirFS("/"))
	if err != nil {
		return nil, err // not a nil *checker in the interface
	}
	return checker, nil
}

// newChecker is New with the file system that proc and sys are in.
func newChecker(c Config, root fs.FS) (*checker, error) {
	var m field.Mistakes
	if runtime.GOOS != "linux" {
		m.Add("", "memory can be checked on linux only, not on %s", runtime.GOOS)
	}
	minAvailable, err := cmp.Or(c.MinAvailable, defaultMinAvailable).Limit()
	m.Check("min_available", err)
	source := m.OneOf("source", c.Source, SourceAuto, SourceSystem, SourceCgroup)
	if err := m.Err(); err != nil {
		return nil, err
	}
	return &checker{root: root, source: source, minAvailable: minAvailable}, nil
}

type checker struct {
	root         fs.FS // the one that proc and sys are in
	source       string
	minAvailable amount.Limit
}

// Check reads the usage and compares the tightest with the limit. It never waits, since the kernel makes the files.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	if err := ctx.Err(); err != nil {
		return healthcheck.Fail(fmt.Errorf("memory not read: %w", err))
	}
	u, unseen, err := c.tightest()
	if err != nil {
		return healthcheck.Fail(err)
	}
	res := healthcheck.Result{Values: []healthcheck.Value{
		{Measure: measureTotal, Value: u.total},
		{Measure: measureAvailable, Value: u.available},
	}}
	if unseen != "" {
		res.Details = "the memory of the control group " + unseen + " cannot be seen, this is that of the " + u.where
	}
	if u.available < c.minAvailable.Of(u.total) || u.total == 0 && !c.minAvailable.IsZero() {
		res.Level, res.Reason = healthcheck.FAIL, healthcheck.ReasonThreshold
		res.Details = fmt.Sprintf("%s of %s available (%.3g%%) in the %s, want at least %s",
			amount.Format(u.available), amount.Format(u.total), u.percent(), u.where, c.minAvailable)
	}
	return res
}

// usage is the memory of the machine or of one control group, in bytes.
type usage struct {
	total, available float64
	where            string // "machine", "control group /a/b"
}

func (u usage) percent() float64 {
	if u.total == 0 {
		return 0
	}
	return u.available / u.total * 100
}

// tightest returns the usage with the least available memory among those that the source names, and the control group
// that it could not look at, if there is one.
func (c *checker) tightest() (least usage, unseen string, err error) {
	var all []usage
	if c.source != SourceCgroup {
		u, err := system(c.root)
		if err != nil {
			return usage{}, "", err
		}
		all = append(all, u)
	}
	if c.source != SourceSystem {
		var groups []usage
		if groups, unseen, err = cgroups(c.root); err != nil {
			return usage{}, "", err
		}
		all = append(all, groups...)
	}
	switch {
	case len(all) == 0 && unseen != "":
		return usage{}, "", fmt.Errorf("the memory of the control group %s cannot be seen; mount %s", unseen, mountPoint)
	case len(all) == 0:
		return usage{}, "", errors.New("no control group limits the memory of this program; set source to system or auto")
	}
	least = all[0]
	for _, u := range all[1:] {
		if u.available < least.available {
			least = u
		}
	}
	return least, unseen, nil
}
