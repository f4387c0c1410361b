package settings

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// What a check has that says nothing else.
const (
	defaultInterval  = 30 * time.Second
	defaultTimeout   = 10 * time.Second
	defaultThreshold = 1
)

// Check is a check with its effective settings, defaults filled in. It has no Checker and no Target yet.
type Check struct {
	healthcheck.Check
	Windows []maintenance.Window // in canonical form, also those of every check
	Config  any                  // a pointer to the configuration of the kind; nil if it cannot be read
	// Expansions are those of the check, and those that it shares with others of its file.
	Expansions []reference.Expansion
	Place      document.Place
	Named      bool // has an endpoint that can be one
	kind       kindNode
	mark       [2]int // mistakes before the check, and before its kind
	outside    int    // expansions before those of its kind
}

// check is a check as it is written, without its kind. Nil means the default.
type check struct {
	// Endpoint is the unique name of the check: the last part of /status/{endpoint}, and the label check. It has 1 to 128
	// letters, digits, dots, underscores and hyphens.
	Endpoint string `yaml:"endpoint" example:"central"`
	// Template names a template whose keys hold where the check does not have them.
	Template string `yaml:"template" example:"web"`
	// Name is for people. The default is the endpoint.
	Name string `yaml:"name" example:"Payment gateway"`
	// Interval is the time from the start of one run to the start of the next.
	Interval *time.Duration `yaml:"interval" default:"30s" example:"15s"`
	// Timeout is the longest that a run may take, at most the interval.
	Timeout *time.Duration `yaml:"timeout" default:"10s" example:"5s"`
	// InitialDelay is the time before the first run.
	InitialDelay time.Duration `yaml:"initial_delay" default:"0s" example:"10s"`
	// FailingInterval is the interval while the check fails, at most the interval. Left out, or 0, it is the same.
	FailingInterval *time.Duration `yaml:"failing_interval" default:"0s" example:"5s"`
	// FailureThreshold is how many runs in a row must fail before the check is FAIL.
	FailureThreshold *int `yaml:"failure_threshold" default:"1" example:"3"`
	// SuccessThreshold is how many runs in a row must succeed before the check is OK again.
	SuccessThreshold *int `yaml:"success_threshold" default:"1" example:"2"`
	// Optional shows the check, and leaves /status OK while it is FAIL.
	Optional bool `yaml:"optional" default:"false"`
	// DependsOn lists endpoints of checks without which this one cannot be OK. While one is FAIL, it does not page.
	DependsOn []string `yaml:"depends_on" example:"[gateway]"`
	// Maintenance lists when alerts of the check stay silent, beside the windows of every check.
	Maintenance []maintenance.Window `yaml:"maintenance"`
	// Labels are on every series of the check.
	Labels map[string]string `yaml:"labels" example:"{team: payments, severity: critical}"`
	// Metrics is which metrics the check has.
	Metrics metrics `yaml:"metrics"`

	groupKeys `yaml:",inline"` // which are read before
}

// Checks returns the nodes of the checks of a file that was read.
func (r *Reader) Checks(root document.Place) []*yaml.Node {
	at, _ := root.Locate("checks")
	r.list = at.Pos
	list := r.file.Checks
	if list == nil {
		if root.Node.Kind == yaml.MappingNode {
			r.ReportAt(root.Pos, "checks", errors.New("is missing; list what to check here"))
		}
		return nil
	}
	list = document.ResolveAlias(list)
	if list.Kind != yaml.SequenceNode {
		from := r.Push("checks", -1, at.Pos)
		r.want("a list of checks", list)
		r.Pop(from)
		return nil
	}
	return list.Content
}

// Body returns a check as it is written together with its template, or nil if there is a mistake.
func (r *Reader) Body(i int, item *yaml.Node) *yaml.Node {
	if r.plain = isPlain(item); r.plain {
		return item
	}
	defer r.Pop(r.Push("checks", -1, r.list))
	defer r.Pop(r.Push("", i, document.PosOf(item)))
	return r.withTemplate(item)
}

// Check reads the check with the index i in the list. It returns nil if there is too little that can be
// read to go on with. What it returns is the reader's, and good until the next check is read.
func (r *Reader) Check(i int, item *yaml.Node) *Check {
	return r.read(i, item, false)
}

// read is Check; of a check that is made for a target, the endpoint is made one.
func (r *Reader) read(i int, item *yaml.Node, ofTarget bool) (result *Check) {
	from := r.Push("checks", -1, r.list)
	defer r.Pop(from)
	from = r.Push("", i, document.PosOf(item))
	defer r.Pop(from)
	defer r.recoverPanic(r.Depth())
	r.expansions = append(r.expansions[:0], r.file.Expansions...)
	r.kinds = r.kinds[:0]
	c, s := &r.current, &r.written
	*c, *s = Check{Place: document.PlaceOf(item), mark: [2]int{r.Count()}}, check{}
	if document.IsNull(item) {
		r.Report(errNoValue)
		return nil
	}
	r.decode(item, reflect.ValueOf(s).Elem(), r.check)
	if r.Unreadable(c.mark[0]) {
		return nil
	}
	s.Endpoint, s.Name = r.shown(c.Place, "endpoint", s.Endpoint), r.shown(c.Place, "name", s.Name)
	if ofTarget && !validEndpoint(s.Endpoint) {
		s.Name = cmp.Or(s.Name, s.Endpoint)
		s.Endpoint = discovery.Sanitize(s.Endpoint)
	}
	r.showLabels(c.Place, s.Labels)
	r.validate(c, s)
	windows := r.windowsOf(c.Place, s.Maintenance, r.file.Windows, c.mark[0])
	c.Windows = windows.List
	c.Check = r.effective(s)
	c.Maintenance = windows.Contain
	r.readKind(c)
	c.Expansions = r.expansions
	return c
}

// effective fills in what a check does not say.
func (r *Reader) effective(s *check) healthcheck.Check {
	d := &r.file.Defaults
	interval := first(defaultInterval, s.Interval, d.Interval)
	return healthcheck.Check{
		Endpoint:         s.Endpoint,
		Name:             cmp.Or(s.Name, s.Endpoint),
		Interval:         interval,
		Timeout:          min(first(defaultTimeout, s.Timeout, d.Timeout), interval),
		InitialDelay:     s.InitialDelay,
		FailingInterval:  min(first(0, s.FailingInterval, d.FailingInterval), interval),
		FailureThreshold: first(defaultThreshold, s.FailureThreshold, d.FailureThreshold),
		SuccessThreshold: first(defaultThreshold, s.SuccessThreshold, d.SuccessThreshold),
		Optional:         s.Optional,
		DependsOn:        s.DependsOn,
		Labels:           merged(r.file.Labels, s.Labels),
		Metrics:          string(cmp.Or(s.Metrics.Profile, r.file.Metrics)),
	}
}

// first returns the first value that is given, or the fallback.
func first[T any](fallback T, values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return fallback
}

// Valid reports whether no mistake was found in the check since it was begun to be read.
func (r *Reader) Valid(c *Check) bool { return r.Count() == c.mark[0] }

// OfKind returns the expansions of the configuration of the check's kind.
func (c *Check) OfKind() []reference.Expansion { return c.Expansions[c.outside:] }

// ReportOfKind reports what a constructor found wrong in the configuration of the kind of a check, unless it follows
// from what was found already.
func (r *Reader) ReportOfKind(i int, c *Check, err error) {
	r.in(i, c, func() {
		for _, e := range document.Flatten(err) {
			r.reportBelow(c.kind.Place, e, c.mark[1])
		}
	})
}

// ReportForeign reports a mistake in the check as a whole that was put into words by somebody else's code.
func (r *Reader) ReportForeign(i int, c *Check, err error) {
	r.in(i, c, func() { r.reportForeign(err) })
}

// in calls f at the kind of a check.
func (r *Reader) in(i int, c *Check, f func()) {
	defer r.Pop(r.Push("checks", -1, r.list))
	defer r.Pop(r.Push("", i, c.Place.Pos))
	defer r.Pop(r.Push(c.kind.name, -1, c.kind.Pos))
	f()
}

// reportBelow reports a mistake that a constructor found in what is configured at the current node, unless it follows
// from one that was found since before.
func (r *Reader) reportBelow(current document.Place, err error, before int) {
	if r.Full() {
		return // before anything is searched
	}
	field, text := "", err
	if e, ok := errors.AsType[*healthcheck.FieldError](err); ok {
		field, text = e.Field, e.Err
	}
	at, exact := current.Locate(field)
	switch {
	case field == "" && r.Count() > before,
		field != "" && r.Failed(before, field),
		!exact && r.Meant(before, field):
		return
	}
	r.ReportAt(at.Pos, field, errors.New(reference.Redact(text.Error(), r.expansions)))
}

// recoverPanic makes a mistake of a panic, which would be a bug in a type's or kind's code, and goes back to a depth.
func (r *Reader) recoverPanic(depth int) {
	p := recover()
	if p == nil {
		return
	}
	r.Truncate(depth)
	r.aliases, r.dirDepth = r.aliases[:0], 0
	r.Report(PanicError(p))
}

// PanicError returns the error for a panic in code that reads or builds.
func PanicError(p any) error {
	if err, ok := p.(runtime.Error); ok {
		return fmt.Errorf("internal error: %w", err)
	}
	return fmt.Errorf("internal error: panic of type %T", p) // whose text may hold anything
}
