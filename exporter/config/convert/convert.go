// Package convert makes a configuration of ours of one of another program: blackbox_exporter with Prometheus, gatus, or
// uptime-kuma.
//
// [Convert] is pure: bytes in, YAML and findings out. Nothing of the input is dropped silently: each key is used, or known to
// have no meaning here ([Result.Ignored]), or listed ([Result.Listed]), which the output says in a comment at its place
// too. What it makes is valid to our loader, as far as that can be told without the files and variables that it names.
package convert

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/blackbox"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/gatus"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/kuma"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// MaxSize is the largest file that is taken, in bytes.
const MaxSize = tree.MaxSize

// maxChecks is how many checks an import may make.
const maxChecks = 100_000

// Format is a format of the input.
type Format string

// The formats. Blackbox is the modules of blackbox_exporter together with the scrape jobs of Prometheus that use them.
const (
	Blackbox   Format = "blackbox"
	Gatus      Format = "gatus"
	UptimeKuma Format = "uptime-kuma"
)

// Formats returns all formats.
func Formats() []Format { return []Format{Blackbox, Gatus, UptimeKuma} }

// File is a file of the input.
type File struct {
	Name string // as the user gave it
	Data []byte
}

// Options tell how to convert. The zero value is ready to use.
type Options struct {
	// From is the format; empty means that the content tells.
	From Format
	// WithSecrets leaves secrets where they are. Otherwise the output refers to a variable in place of each.
	WithSecrets bool
	// Targets returns the files that a file_sd_configs of Prometheus names, by a path or pattern that starts from the
	// folder of the file from. Nil means that [Convert] can read none.
	Targets func(from, pattern string) ([]File, error)
}

type (
	// Note is a place in the input and what there is to say of it.
	Note = tree.Note
	// Variable is an environment variable that the output refers to in place of a secret.
	Variable = draft.Variable
)

// Result is a configuration of ours, and what became of the input.
type Result struct {
	Format    Format
	YAML      []byte
	Checks    int        // in the output
	Listed    []Note     // what was not taken over, or not exactly, in the order of the input
	Ignored   []Note     // what has no meaning here, in the order of the input
	Variables []Variable // what to set before the output is used
}

// Convert converts files, which are all of one format. An error says that nothing could be made of them; what could not
// be taken over is no error.
func Convert(files []File, opts Options) (*Result, error) {
	d := draft.New(opts.WithSecrets)
	in := input{opts: opts, draft: d}
	for _, f := range files {
		if err := in.add(f); err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, errors.New("no file to import")
	}
	switch in.format {
	case Blackbox:
		if len(in.prometheus) == 0 {
			return nil, fmt.Errorf("%s: its targets are in the configuration of Prometheus: give that too", files[0].Name)
		}
		blackbox.Convert(d, in.modules, in.prometheus, in.targets)
	case Gatus:
		gatus.Convert(d, in.others)
	case UptimeKuma:
		kuma.Convert(d, in.others)
	}
	if d.Len() > maxChecks {
		return nil, fmt.Errorf("%d checks are more than the %d that an import may make", d.Len(), maxChecks)
	}
	d.Verify()
	text, err := d.Render("Made by healthcheck_exporter import of " + strings.Join(in.names, ", ") + ".")
	if err != nil {
		return nil, err
	}
	return &Result{
		Format:    in.format,
		YAML:      text,
		Checks:    d.Len(),
		Listed:    in.inOrder(d.Ledger.Listed),
		Ignored:   in.inOrder(d.Ledger.Ignored),
		Variables: d.Variables,
	}, nil
}

// input is the files, by what they are.
type input struct {
	opts   Options
	draft  *draft.Draft
	format Format
	names  []string // of all files, in their order

	modules, prometheus, others []*tree.Node
}

func (in *input) add(f File) error {
	root, err := tree.Parse(f.Name, f.Data, &in.draft.Ledger)
	if err != nil {
		return err
	}
	format, prometheus := detect(root)
	if in.opts.From != "" {
		format = in.opts.From
	}
	switch {
	case format == "":
		return fmt.Errorf("%s: is no configuration of blackbox_exporter, Prometheus or gatus, and no export of uptime-kuma", f.Name)
	case in.format != "" && format != in.format:
		return fmt.Errorf("%s: is a file of %s, while %s is one of %s", f.Name, format, in.names[0], in.format)
	case format != UptimeKuma && root.Kind != tree.Map:
		return fmt.Errorf("%s: want a mapping, as %s has it", f.Name, format)
	case format == Blackbox && prometheus:
		in.prometheus = append(in.prometheus, root)
	case format == Blackbox:
		in.modules = append(in.modules, root)
	default:
		in.others = append(in.others, root)
	}
	in.format = format
	in.names = append(in.names, f.Name)
	return nil
}

// detect returns what a file is by its keys, and whether it is one of Prometheus.
func detect(root *tree.Node) (format Format, prometheus bool) {
	switch {
	case root.Has("monitorList"), root.Kind == tree.List && kuma.IsMonitor(root):
		return UptimeKuma, false
	case root.Has("endpoints"), root.Has("external-endpoints"), root.Has("suites"):
		return Gatus, false
	case root.Has("modules"):
		return Blackbox, false
	case root.Has("scrape_configs"), root.Has("scrape_config_files"):
		return Blackbox, true
	}
	return "", false
}

// targets reads files of targets for package blackbox.
func (in *input) targets(from, pattern string) ([]*tree.Node, error) {
	if in.opts.Targets == nil {
		return nil, errors.New("files of targets cannot be read here")
	}
	files, err := in.opts.Targets(from, pattern)
	if err != nil {
		return nil, err
	}
	var roots []*tree.Node
	for _, f := range files {
		root, err := tree.Parse(f.Name, f.Data, &in.draft.Ledger)
		if err != nil {
			return nil, err
		}
		in.names = append(in.names, f.Name)
		roots = append(roots, root)
	}
	return roots, nil
}

// inOrder returns notes in the order of the files and their lines.
func (in *input) inOrder(notes []Note) []Note {
	at := make(map[string]int, len(in.names))
	for i, name := range in.names {
		if _, known := at[name]; !known {
			at[name] = i
		}
	}
	slices.SortStableFunc(notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(at[a.File], at[b.File]), cmp.Compare(a.Line, b.Line))
	})
	return notes
}
