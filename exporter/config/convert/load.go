package convert

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/source"
)

// maxTargetFiles is how many files one entry of a file_sd_configs may stand for.
const maxTargetFiles = 1000

// Load is [Convert] for files on this machine, and for the files of targets that they name, unless the options have
// another way to these.
func Load(paths []string, opts Options) (*Result, error) {
	reader := source.NewReader()
	if opts.Targets == nil {
		opts.Targets = func(from, pattern string) ([]File, error) { return targetFiles(reader, from, pattern) }
	}
	var files []File
	for _, path := range paths {
		data, err := reader.Config(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, File{path, data})
	}
	return Convert(files, opts)
}

// targetFiles reads the files that an entry of a file_sd_configs stands for, in the order of their names.
func targetFiles(reader *source.Reader, from, pattern string) ([]File, error) {
	if !slices.Contains([]string{".json", ".yml", ".yaml"}, filepath.Ext(pattern)) {
		return nil, errors.New("files of targets end in .json, .yml or .yaml")
	}
	path := pattern
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(from), path)
	}
	paths := []string{path}
	if strings.ContainsAny(path, `*?[`) {
		var err error
		if paths, err = reader.List(path); err != nil {
			return nil, err
		}
	}
	switch {
	case len(paths) == 0:
		return nil, fmt.Errorf("no file matches %s", pattern)
	case len(paths) > maxTargetFiles:
		return nil, fmt.Errorf("%d files match, more than %d", len(paths), maxTargetFiles)
	}
	var files []File
	for _, path := range paths {
		data, err := reader.Config(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, File{path, data})
	}
	return files, nil
}
