package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/document"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/kind"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/reference"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/source"
)

// Load reads the configuration file at path. The error joins one [*Error] for each mistake, sorted by line;
// [SourcesOf] tells which files to watch for the repair.
func Load(path string, opts Options) (*Config, error) {
	l := newLoading(opts)
	return l.config([]*file{l.readFile(path, true)})
}

// Parse is [Load] for a configuration that is already in memory. The name stands for the file in errors; if opts.Dir
// is empty, relative paths start from the name's folder. Every error carries a line.
func Parse(name string, data []byte, opts Options) (*Config, error) {
	l := newLoading(opts)
	return l.config([]*file{l.parse(name, data, true)})
}

// LoadFiles reads configuration files, folders and globs. A file that is named must be right, or nothing is loaded. A
// file that is found, in a folder, by a glob or by an include of the first file, is left out where it has mistakes, and
// checks of it that are in use are kept: see [Config.Kept] and [Config.Files]. The first file, if it is named, is the
// main file, and what it says of all checks holds for those of the other files too. A folder or glob in which there is
// nothing is a mistake.
func LoadFiles(paths []string, opts Options) (*Config, error) {
	l := newLoading(opts)
	var files []*file
	for _, path := range paths {
		if !source.IsPattern(path) {
			l.named[filepath.Clean(path)] = true
		}
	}
	for _, path := range paths {
		found, matched := l.open(path)
		if !matched {
			// A mistake in the name, or what a container engine makes of a file that is not there.
			found = []*file{{path: path, named: true, mistakes: []*Error{{File: path, Err: errNothing}}}}
		}
		files = append(files, found...)
	}
	return l.config(files)
}

var errNothing = errors.New("this is a folder or glob, and there is no configuration file in it; an empty configuration is a file with: checks: []")

// config takes files through the rest of the pipeline.
func (l *loading) config(files []*file) (*Config, error) {
	var outer settings.File
	for i := 0; i < len(files); i++ { // grows by what the main file includes
		f := files[i]
		l.settle(f, i == 0, &outer)
		if i > 0 && files[0].named && files[0].settings != nil {
			f.outer = files[0]
		}
		if i == 0 && f.named && f.settings != nil {
			outer = *f.settings
			files = append(files, l.include(f)...)
		}
	}
	for _, f := range files {
		l.build(f)
	}
	return l.whole(files)
}

// loading is what the stages of one loading share.
type loading struct {
	opts    Options
	sources *source.Reader
	env     *reference.Environment
	common  *settings.Common
	builder kind.Builder
	named   map[string]bool // clean paths of files that must be right
	read    map[string]bool // clean paths of files that were read
}

func newLoading(opts Options) *loading {
	opts = opts.withDefaults()
	l := &loading{opts: opts, sources: source.NewReader(), builder: kind.Builder{Kinds: opts.kinds}, named: make(map[string]bool), read: make(map[string]bool)}
	l.env = &reference.Environment{Lookup: opts.Lookup, Files: l.sources}
	configs := make(map[string]reflect.Type, len(opts.kinds))
	for name, k := range opts.kinds {
		configs[name] = k.Config
	}
	l.common = settings.NewCommon(new(reference.Table), configs)
	return l
}

// file is a configuration file on its way through the pipeline.
type file struct {
	path    string
	pattern bool // a folder or glob that cannot be looked into
	named   bool // must be right

	outer    *file              // the main file, if it is another
	document *document.Document // nil if there is none
	reader   *settings.Reader
	settings *settings.File
	checks   []Check
	places   []written // of the checks
	groups   []*Group
	mistakes []*Error // that were found before there was a reader
}

// written is where a check is written, whether right or wrong.
type written struct {
	document.Place
	index int  // in the list of the file
	named bool // has an endpoint that can be one
}

// errors returns the mistakes that were found in a file so far.
func (f *file) errors() []*Error {
	if f.reader != nil {
		return f.reader.Since(0)
	}
	return f.mistakes
}

// open reads a file, or what a folder or glob stands for, but for what was read already, and reports whether there is
// anything at all.
func (l *loading) open(path string) (files []*file, matched bool) {
	paths := []string{path}
	pattern := source.IsPattern(path)
	if pattern {
		var err error
		if paths, err = l.sources.List(path); err != nil {
			must := l.opts.Strict || errors.Is(err, source.ErrPattern)
			return []*file{{path: path, pattern: true, named: must, mistakes: []*Error{{File: path, Err: err}}}}, true
		}
	}
	for _, path := range paths {
		key := filepath.Clean(path)
		if l.read[key] {
			continue
		}
		l.read[key] = true
		f := l.readFile(path, l.named[key])
		if pattern && f.document == nil && errors.Is(f.mistakes[0].Err, fs.ErrNotExist) {
			continue // it has just gone
		}
		files = append(files, f)
	}
	return files, len(paths) > 0
}

// readFile reads one file.
func (l *loading) readFile(path string, named bool) *file {
	data, err := l.sources.Config(path)
	if err != nil {
		return &file{path: path, named: named || l.opts.Strict, mistakes: []*Error{{File: path, Err: err}}}
	}
	return l.parse(path, data, named)
}

// parse makes a document of a file.
func (l *loading) parse(path string, data []byte, named bool) *file {
	f := &file{path: path, named: named || l.opts.Strict}
	d, mistake := document.Parse(path, l.opts.Dir, data)
	if mistake != nil {
		f.mistakes = []*Error{mistake}
		return f
	}
	f.document, f.reader = d, settings.NewReader(d, l.common)
	return f
}

// include reads what the main file includes.
func (l *loading) include(main *file) []*file {
	l.read[filepath.Clean(main.path)] = true
	var files []*file
	for i, path := range main.settings.Include {
		if path == "" {
			field := fmt.Sprintf("include[%d]", i)
			at, _ := main.document.Root.Locate(field)
			main.reader.ReportAt(at.Pos, field, errors.New("names no file"))
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(main.document.Dir, path)
		}
		found, _ := l.open(path)
		files = append(files, found...)
	}
	return files
}

// settle reads all of a file but its checks.
func (l *loading) settle(f *file, first bool, outer *settings.File) {
	if f.document == nil {
		return
	}
	l.common.Table.Expand(f.document, l.env, settings.Ignored)
	f.settings = f.reader.File(f.document.Root, outer)
	if !first || !f.named {
		f.reader.OnlyMain(f.document.Root)
	}
}

// build makes the checks of a file, or takes over those that are the same in the configuration in use.
func (l *loading) build(f *file) {
	if f.settings == nil {
		return
	}
	r, root := f.reader, f.document.Root
	nodes := r.Checks(root)
	f.checks, f.places = make([]Check, 0, len(nodes)), make([]written, 0, len(nodes))
	for i, node := range nodes {
		if r.Full() {
			return
		}
		node = r.Body(i, node)
		if node == nil {
			l.add(f, i, document.PlaceOf(nodes[i]), nil, Origin{})
			continue
		}
		if g, is := r.Group(i, node); is {
			l.buildGroup(f, g)
			continue
		}
		c := r.Check(i, node)
		l.add(f, i, document.PlaceOf(node), c, Origin{})
	}
}

// add adds a check that was read, or one that could not be, to its file.
func (l *loading) add(f *file, i int, at document.Place, c *settings.Check, of Origin) {
	check := Check{File: f.path, Line: at.Line, Origin: of}
	where := written{Place: at, index: i}
	if c != nil {
		check.Check, where.Place, where.named = c.Check, c.Place, c.Named
		if l.opts.Explain {
			check.explained = explain(f, c)
		}
		l.buildCheck(f, i, c, &check)
	}
	f.checks, f.places = append(f.checks, check), append(f.places, where)
}

func (l *loading) buildCheck(f *file, i int, c *settings.Check, b *Check) {
	r := f.reader
	if c.Config == nil {
		return
	}
	if r.Valid(c) {
		b.Fingerprint = l.builder.Fingerprint(c)
		if p, ok := l.opts.Previous[c.Endpoint]; ok && p.Fingerprint == b.Fingerprint {
			b.Target, b.Checker = p.Target, p.Checker
			return
		}
	}
	built, err := l.builder.Build(c)
	if err != nil {
		r.ReportOfKind(i, c, err)
		return
	}
	if !r.Valid(c) {
		return
	}
	b.Target, b.Checker = built.Target, built.Checker
	if err := b.Validate(); err != nil && r.Count() == 0 {
		r.ReportForeign(i, c, err)
	}
}
