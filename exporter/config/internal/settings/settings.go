// Package settings makes typed settings of documents: strictly, with every mistake and its place.
package settings

import (
	"cmp"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
)

// Ignored begins the keys of a file that are there for people, and for anchors.
const Ignored = "x-"

// File is what a file says beside its checks, with what it has from the file that includes it.
type File struct {
	Name, Version string
	Include       []string
	Defaults      Defaults
	Windows       Windows           // of every check
	Labels        map[string]string // of every check
	Metrics       collector.Profile // of every check; empty leaves it to the exporter
	Checks        *yaml.Node        // nil if there is a mistake in the list as a whole
	Expansions    []reference.Expansion
	templates     templates
}

// file is a file as it is written.
type file struct {
	// Name is what /status calls the whole.
	Name string `yaml:"name" example:"payments-agent"`
	// Version is shown by /status beside the name.
	Version string `yaml:"version" example:"1.4.2"`
	// Include lists further files, folders and globs of files with checks. Relative ones start from the folder of this file.
	// What this file says of all checks holds for those of the others too.
	Include []string `yaml:"include" example:"[conf.d/*.yml]"`
	// Labels are on every series of every check. A check's own labels go before them.
	Labels map[string]string `yaml:"labels" example:"{site: home}"`
	// Defaults are for what a check does not say.
	Defaults defaults `yaml:"defaults"`
	// Maintenance lists when the alerts of all checks stay silent. The checks go on running.
	Maintenance []maintenance.Window `yaml:"maintenance"`
	// Templates are bodies that checks share, by name. What a check says itself goes before what its template says.
	Templates *yaml.Node `yaml:"templates"`
	// Metrics is which metrics every check has.
	Metrics metrics `yaml:"metrics"`
	// Checks lists what to check.
	Checks *yaml.Node `yaml:"checks"` // read when the rest is known
}

// metrics is the choice among the metrics of checks.
type metrics struct {
	// Profile is the choice itself: lean is the least that the alerts need, default leaves out what few ask for, full is all.
	Profile collector.Profile `yaml:"profile" default:"default" example:"lean"`
}

// Defaults stand in for what a check does not say. Nil means the built-in default.
type Defaults struct {
	// Interval is the time from the start of one run to the start of the next.
	Interval *time.Duration `yaml:"interval" default:"30s" example:"1m"`
	// Timeout is the longest that a run may take. For a check with a shorter interval it is that.
	Timeout *time.Duration `yaml:"timeout" default:"10s" example:"5s"`
	// FailingInterval is the interval while a check fails. Left out, or 0, it is the same as when it does not.
	FailingInterval *time.Duration `yaml:"failing_interval" default:"0s" example:"5s"`
	// FailureThreshold is how many runs in a row must fail before a check is FAIL.
	FailureThreshold *int `yaml:"failure_threshold" default:"1" example:"3"`
	// SuccessThreshold is how many runs in a row must succeed before a check is OK again.
	SuccessThreshold *int `yaml:"success_threshold" default:"1" example:"2"`
}

type defaults struct {
	Defaults `yaml:",inline"`
	// Labels are on every series of every check, like those at the top.
	Labels map[string]string `yaml:"labels" example:"{site: home}"`
}

// or returns d with what it does not say from outer.
func (d Defaults) or(outer Defaults) Defaults {
	return Defaults{
		Interval:         firstOf(d.Interval, outer.Interval),
		Timeout:          firstOf(d.Timeout, outer.Timeout),
		FailingInterval:  firstOf(d.FailingInterval, outer.FailingInterval),
		FailureThreshold: firstOf(d.FailureThreshold, outer.FailureThreshold),
		SuccessThreshold: firstOf(d.SuccessThreshold, outer.SuccessThreshold),
	}
}

func firstOf[T any](p, q *T) *T {
	if p != nil {
		return p
	}
	return q
}

// Common is what all files of a configuration share.
type Common struct {
	Table     *reference.Table
	Kinds     map[string]reflect.Type // the configuration of each kind of check, by its key
	calendars maintenance.Builder
	types     typeSet
	configs   map[string]reflect.Value // one *Config of each kind, used for all checks in turn
	names     []string                 // of the kinds, sorted
	shapes    map[string]*Shape        // of the kinds that were shown
}

// NewCommon returns what the files of a configuration with these kinds of checks share.
func NewCommon(table *reference.Table, kinds map[string]reflect.Type) *Common {
	return &Common{
		Table:   table,
		Kinds:   kinds,
		types:   make(typeSet),
		configs: make(map[string]reflect.Value, len(kinds)),
		names:   slices.Sorted(maps.Keys(kinds)),
		shapes:  make(map[string]*Shape),
	}
}

// Reader reads one file. Its mistakes are in its list.
type Reader struct {
	decoder
	common *Common
	file   File
	check  *typeInfo    // of checks, with the kinds as keys
	list   document.Pos // of the checks
	// Of the check being read:
	plain   bool // has no template and no targets
	current Check
	written check
	kinds   []kindNode
}

// kindNode is the part of a check that configures its kind.
type kindNode struct {
	name string
	document.Place
}

// NewReader returns a reader of a document.
func NewReader(d *document.Document, common *Common) *Reader {
	r := &Reader{
		decoder: decoder{Cursor: document.NewCursor(d), dir: d.Dir, table: common.Table, types: common.types},
		common:  common,
	}
	r.check = newTypeInfo(common.types, reflect.TypeFor[check]())
	r.check.addExtras(common.names, func(name string, key, value *yaml.Node) {
		r.kinds = append(r.kinds, kindNode{name, document.Place{Node: value, Pos: document.PosOf(key)}})
	})
	r.check.hint = r.settingOfKind
	return r
}

// File reads all but the checks. What the file does not say holds as in outer, the file that includes this one, or in
// the zero File.
func (r *Reader) File(root document.Place, outer *File) *File {
	defer r.recoverPanic(r.Depth())
	var s file
	info := newTypeInfo(r.types, reflect.TypeFor[file]())
	info.ignored = Ignored
	r.decode(root.Node, reflect.ValueOf(&s).Elem(), info)
	f := &r.file
	f.Name, f.Version = r.shown(root, "name", s.Name), r.shown(root, "version", s.Version)
	f.Include, f.Checks = s.Include, s.Checks
	f.Defaults = s.Defaults.or(outer.Defaults)
	r.showLabels(root, s.Labels)
	r.validateLabels(root, s.Labels)
	r.validateDefaults(root, &s.Defaults)
	f.Labels = merged(merged(outer.Labels, s.Labels), s.Defaults.Labels)
	f.Metrics = cmp.Or(s.Metrics.Profile, outer.Metrics)
	f.Windows = r.windowsOf(root, s.Maintenance, outer.Windows, 0)
	f.Expansions = slices.Concat(outer.Expansions, r.expansions)
	f.templates = r.readTemplates(root, outer.templates)
	return f
}

// merged returns the entries of both maps; where both have one, that of over.
func merged(base, over map[string]string) map[string]string {
	switch {
	case len(over) == 0:
		return base
	case len(base) == 0:
		return over
	}
	m := maps.Clone(base)
	maps.Copy(m, over)
	return m
}

// shown returns the value of a text that everybody gets to see. What files hold is secret, so of them the reference
// is shown.
func (r *Reader) shown(p document.Place, key, value string) string {
	at, ok := document.FindKey(p.Node, key)
	if !ok {
		return value
	}
	if text := r.table.Of(document.ResolveAlias(at.Node)); text != nil && text.Err == nil && !text.OfTarget() {
		return text.Shown
	}
	return value
}

// showLabels replaces the values of labels by what may be shown of them.
func (r *Reader) showLabels(p document.Place, labels map[string]string) {
	if len(labels) == 0 {
		return
	}
	if at, ok := document.FindKey(p.Node, "labels"); ok {
		for name, value := range labels {
			labels[name] = r.shown(at, name, value)
		}
	}
}

// OnlyMain reports what only the main file can say.
func (r *Reader) OnlyMain(root document.Place) {
	for _, key := range []string{"name", "version", "include"} {
		if at, ok := document.FindKey(root.Node, key); ok {
			r.ReportAt(at.Pos, key, errors.New("belongs to the main file, the one that is named first"))
		}
	}
}
