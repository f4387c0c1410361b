package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// What a check has that says nothing else.
const (
	defaultInterval  = 30 * time.Second
	defaultTimeout   = 10 * time.Second
	defaultThreshold = 1
)

const (
	maxDuration     = 365 * 24 * time.Hour // so that no sum of times overflows
	maxThreshold    = 1_000_000
	maxEndpoint     = 128 // bytes
	maxDependencies = 1000
)

// settings is the file as it is written.
type settings struct {
	Name        string               `yaml:"name"`
	Version     string               `yaml:"version"`
	Defaults    defaultSettings      `yaml:"defaults"`
	Maintenance []maintenance.Window `yaml:"maintenance"` // of every check
	Checks      *yaml.Node           `yaml:"checks"`      // decoded when the rest is known
}

// defaultSettings stand in for what a check does not say. Nil means the built-in default.
type defaultSettings struct {
	Interval         *time.Duration    `yaml:"interval"`
	Timeout          *time.Duration    `yaml:"timeout"`
	FailingInterval  *time.Duration    `yaml:"failing_interval"`
	FailureThreshold *int              `yaml:"failure_threshold"`
	SuccessThreshold *int              `yaml:"success_threshold"`
	Labels           map[string]string `yaml:"labels"`
}

// checkSettings are the keys of a check beside its kind. Nil means the default.
type checkSettings struct {
	Endpoint         string               `yaml:"endpoint"`
	Name             string               `yaml:"name"`
	Interval         *time.Duration       `yaml:"interval"`
	Timeout          *time.Duration       `yaml:"timeout"`
	InitialDelay     time.Duration        `yaml:"initial_delay"`
	FailingInterval  *time.Duration       `yaml:"failing_interval"`
	FailureThreshold *int                 `yaml:"failure_threshold"`
	SuccessThreshold *int                 `yaml:"success_threshold"`
	Optional         bool                 `yaml:"optional"`
	DependsOn        []string             `yaml:"depends_on"`
	Maintenance      []maintenance.Window `yaml:"maintenance"` // beside those of every check
	Labels           map[string]string    `yaml:"labels"`
}

// loader makes a Config of a document. It serves one configuration.
type loader struct {
	decoder
	settings  settings
	previous  InUse
	builders  map[string]builder
	kindNames []string
	configs   map[string]reflect.Value // one *Config of each kind, used for all checks in turn
	check     *typeInfo
	hash      fingerprinter
	calendars maintenance.Builder

	checks    []Check
	places    []checkPlace   // of each check
	endpoints map[string]int // index of the first check that has it
	current   checkSettings
	kinds     []kindNode // of the current check
	windows   windowSet  // of the current check
	shared    int        // number of expansions outside of checks
	common    windowSet  // of every check
	compared  int        // see noSuchCheck
}

// checkPlace is the place of a check, or of the defaults, which have the index -1.
type checkPlace struct {
	place
	index int
}

func newLoader(file string, opts Options, sources *sourceReader) *loader {
	builders := opts.kinds
	if builders == nil {
		builders = kinds
	}
	l := &loader{
		builders: builders,
		previous: opts.Previous,
		decoder: decoder{
			expander: expander{dir: opts.Dir, lookup: opts.Lookup, sources: sources},
			file:     file,
			types:    make(typeSet),
		},
		kindNames: sortedKeys(builders),
		configs:   make(map[string]reflect.Value, len(builders)),
	}
	l.check = l.types.of(reflect.TypeFor[checkSettings]())
	l.check.addExtras(l.kindNames, func(name string, key, value *yaml.Node) {
		l.kinds = append(l.kinds, kindNode{name, place{value, key.Line}})
	})
	l.check.hint = l.settingOfKind
	return l
}

// load returns the configuration, which is of use only if there are no mistakes in l.errs.
func (l *loader) load(data []byte) *Config {
	root, err := parseDocument(data)
	if err != nil {
		line := 1
		if e, ok := errors.AsType[*syntaxError](err); ok {
			line = e.line
		}
		l.reportAt(line, "", err)
		return nil
	}
	defer l.recoverPanic(len(l.path))
	l.line = root.Line
	l.decode(root, reflect.ValueOf(&l.settings).Elem(), l.types.of(reflect.TypeFor[settings]()))
	l.shared = len(l.expansions)
	l.validateDefaults(place{root, root.Line})
	l.common = l.windowsOf(place{root, root.Line}, l.settings.Maintenance, windowSet{}, 0)
	l.loadChecks(place{root, root.Line})
	l.checkDependencies()
	return &Config{Name: l.settings.Name, Version: l.settings.Version, Checks: l.checks}
}

func (l *loader) loadChecks(root place) {
	list := l.settings.Checks
	if list == nil {
		if root.node.Kind == yaml.MappingNode {
			l.reportAt(root.line, "checks", errors.New("is missing; list what to check here"))
		}
		return
	}
	at, _ := root.locate("checks")
	line := l.push("checks", -1, at.line)
	defer l.pop(line)
	list = resolveAlias(list)
	if list.Kind != yaml.SequenceNode {
		l.want("a list of checks", list)
		return
	}
	l.checks = make([]Check, len(list.Content))
	l.places = make([]checkPlace, len(list.Content))
	l.endpoints = make(map[string]int, len(list.Content))
	for i, item := range list.Content {
		l.loadCheck(i, item)
	}
}

func (l *loader) loadCheck(i int, item *yaml.Node) {
	line := l.push("", i, item.Line)
	defer l.pop(line)
	defer l.recoverPanic(len(l.path))
	c := checkPlace{place{item, item.Line}, i}
	l.places[i] = c
	l.checks[i].Line = c.line
	l.current = checkSettings{}
	l.expansions = l.expansions[:l.shared]
	l.kinds = l.kinds[:0]
	before := l.errs.count()
	if isNull(item) {
		l.report(errNoValue)
		return
	}
	l.decode(item, reflect.ValueOf(&l.current).Elem(), l.check)
	if l.unreadable(before) {
		return
	}
	s := &l.current
	l.validateEndpoint(c, before)
	l.validateTimes(c, s.Interval, s.Timeout, s.FailingInterval)
	if s.InitialDelay < 0 || s.InitialDelay > maxDuration {
		l.reportField(c, "initial_delay", fmt.Errorf("%s is not between 0s and %s", c.raw("initial_delay"), days(maxDuration)))
	}
	l.validateThresholds(c, s.FailureThreshold, s.SuccessThreshold)
	l.validateLabels(c, s.Labels)
	if len(s.DependsOn) > maxDependencies {
		l.reportField(c, "depends_on", fmt.Errorf("more than %d dependencies", maxDependencies))
		s.DependsOn = nil
	}
	l.windows = l.windowsOf(c.place, s.Maintenance, l.common, before)
	l.complete(&l.checks[i].Check)
	l.build(&l.checks[i], before)
}

// complete fills in the effective settings of a check.
func (l *loader) complete(c *healthcheck.Check) {
	s, d := &l.current, &l.settings.Defaults
	interval := first(defaultInterval, s.Interval, d.Interval)
	*c = healthcheck.Check{
		Endpoint:         s.Endpoint,
		Name:             cmp.Or(s.Name, s.Endpoint),
		Interval:         interval,
		Timeout:          min(first(defaultTimeout, s.Timeout, d.Timeout), interval),
		InitialDelay:     s.InitialDelay,
		FailingInterval:  first(0, s.FailingInterval, d.FailingInterval),
		FailureThreshold: first(defaultThreshold, s.FailureThreshold, d.FailureThreshold),
		SuccessThreshold: first(defaultThreshold, s.SuccessThreshold, d.SuccessThreshold),
		Optional:         s.Optional,
		DependsOn:        s.DependsOn,
		Maintenance:      l.windows.contain,
		Labels:           s.Labels,
	}
	if len(d.Labels) > 0 {
		c.Labels = maps.Clone(d.Labels)
		maps.Copy(c.Labels, s.Labels)
	}
}

// reportField reports a mistake in a field of a check, or of the defaults, at the field's line.
func (l *loader) reportField(c checkPlace, field string, err error) {
	at, _ := c.locate(field)
	path := l.path
	switch {
	case c.index < 0:
		l.path = []segment{{"defaults", -1}}
	default:
		l.path = []segment{{"checks", -1}, {"", c.index}}
	}
	l.reportAt(at.line, field, err)
	l.path = path
}

// raw returns the text of a field as it stands in the file, where it may be a reference.
func (c checkPlace) raw(field string) string {
	at, ok := c.locate(field)
	if n := resolveAlias(at.node); ok && n != nil {
		return n.Value
	}
	return ""
}

// recoverPanic makes a mistake of a panic, which would be a bug in a type's or kind's code, and goes back to the path
// of the given length.
func (l *loader) recoverPanic(depth int) {
	r := recover()
	if r == nil {
		return
	}
	l.path, l.aliases, l.dirDepth = l.path[:depth], l.aliases[:0], 0
	if err, ok := r.(runtime.Error); ok {
		l.errorf("internal error: %w", err)
	} else { // whose text may hold anything
		l.errorf("internal error: panic of type %T", r)
	}
}

// first returns the value of the first pointer that is not nil, or else the fallback.
func first[T any](fallback T, values ...*T) T {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return fallback
}
