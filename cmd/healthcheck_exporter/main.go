// Command healthcheck_exporter runs health checks on their own schedule and serves their outcomes as Prometheus metrics
// and as status JSON.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // maintenance windows name time zones, and a container may have none
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code) // the only Exit: in run, every defer happens
}
