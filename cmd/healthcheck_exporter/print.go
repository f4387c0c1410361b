package main

import (
	"bytes"
	"context"
	"io"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// printConfig prints the effective configuration, or one check of it.
func printConfig(ctx context.Context, o *exporter.Options, endpoint string, stdout io.Writer) error {
	type outcome struct {
		yaml []byte
		err  error
	}
	done := make(chan outcome, 1)
	go func() { // which may hang, with a file
		var b bytes.Buffer
		err := exporter.Print(ctx, *o, &b, endpoint)
		done <- outcome{b.Bytes(), err}
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case printed := <-done:
		if printed.err != nil {
			return verdict{printed.err}
		}
		_, err := stdout.Write(printed.yaml)
		return err
	}
}
