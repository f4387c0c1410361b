package memorycheck

import (
	"io/fs"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// NewIn is New with another file system for proc and sys.
func NewIn(c Config, root fs.FS) (healthcheck.Checker, error) { return newChecker(c, root) }
