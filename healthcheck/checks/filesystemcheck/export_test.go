package filesystemcheck

import "github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"

// Usage is a file system made up by a test, in bytes and inodes.
type Usage struct {
	Size, Free, Avail float64
	Files, FilesFree  float64
	ReadOnly          bool
}

// NewWithStatfs is New with another system call.
func NewWithStatfs(c Config, call func(path string) (Usage, error)) (healthcheck.Checker, error) {
	made, err := New(c)
	if err != nil {
		return nil, err
	}
	made.(*checker).stat.statfs = func(path string) (usage, error) {
		u, err := call(path)
		return usage{u.Size, u.Free, u.Avail, u.Files, u.FilesFree, u.ReadOnly}, err
	}
	return made, nil
}
