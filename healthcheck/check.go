package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Result is what one run of a check found. The zero Result is OK.
type Result struct {
	Level      StatusLevel // empty means OK; only FAIL is a failure
	Reason     Reason      // why it failed; [ReasonError] if a failure gives none
	fromStatus bool        // a CheckStatus said it: see blank and detailsBound. Here it takes no memory
	Details    string      // text for people: the JSON, the log, the page; never a label and never a secret
	Values     []Value     // what was measured, also by a run that failed; the runner takes ownership
}

// blank reports whether the level is the empty one of a [CheckStatus], which is passed through, and not the OK that an
// empty level otherwise means.
func (r *Result) blank() bool { return r.fromStatus && r.Level == "" }

// Failed reports whether the result is a failure.
func (r Result) Failed() bool { return r.Level == FAIL }

// Fail returns the result of a run that ended with err: its text as details, [ReasonOf] as reason. A nil err is OK.
func Fail(err error) Result {
	if err == nil {
		return Result{}
	}
	return Result{Level: FAIL, Reason: ReasonOf(err), Details: err.Error()}
}

// Checker is a check that can say why it failed and what it measured. Check is called by one goroutine at a time, but
// not always by the same; a checker under several endpoints is called for each. It should return soon after ctx is done;
// its deadline is that of the run. After the run ctx is done for good.
type Checker interface {
	Check(ctx context.Context) Result
}

// CheckFunc is the simplest check: nil is OK, an error is FAIL with the error's text as details. A method value such
// as (*sql.DB).PingContext is a CheckFunc.
type CheckFunc func(ctx context.Context) error

// Check calls f.
func (f CheckFunc) Check(ctx context.Context) Result { return Fail(f(ctx)) }

// FromStatus returns the checker that calls an agent SDK check with the given name. The check is not told of the
// deadline; one that outlives it is FAIL all the same.
func FromStatus(name string, check CheckStatus) Checker {
	return &statusChecker{name: name, check: check}
}

type statusChecker struct {
	name  string
	check CheckStatus
}

// Check implements Checker.
func (c *statusChecker) Check(context.Context) Result { return c.run() }

// run is Check without the context, which it is never given.
func (c *statusChecker) run() Result {
	s := c.check(c.name)
	if s == nil {
		return Result{Level: FAIL, Reason: ReasonError, Details: "the check returned no status"}
	}
	return Result{
		Level:      s.Result,
		Details:    s.Details,
		fromStatus: s.Result == "" || len(s.Details) > maxDetails, // where it matters: else it is as anybody's result
	}
}

// Check is one registration: what to run, how often, and what to make of it. A registry keeps its own copy.
type Check struct {
	// Endpoint is the unique name of the check in its registry: the path segment below /status/ and the value of
	// the label check. It may not be empty.
	Endpoint string
	// Name is the name for people. Empty means the endpoint.
	Name string
	// Kind and Target describe what is checked and where ("http", "https://example.org/health") in healthcheck_info
	// and on the page. A target holds no credentials. Kind defaults to "func".
	Kind, Target string

	// Func or Checker is the check itself; exactly one is set. A Checker that is an [io.Closer] belongs to the registry, which
	// closes it when none of its own checks has it any more. A registry knows nothing of another one: of a checker that is
	// in two, each would close it. Who shares one, or uses it elsewhere, is its owner: give the registries a value that
	// does not show the Close, such as struct{ healthcheck.Checker }{c}, and close c once all have let go of it, with no
	// run of it under way.
	Func    CheckFunc
	Checker Checker

	// Interval between the starts of two runs. Zero means the runner's; less than [MinInterval] is an error.
	Interval time.Duration
	// Timeout of a run. Zero means the interval. More than Interval is an error; more than the runner's, where Interval
	// is zero, means the runner's.
	Timeout time.Duration
	// InitialDelay is added to the time of the first run after the runner starts.
	InitialDelay time.Duration
	// FailingInterval, when not zero, is the interval from a run that failed to the next run. More than Interval is an
	// error; where Interval is zero, the run comes at the runner's interval at the latest.
	FailingInterval time.Duration

	// FailureThreshold is the number of runs in a row that must fail before an OK check is FAIL, SuccessThreshold
	// the number that must succeed before it is OK again; zero means 1. The first run decides alone: there is no
	// older state to hold on to.
	FailureThreshold, SuccessThreshold int

	// Optional checks are shown, but do not make the whole FAIL.
	Optional bool
	// DependsOn names the endpoints without which this check cannot be OK. While one of them is FAIL, the check goes on
	// running and shows its own state, and is blocked: nobody need be told of it. An unknown endpoint blocks nothing. A
	// circle is refused when it is closed, with [ErrDependencyCircle].
	DependsOn []string
	// Maintenance, if not nil, reports whether a time lies in a maintenance window. It is called at every snapshot, so
	// it must be quick. In a window the check goes on running and shows its own state, also in the level of the whole;
	// only nobody need be told of it.
	Maintenance func(time.Time) bool
	// Labels are added to every series of the check. The names in [ReservedLabels] are refused.
	Labels map[string]string
	// Metrics names a choice among the metrics of the check, such as "lean", for what exports them. This package has no
	// metrics and takes any name. Empty means what all checks have.
	Metrics string

	registered int64 // Unix time in nanoseconds; see Registered
}

// Registered returns when the check was registered, which is when its counters began to count; the zero time for a Check
// that no registry has returned. Updates keep it. No two checks that one registry has under an endpoint, one after the
// other, have the same.
func (c *Check) Registered() time.Time { return unixTime(c.registered) }

// MinInterval is the shortest interval of a check, and the grid that runs are released on.
const MinInterval = 50 * time.Millisecond

// maxDuration bounds intervals and delays, so that no point of the schedule overflows.
const maxDuration = 10 * 365 * 24 * time.Hour

// Validate reports every mistake in c at once, or nil.
func (c *Check) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Endpoint == "" {
		bad("endpoint is empty")
	}
	if !utf8.ValidString(c.Endpoint) {
		bad("endpoint is not valid UTF-8")
	}
	if (c.Func == nil) == (c.Checker == nil) {
		bad("exactly one of Func and Checker must be set")
	}
	if c.Interval != 0 && c.Interval < MinInterval {
		bad("interval %s is less than %s", c.Interval, MinInterval)
	}
	if c.FailingInterval != 0 && c.FailingInterval < MinInterval {
		bad("failing interval %s is less than %s", c.FailingInterval, MinInterval)
	}
	if c.Interval > 0 && c.FailingInterval > c.Interval {
		bad("failing interval %s is longer than the interval %s", c.FailingInterval, c.Interval)
	}
	if c.Timeout < 0 {
		bad("timeout %s is negative", c.Timeout)
	}
	if c.Interval > 0 && c.Timeout > c.Interval {
		bad("timeout %s is longer than the interval %s", c.Timeout, c.Interval)
	}
	if longest := max(c.Interval, c.FailingInterval, c.InitialDelay); longest > maxDuration {
		bad("%s is longer than %s", longest, maxDuration)
	}
	if c.InitialDelay < 0 {
		bad("initial delay %s is negative", c.InitialDelay)
	}
	if c.FailureThreshold < 0 || c.SuccessThreshold < 0 {
		bad("thresholds must not be negative")
	}
	var mistakes []string
	for name, value := range c.Labels {
		what, reserved := reservedFor(name)
		switch {
		case !validLabelName(name):
			mistakes = append(mistakes, fmt.Sprintf("label name %q is not of the form [a-zA-Z_][a-zA-Z0-9_]* or begins with __", name))
		case reserved:
			mistakes = append(mistakes, fmt.Sprintf("label name %q is reserved%s", name, what))
		case !utf8.ValidString(value):
			mistakes = append(mistakes, fmt.Sprintf("label %s is not valid UTF-8", name))
		}
	}
	slices.Sort(mistakes) // a map has no order
	for _, text := range mistakes {
		bad("%s", text)
	}
	return errors.Join(errs...)
}

// normalized returns a copy of c with its defaults filled in, sharing nothing that the caller may change.
func (c Check) normalized(labels labelSets, registered int64) *Check {
	c.registered = registered
	if c.Name == "" {
		c.Name = c.Endpoint
	}
	if c.Kind == "" {
		c.Kind = "func"
	}
	c.Name, c.Kind, c.Target = validUTF8(c.Name), validUTF8(c.Kind), validUTF8(c.Target)
	if c.Func != nil {
		c.Checker, c.Func = c.Func, nil
	}
	c.FailureThreshold = max(c.FailureThreshold, 1)
	c.SuccessThreshold = max(c.SuccessThreshold, 1)
	c.DependsOn = slices.Compact(slices.Sorted(slices.Values(c.DependsOn)))
	c.Labels = labels.copy(c.Labels)
	return &c
}

// labelSets are copies of labels, so that checks with equal labels share one: a map takes more memory than all else that
// is kept of a check.
type labelSets map[string]map[string]string

func (sets labelSets) copy(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return nil
	}
	var key []byte
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		key = strconv.AppendQuote(append(key, name...), labels[name])
	}
	set, ok := sets[string(key)]
	if !ok {
		set = maps.Clone(labels)
		sets[string(key)] = set
	}
	return set
}

// validLabelName reports whether s is a label name that needs no quoting in any exposition format and is not
// reserved for Prometheus itself.
func validLabelName(s string) bool {
	if s == "" || len(s) >= 2 && s[:2] == "__" {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return true
}
