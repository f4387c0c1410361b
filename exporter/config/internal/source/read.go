package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
	"unicode/utf8"
)

// MaxSize is the largest configuration file that is read, in bytes: room for 100,000 checks of 300 bytes each.
const MaxSize = 32 << 20

// maxText is the largest file that ${file:...} reads, in bytes.
const maxText = 64 << 10

// ErrTooLarge is the error of a configuration that is larger than [MaxSize].
var ErrTooLarge = fmt.Errorf("the file is larger than %d MiB", MaxSize>>20)

// pipePatience is how long the other end of a pipe may take to write a configuration.
const pipePatience = 10 * time.Second

var (
	errPipe       = errors.New("this is a pipe that nobody writes to")
	errNotRegular = errors.New("not a regular file")
)

// readConfig reads all of the file at path, which may also be a pipe that somebody writes to, as with a shell's
// <(command).
func readConfig(path string) (data []byte, regular bool, err error) {
	f, info, err := open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	if info.IsDir() {
		return nil, false, errors.New("this is a folder, not a file")
	}
	regular = info.Mode().IsRegular()
	if !regular {
		_ = f.SetReadDeadline(time.Now().Add(pipePatience)) // what has no deadlines, such as a device, has no other end
	}
	data, err = io.ReadAll(io.LimitReader(f, MaxSize+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, false, fmt.Errorf("this is a pipe, and its other end was not closed within %s", pipePatience)
	case err != nil:
		return nil, false, cause(err)
	case len(data) > MaxSize:
		return nil, false, ErrTooLarge
	case len(data) == 0 && info.Mode()&fs.ModeNamedPipe != 0:
		return nil, false, errPipe
	}
	return data, regular, nil
}

// readText reads a file that the configuration refers to.
func readText(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	switch {
	case err != nil:
		return nil, cause(err)
	case len(data) > maxText:
		return nil, fmt.Errorf("larger than %d KiB", maxText>>10)
	case !utf8.Valid(data):
		return nil, errors.New("not valid UTF-8")
	}
	return data, nil
}

// open opens a file to read it, and never waits: to open a pipe in the usual way is to wait for somebody who writes.
func open(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, cause(err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // which has nothing to lose
		return nil, nil, cause(err)
	}
	return f, info, nil
}

// openRegular is open for a regular file only.
func openRegular(path string) (*os.File, error) {
	f, info, err := open(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		_ = f.Close() // which has nothing to lose
		return nil, errNotRegular
	}
	return f, nil
}

// cause drops operation and path from an error of package os, for messages that begin with the path.
func cause(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
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
