// Generate writes the rules for given parameters to its standard output.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/healthcheck-exporter/healthcheck_exporter/alerts"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("parameters", "", "YAML file with what differs from alerts/parameters.yml")
	format := flags.String("format", "rules", "rules, or prometheusrule for the Prometheus Operator")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := alerts.Default()
	if *file != "" {
		document, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		if p, err = alerts.Parse(document); err != nil {
			return fmt.Errorf("%s:\n%w", *file, err)
		}
	}
	rules, err := p.Rules()
	if err != nil {
		return err
	}
	switch *format {
	case "rules":
	case "prometheusrule":
		rules = alerts.PrometheusRule(rules)
	default:
		return fmt.Errorf("format %q: rules or prometheusrule", *format)
	}
	_, err = stdout.Write(rules)
	return err
}
