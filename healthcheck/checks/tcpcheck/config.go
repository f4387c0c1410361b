// Package tcpcheck checks that a TCP port takes connections, can be spoken to over TLS, and says what it should.
package tcpcheck

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs"
)

// Kind is the key of this kind of check in a configuration.
const Kind = "tcp"

// Config says what to connect to and what to expect there. A check that only connects needs no more than the address.
type Config struct {
	// Address is a host name or IP address and a port: "db.example.org:5432", "[2001:db8::1]:22".
	Address string `yaml:"address"`
	// TLS puts TLS over the connection before anything is sent. A TLSConfig implies it.
	TLS       bool              `yaml:"tls"`
	TLSConfig *config.TLSConfig `yaml:"tls_config"`
	// Dialog is what to say and hear, step by step.
	Dialog []Step `yaml:"dialog"`
	// MaxLatency is the longest that everything together may take; zero means as long as the run may.
	MaxLatency time.Duration `yaml:"max_latency"`
}

// Step is a part of a dialog: first send, if there is something to send, then wait for the expected answer, if any.
// In a whole dialog at most 64 KiB are read.
type Step struct {
	// Send is sent as it is: line ends, where the protocol wants them, are part of it. It never shows in details.
	Send string `yaml:"send"`
	// Expect is a regular expression for one line of the answer, without its line end. Lines that do not match are
	// passed over. What comes before the peer closes the connection is a line too.
	Expect string `yaml:"expect"`
	// ExpectBytes is a regular expression for all that has come since the last answer, tried whenever there is more:
	// for prompts and for protocols without lines. A byte that is not part of UTF-8 counts as the character U+FFFD.
	ExpectBytes string `yaml:"expect_bytes"`
}

// Target returns the address.
func (c Config) Target() string {
	return c.Address[strings.LastIndexByte(c.Address, '@')+1:] // New refuses what would be before it
}

// SetDirectory makes relative file names relative to dir, the directory of the configuration.
func (c *Config) SetDirectory(dir string) { c.TLSConfig.SetDirectory(dir) }

// New returns the check that c describes, or all mistakes in c as [healthcheck.FieldError]s. CA files are read here,
// and again when they change.
func New(c Config) (healthcheck.Checker, error) {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, healthcheck.FieldErrorf(field, format, args...))
	}
	chk := &checker{address: c.Address, maxLatency: c.MaxLatency, resolver: net.DefaultResolver}
	var err error
	if chk.host, err = hostOf(c.Address); err != nil {
		bad("address", "%w", err)
	}
	if c.TLS || c.TLSConfig != nil {
		var settings config.TLSConfig
		if c.TLSConfig != nil {
			settings = *c.TLSConfig
		}
		if chk.tls, err = certs.NewSource(settings); err != nil {
			bad("tls_config", "%w", err)
		}
	}
	if c.MaxLatency < 0 {
		bad("max_latency", "%s is negative", c.MaxLatency)
	}
	for i, s := range c.Dialog {
		step, err := compile(s, fmt.Sprintf("dialog[%d]", i))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		chk.dialog = append(chk.dialog, step)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	chk.secrets = secretsOf(c.Dialog)
	return chk, nil
}

// hostOf returns the host of an address. Its errors do not repeat the address, which may be a URL with a password.
func hostOf(address string) (string, error) {
	if address == "" {
		return "", errors.New(`is missing: give host and port, such as "db.example.org:5432"`)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(host, "@/ \t\r\n") {
		return "", errors.New(`must be host and port, such as "db.example.org:5432" or "[2001:db8::1]:22"`)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errors.New("the port must be a number from 1 to 65535")
	}
	return host, nil
}

// step is a [Step] made ready.
type step struct {
	send   []byte
	expect *regexp.Regexp // nil: nothing is expected
	bytes  bool           // expect is for bytes, not for a line
}

func compile(s Step, field string) (step, error) {
	pattern, name := s.Expect, ".expect"
	if s.ExpectBytes != "" {
		pattern, name = s.ExpectBytes, ".expect_bytes"
	}
	out := step{send: []byte(s.Send), bytes: s.ExpectBytes != ""}
	switch {
	case s == Step{}:
		return step{}, healthcheck.FieldErrorf(field, "is empty: give send, expect or expect_bytes")
	case s.Expect != "" && s.ExpectBytes != "":
		return step{}, healthcheck.FieldErrorf(field, "has both expect and expect_bytes: make two steps of them")
	case pattern == "":
		return out, nil
	}
	var err error
	if out.expect, err = regexp.Compile(pattern); err != nil {
		return step{}, healthcheck.FieldErrorf(field+name, "%w", err)
	}
	return out, nil
}
