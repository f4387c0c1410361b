// Package unixcheck checks that who listens on a Unix domain socket takes connections, and says what it should.
package unixcheck

import (
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "unix"

// Config says which socket to connect to and what to expect there. A check that only connects needs no more than the
// path.
type Config struct {
	// Path is the file of a stream socket: "/run/redis/redis.sock". On Linux a name with an "@" in front stands for one
	// in the abstract namespace, which has no file; a file with such a name is written "./@name". The whole path has at
	// most 107 bytes on Linux, 103 on other systems.
	Path string `yaml:"path" example:"/run/redis/redis.sock"`
	// Dialog is what to say and hear, step by step.
	Dialog []Step `yaml:"dialog" example:"[{send: \"PING\\r\\n\", expect: '^\\+PONG$', reject: ['^-']}]"`
	// MaxLatency is the longest that everything together may take; zero means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency" default:"0s" example:"500ms"`
}

// Step is a part of a dialog: what to send, and what to expect of the answer. There is no TLS over such a socket.
type Step = dialog.Step

const abstract = "@" // begins the name of a socket without a file

// Target returns the path.
func (c Config) Target() string { return c.Path }

// SetDirectory makes a relative path relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) {
	if c.Path != "" && !strings.HasPrefix(c.Path, abstract) && !filepath.IsAbs(c.Path) {
		c.Path = filepath.Join(dir, c.Path)
	}
}

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. Whether there is such a
// socket is seen in runs.
func New(c Config) (healthcheck.Checker, error) {
	var m field.Mistakes
	if m.Required("path", c.Path, `give the path of a socket, such as "/run/redis/redis.sock"`) {
		checkPath(&m, c.Path)
	}
	m.NotNegative("max_latency", c.MaxLatency)
	script := dialog.Compile(&m, "dialog", c.Dialog, dialog.Rules{})
	if err := m.Err(); err != nil {
		return nil, err
	}
	return &checker{path: c.Path, dialog: script, secrets: script.Secrets(c.Path), maxLatency: c.MaxLatency}, nil
}

// maxPath is the longest path of a file, in bytes: unix(7) has room for 108, with a NUL byte behind.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

func checkPath(m *field.Mistakes, path string) {
	m.Line("path", path)
	switch name, ok := strings.CutPrefix(path, abstract); {
	case ok && runtime.GOOS != "linux":
		m.Add("path", `names an abstract socket, which only Linux has; a file with such a name is written "./@name"`)
	case ok && name == "":
		m.Add("path", "names no socket")
	case len(path) > maxPath:
		m.Add("path", "has %d bytes, the most is %d", len(path), maxPath)
	}
}
