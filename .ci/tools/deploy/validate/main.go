// Command validate checks deployments as far as that goes without a cluster or a container engine.
//
//	validate kubernetes [-external KIND/NAME,...] [-extract DIR] FILE
//	validate compose FILE
//
// For kubernetes, FILE holds the objects to be applied together, as kustomize or helm print them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: validate kubernetes|compose [FLAGS] FILE")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says the same
	external := flags.String("external", "", "objects, as Kind/name, that others are expected to have made")
	extract := flags.String("extract", "", "directory to write configurations, rules and dashboards to")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name one file")
	}
	file := flags.Arg(0)
	switch args[0] {
	case "kubernetes":
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		objects, err := decode(data)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		known := strings.FieldsFunc(*external, func(r rune) bool { return r == ',' })
		if err := checkObjects(objects, known); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if *extract != "" {
			if err := extractFiles(objects, *extract); err != nil {
				return err
			}
		}
		fmt.Fprintln(stdout, summary(objects))
		return nil
	case "compose":
		services, err := checkCompose(ctx, file)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Fprintf(stdout, "%d services\n", services)
		return nil
	}
	return fmt.Errorf("unknown command %q", args[0])
}
