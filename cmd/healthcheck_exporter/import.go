package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

const importCommand = "import"

// importFlags are those of the command import.
type importFlags struct {
	exporter.ImportOptions
	output  string
	explain bool
}

// addImport adds the command import.
func addImport(app *kingpin.Application, f *importFlags) {
	c := app.Command(importCommand, "Make a configuration of one of another program: of blackbox_exporter, together with that of Prometheus, of gatus, or of an export of uptime-kuma. What cannot be taken over is listed. Exit code 0: all is taken over, 1: something is not, 2: cannot run.")
	c.Arg("file", "Configuration files of the other program.").Required().StringsVar(&f.Files)
	formats := exporter.ImportFormats()
	c.Flag("from", "Format of the files, where their content does not tell: "+strings.Join(formats, ", ")+".").
		Envar("HEALTHCHECK_EXPORTER_IMPORT_FROM").EnumVar(&f.From, formats...)
	c.Flag("output", "Write the configuration to this file, which must not be there yet, instead of standard output.").Short('o').
		PlaceHolder("FILE").Envar("HEALTHCHECK_EXPORTER_IMPORT_OUTPUT").StringVar(&f.output)
	c.Flag("with-secrets", "Leave secrets where they are, instead of references to variables.").
		Envar("HEALTHCHECK_EXPORTER_IMPORT_WITH_SECRETS").BoolVar(&f.WithSecrets)
	c.Flag("explain", "Tell also what is left out because it has no meaning here, and why.").
		Envar("HEALTHCHECK_EXPORTER_IMPORT_EXPLAIN").BoolVar(&f.explain)
}

// importFiles carries out the command import.
func importFiles(ctx context.Context, f *importFlags, stdout, stderr io.Writer) error {
	done := make(chan func() error, 1)
	go func() { // which may hang, with a file
		r, err := exporter.Import(f.ImportOptions)
		done <- func() error {
			if err != nil {
				return err
			}
			return f.tell(r, stdout, stderr)
		}
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case tell := <-done:
		return tell()
	}
}

// tell writes the configuration, and what is to be said of it.
func (f *importFlags) tell(r *exporter.Imported, stdout, stderr io.Writer) error {
	if err := f.write(r.YAML, stdout); err != nil {
		return err
	}
	for _, n := range r.Listed {
		fmt.Fprintln(stderr, oneLine(n.String()))
	}
	if f.explain {
		for _, n := range r.Ignored {
			fmt.Fprintln(stderr, "left out:", oneLine(n.String()))
		}
	}
	for _, v := range r.Variables {
		fmt.Fprintln(stderr, "secret:", oneLine(v.From.String()))
	}
	fmt.Fprintf(stderr, "%d checks, %d notes on what was not taken over\n", r.Checks, len(r.Listed))
	if len(r.Listed) > 0 {
		return verdict{}
	}
	return nil
}

// write writes the configuration. With secrets, a file is for its owner only.
func (f *importFlags) write(yaml []byte, stdout io.Writer) error {
	if f.output == "" {
		_, err := stdout.Write(yaml)
		return err
	}
	mode := os.FileMode(0o644)
	if f.WithSecrets {
		mode = 0o600
	}
	out, err := os.OpenFile(f.output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = out.Write(yaml)
	return errors.Join(err, out.Close())
}
