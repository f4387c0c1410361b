// Package filesystemcheck checks that a file system has room left, for data and for inodes.
package filesystemcheck

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "filesystem"

// The defaults leave a disk that is merely full alone, and speak up when writes are about to fail.
const (
	defaultMinFree       = "3%"
	defaultMinFreeInodes = "3%"
)

var (
	measureSize = healthcheck.NewMeasure("filesystem_size_bytes", "Size of the file system.")

	measureAvail = healthcheck.NewMeasure("filesystem_avail_bytes", "Free space that unprivileged users can write to, at the last run.")

	measureFiles = healthcheck.NewMeasure("filesystem_files", "Inodes of the file system, used and free; absent where it makes them on demand.")

	measureFilesFree = healthcheck.NewMeasure("filesystem_files_free", "Free inodes of the file system at the last run.")

	measureReadOnly = healthcheck.NewMeasure("filesystem_readonly", "1 if the file system is mounted read-only, else 0.")
)

// Config says which file system to check and what it must have left. Nothing is ever written.
type Config struct {
	// Path is any absolute path on the file system. It is required.
	Path string `yaml:"path" example:"/var"`
	// MountPoint wants a file system to be mounted at the path itself: without, a disk that is not mounted passes as the
	// one that its empty mount point lies on.
	MountPoint bool `yaml:"mount_point" default:"false"`
	// MinFree is the space that must be left for unprivileged users: "10%", "5GiB", "500MB", or a number of bytes.
	// A share is one of used and available space together, as df counts it, which leaves out what is reserved for
	// root. Default 3%; "0%" to turn it off.
	MinFree amount.Bytes `yaml:"min_free" default:"3%" example:"10GiB"`
	// MinFreeInodes is the same for inodes: "5%" or a number. It is met on file systems that make inodes on demand,
	// such as btrfs. Default 3%.
	MinFreeInodes amount.Count `yaml:"min_free_inodes" default:"3%" example:"5%"`
	// Writable makes a read-only mount a failure, such as that of an ext4 that has met an I/O error.
	Writable bool `yaml:"writable" default:"false"`
}

// Target returns the path.
func (c Config) Target() string { return c.Path }

// New returns the check that c describes. It fails on an operating system without statfs. The path need not exist yet.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	if !supported {
		m.Add("", "the free space of file systems cannot be checked on %s", runtime.GOOS)
	}
	if m.Required("path", c.Path, "set a path on the file system, such as /var") && !filepath.IsAbs(c.Path) {
		m.Add("path", "%q is not absolute", c.Path)
	}
	m.NoNUL("path", c.Path)
	minFree, err := cmp.Or(c.MinFree, defaultMinFree).Limit()
	m.Check("min_free", err)
	minInodes, err := cmp.Or(c.MinFreeInodes, defaultMinFreeInodes).Limit()
	m.Check("min_free_inodes", err)
	if err := m.Err(); err != nil {
		return nil, err
	}
	call := statfs
	if c.MountPoint {
		call = statfsOfMount
	}
	return &checker{
		stat:      stat{path: c.Path, statfs: call},
		minFree:   minFree,
		minInodes: minInodes,
		writable:  c.Writable,
	}, nil
}

type checker struct {
	stat      stat
	minFree   amount.Limit
	minInodes amount.Limit
	writable  bool
}

// Check asks the file system for its usage and compares it with the limits.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	u, err := c.stat.get(ctx)
	if err != nil {
		return healthcheck.Fail(err)
	}
	res := healthcheck.Result{Values: u.values()}
	if problems := c.problems(u); len(problems) > 0 {
		res.Level, res.Reason = healthcheck.FAIL, healthcheck.ReasonThreshold
		res.Details = c.stat.path + ": " + strings.Join(problems, "; ")
	}
	return res
}

// errNotMounted says that the numbers would be those of another file system.
var errNotMounted = healthcheck.Errorf(healthcheck.ReasonStatus, "not a mount point: is its file system mounted?")

// statfsOfMount is statfs for a path that must be a mount point.
func statfsOfMount(path string) (usage, error) {
	u, err := statfs(path)
	if err != nil {
		return usage{}, err
	}
	switch ok, err := isMountPoint(path); {
	case err != nil:
		return usage{}, err
	case !ok:
		return usage{}, fmt.Errorf("%s: %w", path, errNotMounted)
	}
	return u, nil
}

// problems returns what is wrong with u, for people.
func (c *checker) problems(u usage) []string {
	var found []string
	switch whole := u.used() + u.avail; {
	case u.size == 0 && !c.minFree.IsZero():
		found = append(found, `a virtual file system without a size; set min_free to "0%" or another path`)
	case u.avail < c.minFree.Of(whole):
		found = append(found, fmt.Sprintf("%s of %s available (%.3g%%), want at least %s",
			amount.Format(u.avail), amount.Format(whole), percent(u.avail, whole), c.minFree))
	}
	if u.files > 0 && u.filesFree < c.minInodes.Of(u.files) {
		found = append(found, fmt.Sprintf("%.0f of %.0f inodes free (%.3g%%), want at least %s",
			u.filesFree, u.files, percent(u.filesFree, u.files), c.minInodes))
	}
	if c.writable && u.readOnly {
		found = append(found, "mounted read-only, want it writable")
	}
	return found
}

func percent(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole * 100
}

// usage is what statfs tells, in bytes and inodes. The numbers come from a driver or a server: any may be nonsense.
type usage struct {
	size, free, avail float64 // free includes what is reserved for root
	files, filesFree  float64 // both 0 where inodes are made on demand
	readOnly          bool
}

func (u usage) used() float64 { return max(u.size-u.free, 0) }

func (u usage) values() []healthcheck.Value {
	values := make([]healthcheck.Value, 0, 5)
	values = append(values,
		healthcheck.Value{Measure: measureSize, Value: u.size},
		healthcheck.Value{Measure: measureAvail, Value: u.avail})
	if u.files > 0 {
		values = append(values,
			healthcheck.Value{Measure: measureFiles, Value: u.files},
			healthcheck.Value{Measure: measureFilesFree, Value: u.filesFree})
	}
	readOnly := healthcheck.Value{Measure: measureReadOnly}
	if u.readOnly {
		readOnly.Value = 1
	}
	return append(values, readOnly)
}
