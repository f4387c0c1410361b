package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// All commands take all flags of the program, so that one environment serves for all. The help of a command shows its own,
// and those of the program that change what it does: by what their names begin with. Commands that are not listed read
// the configuration.
var (
	heededFlags = map[string][]string{
		defaultCommand: {""},
		"validate":     {""},
		"status":       {},
		"healthy":      {"web.listen-address", "web.systemd-socket", "web.config.file", "web.health-listen-address"},
		importCommand:  {},
		"schema":       {},
	}
	configFlags = []string{"config.file", "config.strict", "runner.", "log."}
)

// heeded returns the flags of those that the help of a command shows; without a command, all.
func heeded(command *kingpin.CmdModel, flags []*kingpin.FlagModel) []*kingpin.FlagModel {
	if command == nil {
		return flags
	}
	prefixes, listed := heededFlags[command.Name]
	if !listed {
		prefixes = configFlags
	}
	return slices.DeleteFunc(slices.Clone(flags), func(f *kingpin.FlagModel) bool {
		own := slices.ContainsFunc(command.Flags, func(o *kingpin.FlagModel) bool { return o.Name == f.Name })
		heeded := slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f.Name, p) })
		return f.Name != "help" && !own && !heeded
	})
}

// shortenHelp has the help of a command show what concerns it.
func shortenHelp(app *kingpin.Application) {
	const all = "{{.Context.Flags|FlagsToTwoColumns"
	app.UsageFuncs(template.FuncMap{"Heeded": heeded})
	app.UsageTemplate(strings.Replace(kingpin.DefaultUsageTemplate, all, "{{.Context.Flags|Heeded .Context.SelectedCommand|FlagsToTwoColumns", 1) +
		"{{if .Context.SelectedCommand}}\n{{.App.Name}} --help tells all flags and commands.\n{{end}}")
}

// addVersion adds --version. It is not kingpin's, which puts the text of several lines into the head of the man page, too.
func addVersion(app *kingpin.Application, stdout io.Writer, terminate func(code int)) {
	// The version of the image is often in the environment, under the very name that this flag would have there.
	app.Flag("version", "Show application version.").NoEnvar().PreAction(func(*kingpin.ParseContext) error {
		fmt.Fprintln(stdout, version.Print(program))
		terminate(exitOK)
		return nil
	}).Bool()
}

// asksForCompletion reports whether a shell asks what may come next.
func asksForCompletion(parsed *kingpin.ParseContext) bool {
	return slices.ContainsFunc(parsed.Elements, func(e *kingpin.ParseElement) bool {
		f, ok := e.Clause.(*kingpin.FlagClause)
		return ok && f.Model().Name == "completion-bash"
	})
}
