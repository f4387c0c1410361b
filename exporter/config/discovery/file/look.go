package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

const filepathLabel = source.Meta + "filepath"

// How often files are looked at, and the pause before the look that must see the same.
const (
	lookInterval = 5 * time.Second
	settling     = time.Second
)

// Source finds targets in files.
type Source struct {
	config Config
	files  map[string]*file
	gone   map[string]bool // that were there once
}

// New returns the source for a valid configuration.
func New(c Config) *Source {
	if c.RefreshInterval == 0 {
		c.RefreshInterval = DefaultRefreshInterval
	}
	return &Source{config: c, files: make(map[string]*file), gone: make(map[string]bool)}
}

// file is what is known of one.
type file struct {
	seen   stamp // by the last look
	read   stamp // when it was last read, well or not
	readAt time.Time
	err    error // of that
	digest [sha256.Size]byte
	device uint64 // of the folder, when the file was last read well
	held   bool   // has been read well
}

// stamp changes when a file does.
type stamp struct {
	modified time.Time
	size     int64
	id       uint64
}

// report is what a look has found.
type report struct {
	set     map[string][]labels.Labels // of files that have changed
	err     error
	pending bool // a file is about to change
}

// Run looks until ctx ends. A look may hang as long as a server of files does; it is not waited for then.
func (s *Source) Run(ctx context.Context, sink source.Sink) {
	for {
		looked := make(chan report, 1)
		go func() { looked <- s.look(time.Now()) }()
		var r report
		select {
		case r = <-looked:
		case <-ctx.Done():
			return
		}
		for path, targets := range r.set {
			sink.Set(path, targets)
		}
		pause := min(lookInterval, s.config.RefreshInterval)
		switch {
		case r.err != nil:
			sink.Failed(r.err)
		case !r.pending:
			sink.Answered()
		}
		if r.pending {
			pause = min(pause, settling)
		}
		if !source.Sleep(ctx, pause) {
			return
		}
	}
}

func (s *Source) look(now time.Time) report {
	r := report{set: make(map[string][]labels.Labels)}
	there, errs := s.list()
	for path := range there {
		f := s.files[path]
		if f == nil {
			f = &file{}
			s.files[path] = f
		}
		if err := s.lookAt(path, f, now, &r); err != nil {
			errs = append(errs, err)
		}
	}
	for path, f := range s.files {
		if there[path] {
			continue
		}
		if err := gone(path, f); err != nil {
			errs = append(errs, err)
			continue
		}
		r.set[path] = nil
		delete(s.files, path)
		s.gone[path] = true
	}
	r.err = errors.Join(errs...)
	return r
}

// list returns the files that are there. A folder that cannot be read is an error, which no pattern tells, and so is a
// file that never was there and is no pattern: there is more reason to think that it is late, or misspelt, than that
// there are no targets.
func (s *Source) list() (map[string]bool, []error) {
	there := make(map[string]bool)
	folders := make(map[string]bool)
	var errs []error
	for _, pattern := range s.config.Files {
		found, err := filepath.Glob(pattern)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", pattern, err))
		}
		for _, path := range found {
			there[path] = true
		}
		if len(found) == 0 && !strings.ContainsAny(pattern, `*?[\`) && s.files[pattern] == nil && !s.gone[pattern] {
			errs = append(errs, fmt.Errorf("%s: is not there", pattern))
			continue
		}
		folder := filepath.Dir(pattern)
		if len(found) == 0 && !folders[folder] {
			folders[folder] = true
			if _, err := readable(folder); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return there, errs
}

// lookAt reads a file if it is new, or has changed, or was not read for the refresh interval, and has settled.
func (s *Source) lookAt(path string, f *file, now time.Time, r *report) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: is no file", path)
	}
	before := f.seen
	f.seen = stampOf(info)
	switch {
	case f.seen == f.read && now.Sub(f.readAt) < s.config.RefreshInterval:
		return f.err
	case f.seen != f.read && f.seen != before && (!f.readAt.IsZero() || now.Sub(info.ModTime()) < lookInterval):
		r.pending = true // but for one that is new here and old
		return f.err
	}
	data, err := f.content(path)
	var folder uint64
	if err == nil {
		folder, err = readable(filepath.Dir(path))
	}
	if err != nil {
		f.read, f.err = stamp{}, err // which may be another the next time
		return err
	}
	targets, same, err := f.parse(path, data)
	f.read, f.readAt, f.err = f.seen, now, err
	if err != nil {
		return err
	}
	f.device = folder
	if !same {
		r.set[path] = targets
	}
	return nil
}

// parse returns the targets in the file, or reports that they are what they were.
func (f *file) parse(path string, data []byte) (targets []labels.Labels, same bool, err error) {
	digest := sha256.Sum256(data)
	if f.held && digest == f.digest {
		return nil, true, nil
	}
	parse := source.ParseYAML
	if strings.EqualFold(filepath.Ext(path), ".json") {
		parse = source.ParseJSON
	}
	if targets, err = parse(data, filepathLabel, path); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	f.held, f.digest = true, digest
	return targets, false, nil
}

func (f *file) content(path string) ([]byte, error) {
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	data, err := source.ReadList(opened)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if info, err := opened.Stat(); err != nil || stampOf(info) != f.seen {
		return nil, fmt.Errorf("%s: changed while it was read", path)
	}
	return data, nil
}

// gone returns nil if a file that is not there any more can be taken for deleted.
func gone(path string, f *file) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: is not in its folder's list, and not gone either", path)
	}
	device, err := readable(filepath.Dir(path))
	if err == nil && f.held && device != f.device {
		err = fmt.Errorf("%s: is gone with the file system that it was on", path)
	}
	return err
}

// readable returns the device of a folder whose list of files can be read.
func readable(folder string) (uint64, error) {
	opened, err := os.Open(folder)
	if err != nil {
		return 0, err
	}
	defer opened.Close()
	if _, err := opened.Readdirnames(1); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	info, err := opened.Stat()
	if err != nil {
		return 0, err
	}
	return device(info), nil
}
