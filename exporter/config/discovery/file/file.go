// Package file finds targets in files with lists of them, in the format of Prometheus' [file_sd], JSON or YAML.
//
// A file is read when it was seen the same in two looks: half of a list may be a list. One that cannot be read, or is not
// a list, keeps the targets that it had. One that is gone takes its targets with it if its folder can be read, and is on
// the same file system as before: a volume that is not mounted has no files, and nobody has deleted them.
//
// [file_sd]: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
package file

import (
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

// Config has the keys of Prometheus' file_sd_config.
type Config struct {
	// Paths of the files, which end with .json, .yml or .yaml. The last part of one may be a pattern such as *.yml.
	Files []string `yaml:"files" example:"[targets/*.yml]"`
	// How often all files are read again. Whether they have changed is looked at every 5 s. Default: 5m.
	RefreshInterval time.Duration `yaml:"refresh_interval" example:"1m"`
}

// DefaultRefreshInterval is that of Prometheus.
const DefaultRefreshInterval = 5 * time.Minute

// SetDirectory makes relative paths those below dir.
func (c *Config) SetDirectory(dir string) {
	for i, path := range c.Files {
		c.Files[i] = config.JoinDir(dir, path)
	}
}

// valid is what Prometheus takes.
var valid = regexp.MustCompile(`^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`)

// Validate returns all mistakes, each a [healthcheck.FieldError], joined.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Files) == 0 {
		errs = append(errs, healthcheck.FieldErrorf("files", "is missing: give the files with the targets"))
	}
	for i, path := range c.Files {
		_, err := filepath.Match(path, "")
		if err != nil || !valid.MatchString(path) {
			errs = append(errs, healthcheck.FieldErrorf("files["+strconv.Itoa(i)+"]",
				"%.80q does not end with .json, .yml or .yaml, or has a pattern that is wrong or not in its last part", path))
		}
	}
	if c.RefreshInterval < 0 || c.RefreshInterval > 0 && c.RefreshInterval < time.Second {
		errs = append(errs, healthcheck.FieldErrorf("refresh_interval", "%s is less than 1s", c.RefreshInterval))
	}
	return errors.Join(errs...)
}
