package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"runtime/debug"
	"sync"

	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"google.golang.org/grpc/grpclog"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// Exit codes.
const (
	exitOK     = 0
	exitFail   = 1 // the command has done its work, and the answer is bad
	exitCannot = 2 // it could not do its work, or not all of it: wrong flags are of this kind with every command
)

// run parses args and carries out the command. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	setVersion()
	c := newCommandLine(stdout, stderr)
	err := c.parse(args)
	if c.ended {
		return c.endCode
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: %v, try --help\n", program, err)
		return exitCannot
	}
	logged := &logWriter{out: stderr}
	defer logged.flush()
	c.startLog(logged)
	if c.command == defaultCommand {
		stderr = logged
	}
	return c.exit(ctx, c.carryOut(ctx, stdout, stderr), stderr)
}

// carryOut carries out the command. The error is a [verdict] if it could.
func (c *commandLine) carryOut(ctx context.Context, stdout, stderr io.Writer) error {
	o := &c.options
	if c.command == "validate" { // which tells what is wrong with the options along with the rest
		return validate(ctx, o, stdout, stderr)
	}
	if err := o.Validate(); err != nil {
		return err
	}
	switch c.command {
	case "check":
		return check(ctx, o, stdout)
	case "wait":
		return wait(ctx, o, c.timeout.duration(), stdout)
	case "status":
		return status(ctx, &c.client, stdout)
	case "healthy":
		return healthy(ctx, o, &c.client, stdout)
	case runCommand:
		return runOne(ctx, o, &c.run, stdout)
	case importCommand:
		return importFiles(ctx, &c.imports, stdout, stderr)
	case "print":
		return printConfig(ctx, o, c.printed, stdout)
	case "schema":
		return schema(stdout)
	}
	return serve(ctx, o)
}

// verdict is an error that is the answer of a command. One that holds nothing has been told.
type verdict struct{ error }

// exit tells an error and returns the exit code.
func (c *commandLine) exit(ctx context.Context, err error, stderr io.Writer) int {
	answer, answered := err.(verdict) //nolint:errorlint // nothing wraps one
	switch {
	case err == nil:
		return exitOK
	case answered && answer.error == nil:
		return exitFail
	case answered:
		err = answer.error
	case ctx.Err() != nil && c.command != defaultCommand:
		err = errors.New("interrupted")
	}
	fmt.Fprintln(stderr, c.named(err))
	if _, wrong := errors.AsType[*exporter.OptionError](err); wrong || !answered {
		return exitCannot
	}
	return exitFail
}

// startLog has everything logged as the flags say.
func (c *commandLine) startLog(to *logWriter) {
	c.log.Writer = to
	if c.command != defaultCommand && !c.levelIsSet() {
		_ = c.log.Level.Set("error") // a level that exists; these commands print what they have to say
	}
	logger := promslog.New(&c.log)
	to.missed = func(lines int) { logger.Warn("the log is read too slowly", "lines_dropped", lines) }
	log.SetFlags(0)
	log.SetOutput(libraryLog{logger})
	joinLogOfGRPC()
	c.options.Logger = logger
}

// joinLogOfGRPC has the errors that gRPC logs told as what package log tells. Its log can be set once.
var joinLogOfGRPC = sync.OnceFunc(func() {
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, viaLog{}))
})

// viaLog writes to package log.
type viaLog struct{}

// Write takes one message.
func (viaLog) Write(p []byte) (int, error) {
	log.Print(string(p))
	return len(p), nil
}

// levelIsSet reports whether the user chose a log level, by flag or by variable.
func (c *commandLine) levelIsSet() bool {
	return c.given[promslogflag.LevelFlagName] || c.app.GetFlag(promslogflag.LevelFlagName).HasEnvarValue()
}

// setVersion takes the version from the build where the linker was not told it.
func setVersion() {
	if version.Version != "" {
		return
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		version.Version = info.Main.Version
	}
}
