package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
)

// checked is the value of a flag with errors that name where it came from, say what is wanted, and show what was given.
type checked struct {
	kingpin.Value
	flag  *kingpin.FlagClause
	given map[string]bool // flags among the arguments
}

// checkValues has all flags say what is wrong with their values.
func (c *commandLine) checkValues() {
	check := func(flags []*kingpin.FlagModel, get func(name string) *kingpin.FlagClause) {
		for _, f := range flags {
			clause := get(f.Name)
			clause.SetValue(&checked{f.Value, clause, c.given})
		}
	}
	model := c.app.Model()
	check(model.Flags, c.app.GetFlag)
	for _, command := range model.Commands {
		check(command.Flags, c.app.GetCommand(command.Name).GetFlag)
	}
}

// Set takes what stands in the arguments, the environment or the defaults.
func (v *checked) Set(s string) error {
	err := v.Value.Set(s)
	if err == nil {
		return nil
	}
	if want := v.want(); want != "" {
		err = fmt.Errorf("want %s%s", want, v.shown(s))
	}
	return fmt.Errorf("%s: %w", origin(v.flag, v.given), err)
}

// want returns what the flag takes.
func (v *checked) want() string {
	if w, ok := v.Value.(interface{ Want() string }); ok {
		return w.Want()
	}
	if v.IsBoolFlag() {
		return "true or false"
	}
	switch v.flag.Model().Name {
	case promslogflag.LevelFlagName:
		return oneOf(promslog.LevelFlagOptions)
	case promslogflag.FormatFlagName:
		return oneOf(promslog.FormatFlagOptions)
	case histogramFlag:
		return oneOf(histogramForms)
	}
	if g, ok := v.Value.(kingpin.Getter); ok {
		switch g.Get().(type) {
		case time.Duration:
			return "a duration, such as 30s"
		case int:
			return "a whole number"
		}
	}
	return ""
}

// maxShown is how much of a wrong value is shown, in runes.
const maxShown = 80

// shown returns the end of a message, with the value unless it may hold a password.
func (v *checked) shown(s string) string {
	if _, ok := v.Value.(*httpURL); ok && strings.ContainsAny(s, "@?") {
		return ""
	}
	return fmt.Sprintf(", not %.*q", maxShown, s)
}

// IsBoolFlag and IsCumulative tell kingpin of the value within.
func (v *checked) IsBoolFlag() bool {
	b, ok := v.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// IsCumulative reports whether the flag can be given several times.
func (v *checked) IsCumulative() bool {
	r, ok := v.Value.(interface{ IsCumulative() bool })
	return ok && r.IsCumulative()
}

// origin names the variable that the value of a flag comes from, or else the flag.
func origin(f *kingpin.FlagClause, given map[string]bool) string {
	m := f.Model()
	if !given[m.Name] && m.Envar != "" && os.Getenv(m.Envar) != "" {
		return m.Envar
	}
	return "--" + m.Name
}

func oneOf(options []string) string {
	last := len(options) - 1
	return strings.Join(options[:last], ", ") + " or " + options[last]
}

// positive is a duration that something is waited for: with 0 or less it would have ended before it began.
type positive time.Duration

func (d *positive) duration() time.Duration { return time.Duration(*d) }

// Set takes what [time.ParseDuration] does, above zero.
func (d *positive) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if err == nil && parsed <= 0 {
		err = errors.New("not above 0")
	}
	if err == nil {
		*d = positive(parsed)
	}
	return err
}

// String returns the duration as Set takes it.
func (d *positive) String() string { return time.Duration(*d).String() }

// Want tells a user of [checked].
func (d *positive) Want() string { return "a duration above 0, such as 30s" }

// httpURL is the address of a page of another process.
type httpURL string

// Set takes a whole URL.
func (u *httpURL) Set(s string) error {
	parsed, err := url.Parse(s)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" {
		return errors.New("no URL of a web server") // without the value, which may hold a password
	}
	*u = httpURL(s)
	return nil
}

// String returns the URL.
func (u *httpURL) String() string { return string(*u) }

// Want tells a user of [checked].
func (u *httpURL) Want() string { return "a URL, such as http://localhost:8989/status" }
