// Package source reads the files that a configuration is made from: bounded, each once, and with a digest of what it
// saw, so that a later look can tell whether anything has changed.
package source

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Digest identifies what files hold.
type Digest = [sha256.Size]byte

// Set is the files that a configuration was made from, with what they held at that time. The zero Set has none.
type Set struct {
	Paths    []string // sorted: configuration files and what ${file:...} names
	patterns []string // sorted: folders and globs that were looked into
	digest   Digest
}

// Changed reports whether any of the files now holds something else, or has come or gone. Contents are compared, and
// paths are resolved anew each time, so that a mounted ConfigMap, where a symbolic link is swapped, needs no care.
func (s Set) Changed() bool { return s.Look() != s.digest }

// Hash returns what [Set.Look] would have returned when the files were read.
func (s Set) Hash() Digest { return s.digest }

// Look returns a digest of what the files hold now. Files that a pattern stands for now, and did not then, count.
func (s Set) Look() Digest {
	digests := digestAll(s.Paths)
	for _, pattern := range s.patterns {
		names, err := list(pattern)
		digests[patternKey(pattern)] = digestList(names, err)
	}
	return combine(digests)
}

// Hash returns a digest of what the files hold, in any order. All files that cannot be read, or are no regular files,
// count as the same, which differs from an empty file.
func Hash(paths ...string) Digest { return combine(digestAll(paths)) }

func digestAll(paths []string) map[string]Digest {
	digests := make(map[string]Digest, len(paths))
	for _, path := range paths {
		digests[path] = digestFile(path)
	}
	return digests
}

// patternKey returns a key that no path has.
func patternKey(pattern string) string { return "\x00" + pattern }

// combine hashes paths and digests, in the order of the paths.
func combine(digests map[string]Digest) Digest {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(digests)) {
		digest := digests[path]
		h.Write(fmt.Appendf(nil, "%d:%s", len(path), path))
		h.Write(digest[:])
	}
	return Digest(h.Sum(nil))
}

// digestFile returns the digest of the file's content, the zero digest if there is none to be had.
func digestFile(path string) (digest Digest) {
	f, err := openRegular(path)
	if err != nil {
		return digest
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, MaxSize+1)); err != nil {
		return digest
	}
	return Digest(h.Sum(nil))
}

// digestList returns the digest of what a pattern stands for, the zero digest if that is not known.
func digestList(names []string, err error) Digest {
	if err != nil {
		return Digest{}
	}
	return sha256.Sum256([]byte(strings.Join(names, "\x00")))
}

// Reader reads the files of one configuration, each once. It is not safe for concurrent use.
type Reader struct {
	digests map[string]Digest
	texts   map[string]text
}

// text is the outcome of reading a file for ${file:...}.
type text struct {
	value string
	err   error
}

// NewReader returns a reader that has seen nothing yet.
func NewReader() *Reader {
	return &Reader{digests: make(map[string]Digest), texts: make(map[string]text)}
}

// Seen returns what was read, or could not be.
func (r *Reader) Seen() Set {
	s := Set{digest: combine(r.digests)}
	for _, key := range slices.Sorted(maps.Keys(r.digests)) {
		if pattern, ok := strings.CutPrefix(key, "\x00"); ok {
			s.patterns = append(s.patterns, pattern)
		} else {
			s.Paths = append(s.Paths, key)
		}
	}
	return s
}

// Config reads a configuration file, or a pipe. Its errors do not name the path.
func (r *Reader) Config(path string) ([]byte, error) {
	data, regular, err := readConfig(path)
	switch {
	case err != nil:
		r.digests[path] = digestFile(path)
	case regular:
		r.digests[path] = sha256.Sum256(data)
	default:
		r.digests[path] = Digest{}
	}
	return data, err
}

// Text returns the content of a file that the configuration refers to, without the newline at its end.
func (r *Reader) Text(path string) (string, error) {
	if known, ok := r.texts[path]; ok {
		return known.value, known.err
	}
	data, err := readText(path)
	if err != nil {
		r.digests[path] = digestFile(path)
	} else {
		r.digests[path] = sha256.Sum256(data)
	}
	t := text{trimNewline(string(data)), err}
	r.texts[path] = t
	return t.value, t.err
}

// List returns what a folder or a glob stands for, sorted. An error means that this is not known, as where a folder
// cannot be read: not that there is nothing.
func (r *Reader) List(pattern string) ([]string, error) {
	names, err := list(pattern)
	r.digests[patternKey(pattern)] = digestList(names, err)
	return names, err
}
