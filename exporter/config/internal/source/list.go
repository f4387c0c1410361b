package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MaxFiles bounds the files that one pattern stands for.
const MaxFiles = 10_000

// IsPattern reports whether a path stands for what is found, and not for one file: a glob or a folder.
func IsPattern(path string) bool {
	return strings.ContainsAny(path, `*?[`) || isFolder(path)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// ErrPattern is the error of a glob that is none.
var ErrPattern = errors.New("not a valid pattern: a [ has no ]")

// list returns what a folder or a glob stands for, sorted: of a folder the files that end in .yml or .yaml, but for
// hidden ones, which editors and mounted volumes leave behind. An error means that nothing is known of what is there,
// which differs from knowing that nothing is there: a mount that is gone deletes no file.
//
// A glob may have * ? [ in any part; each folder that its parts lead through must be readable.
func list(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[`) {
		if !isFolder(pattern) {
			return nil, errors.New("this is no folder any more")
		}
		found, err := glob(filepath.Join(pattern, "*"))
		return slices.DeleteFunc(found, func(path string) bool { return !isYAML(path) }), err
	}
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, ErrPattern
	}
	return glob(pattern)
}

func isYAML(path string) bool {
	ext := filepath.Ext(path)
	return ext == ".yml" || ext == ".yaml"
}

// glob is [filepath.Glob] with an error where a folder cannot be read.
func glob(pattern string) ([]string, error) {
	dir, name := filepath.Split(pattern)
	dir = filepath.Clean(dir)
	if dir == "" {
		dir = "."
	}
	dirs := []string{dir}
	if strings.ContainsAny(dir, `*?[`) {
		var err error
		if dirs, err = glob(dir); err != nil {
			return nil, err
		}
	}
	var found []string
	for _, dir := range dirs {
		matches, err := match(dir, name)
		if err != nil {
			return nil, err
		}
		if found = append(found, matches...); len(found) > MaxFiles {
			return nil, fmt.Errorf("stands for more than %d files", MaxFiles)
		}
	}
	slices.Sort(found)
	return found, nil
}

// match returns the entries of a folder that a name with wildcards stands for. Of what is no folder, it is none.
func match(dir, name string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if _, statErr := os.Stat(dir); statErr == nil && !isFolder(dir) {
			return nil, nil
		}
		return nil, fmt.Errorf("the folder %s cannot be read: %w", dir, cause(err))
	}
	var found []string
	for _, e := range entries {
		ok, err := filepath.Match(name, e.Name())
		switch {
		case err != nil:
			return nil, err
		case !ok, strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(name, "."):
		default:
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found, nil
}
