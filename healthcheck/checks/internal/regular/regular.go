// Package regular reads files whose names come from a configuration.
package regular

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ErrOther says that there is something else by the name than a regular file: a folder, or what could block who opens it,
// such as a pipe.
var ErrOther = errors.New("is no regular file")

// Read returns what is known of a file and its content, of which it reads so many bytes at most. Its errors are [ErrOther]
// and those of package os.
func Read(name string, most int64) (content []byte, info fs.FileInfo, err error) {
	info, err = os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, ErrOther
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, info, err
	}
	defer f.Close()
	content, err = io.ReadAll(io.LimitReader(f, most))
	return content, info, err
}
