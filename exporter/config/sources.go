package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf8"
)

// maxReferenced is the largest file that ${file:...} reads, in bytes.
const maxReferenced = 64 << 10

// Sources are the files that a configuration was made from, with what they held at that time.
type Sources struct {
	Paths []string // sorted: the configuration and what ${file:...} names
	hash  [sha256.Size]byte
}

// Changed reports whether any of the files now holds something else, or has come or gone. Contents are compared, and
// paths are resolved anew each time, so that a mounted ConfigMap, where a symbolic link is swapped, needs no care.
func (s Sources) Changed() bool { return Hash(s.Paths...) != s.hash }

// Hash returns a hash of the contents of the files, in any order. All files that cannot be read, or are no regular
// files, count as the same, which differs from an empty file.
func Hash(paths ...string) [sha256.Size]byte {
	digests := make(map[string][sha256.Size]byte, len(paths))
	for _, path := range paths {
		digests[path] = digestFile(path)
	}
	return combine(digests)
}

// combine hashes paths and digests, in the order of the paths.
func combine(digests map[string][sha256.Size]byte) [sha256.Size]byte {
	h := sha256.New()
	for _, path := range sortedKeys(digests) {
		digest := digests[path]
		h.Write(fmt.Appendf(nil, "%d:%s", len(path), path))
		h.Write(digest[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// digestFile returns the digest of the file's content, the zero digest if there is none to be had.
func digestFile(path string) (digest [sha256.Size]byte) {
	info, err := os.Stat(path) // first, as opening a pipe can block
	if err != nil || !info.Mode().IsRegular() {
		return digest
	}
	f, err := os.Open(path)
	if err != nil {
		return digest
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, MaxSize+1)); err != nil {
		return digest
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// sourceReader reads the files of one configuration, each once.
type sourceReader struct {
	digests map[string][sha256.Size]byte
	texts   map[string]referenced
}

// referenced is the outcome of reading a file for ${file:...}.
type referenced struct {
	text string
	err  error
}

func newSources() *sourceReader {
	return &sourceReader{digests: make(map[string][sha256.Size]byte), texts: make(map[string]referenced)}
}

func (r *sourceReader) done() Sources {
	return Sources{Paths: sortedKeys(r.digests), hash: combine(r.digests)}
}

func (r *sourceReader) readConfig(path string) ([]byte, error) {
	data, regular, err := readLimited(path)
	switch {
	case err != nil:
		r.digests[path] = digestFile(path)
	case regular:
		r.digests[path] = sha256.Sum256(data)
	default:
		r.digests[path] = [sha256.Size]byte{}
	}
	return data, err
}

// readText returns the content of a file that the configuration refers to, without the newline at its end.
func (r *sourceReader) readText(path string) (string, error) {
	if known, ok := r.texts[path]; ok {
		return known.text, known.err
	}
	data, err := readReferenced(path)
	switch {
	case err != nil:
		r.digests[path] = digestFile(path)
	default:
		r.digests[path] = sha256.Sum256(data)
	}
	text := referenced{text: trimNewline(string(data)), err: err}
	r.texts[path] = text
	return text.text, text.err
}

func readReferenced(path string) ([]byte, error) {
	info, err := os.Stat(path) // first, as opening a pipe can block
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxReferenced+1))
	switch {
	case err != nil:
		return nil, cause(err)
	case len(data) > maxReferenced:
		return nil, fmt.Errorf("larger than %d KiB", maxReferenced>>10)
	case !utf8.Valid(data):
		return nil, errors.New("not valid UTF-8")
	}
	return data, nil
}

func trimNewline(s string) string {
	n := len(s)
	if n > 0 && s[n-1] == '\n' {
		n--
		if n > 0 && s[n-1] == '\r' {
			n--
		}
	}
	return s[:n]
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
