package execcheck

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// minSecret is the length, in bytes, of the shortest argument or variable that is hidden; minToken that of the shortest
// word of a script.
const (
	minSecret = 4
	minToken  = 6
)

// secretsOf returns what a program is given and may repeat, on its output or in the names of its values: arguments,
// variables, standard input. Of arguments, not hidden are what is no secret by its looks and would be missed: options,
// the values of harmless ones, numbers, absolute paths, and most words of scripts.
func secretsOf(c *Config) *secret.Set {
	public := slices.Concat([]string{c.Command[0]}, c.Expect.OutputMatches, c.Expect.OutputNotMatches)
	s := secret.New(public...)
	var hidden []string
	for i, arg := range c.Command[1:] {
		if c.ShowArgs || slices.Contains(harmless, c.Command[i]) {
			continue
		}
		if !isScript(c.Command[i]) {
			hidden = append(hidden, argumentValue(arg))
		}
		hidden = append(hidden, tokens(arg)...)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		hidden = append(hidden, c.Env[name])
	}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if !inherited(name) && (slices.Contains(c.InheritEnv, name) || slices.Contains(c.InheritEnv, "*")) {
			hidden = append(hidden, value)
		}
	}
	s.Add(slices.DeleteFunc(hidden, func(v string) bool {
		return len(v) < minSecret || !strings.ContainsFunc(v, unicode.IsLetter) || filepath.IsAbs(v)
	})...)
	s.AddText(c.Stdin)
	return s
}

// harmless are options whose values are no secrets, and what the text of a plugin and the names of its values are made
// of: those that the Monitoring Plugins guidelines lay down, and a few that all have.
var harmless = []string{
	"-H", "--hostname", "--host", "-w", "--warning", "--critical", "-t", "--timeout", "--port", "--url", "--path",
	"-l", "--label", "--perf-label", "--name", "--unit", "--service", "--interface", "--device", "--database",
}

// isScript reports whether the argument after option is a program of its own.
func isScript(option string) bool {
	return slices.Contains([]string{"-c", "-e", "-Command", "--command", "--execute", "--eval"}, option)
}

// argumentValue returns an argument without the name of an option.
func argumentValue(arg string) string {
	if !strings.HasPrefix(arg, "-") {
		return arg
	}
	if _, value, ok := strings.Cut(arg, "="); ok {
		return value
	}
	if len(arg) > 2 && arg[1] != '-' {
		return arg[2:] // -ppassword
	}
	return ""
}

// tokens returns the words of text that look like secrets: with letters and digits, or given to a name.
func tokens(text string) (list []string) {
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\"'`;,&|()<>{}[]@?", r) }) {
		if _, value, ok := strings.Cut(word, "="); ok {
			list = append(list, value)
		}
		for _, part := range strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("=:/", r) }) {
			digits := strings.ContainsFunc(part, unicode.IsDigit)
			if len(part) >= minToken && digits && strings.ContainsFunc(part, unicode.IsLetter) {
				list = append(list, part)
			}
		}
	}
	return list
}
