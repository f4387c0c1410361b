//go:build tools

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tool returns the path of a program of Prometheus or Alertmanager: in the folder that HEALTHCHECK_TOOLS names, or found
// by PATH.
func tool(t *testing.T, name string) string {
	t.Helper()
	file := name
	if dir := os.Getenv("HEALTHCHECK_TOOLS"); dir != "" {
		file = filepath.Join(dir, name)
	}
	path, err := exec.LookPath(file)
	if err != nil {
		t.Fatalf("%v\nset HEALTHCHECK_TOOLS to the folder with prometheus, promtool, alertmanager and amtool, or put them into PATH", err)
	}
	return path
}

// run runs a program to its end, which must be a good one.
func run(t *testing.T, path string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", path, strings.Join(args, " "), out)
}

// process is a program that serves HTTP on address until it is stopped.
type process struct {
	address string
	cmd     *exec.Cmd
	output  *output
	ended   chan struct{}
}

// launch starts a program and returns once it listens. It is interrupted when ctx ends.
func launch(ctx context.Context, path string, args ...string) (*process, error) {
	p := &process{
		cmd:    exec.CommandContext(ctx, path, args...),
		output: &output{address: make(chan string, 1)},
		ended:  make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 20 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // it is interrupted or killed
	}()
	select {
	case p.address = <-p.output.address:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("%s has ended:\n%s", path, p.output)
	case <-time.After(patience):
		p.stop(os.Kill)
		return nil, fmt.Errorf("%s does not listen:\n%s", path, p.output)
	}
}

// stop returns when the process has ended, which it does in time.
func (p *process) stop(how os.Signal) {
	_ = p.cmd.Process.Signal(how) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *process) url(path string) string { return "http://" + p.address + path }

// output is what a process writes. Its String is the end of that.
type output struct {
	address chan string // is sent the first address that the process listens on

	mu    sync.Mutex
	text  bytes.Buffer
	found bool
}

var listening = regexp.MustCompile(`msg="Listening on".* address=(\S+)\n`)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if !o.found {
		if m := listening.FindSubmatch(o.text.Bytes()); m != nil {
			o.found = true
			o.address <- string(m[1])
		}
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	const most = 4096
	text := o.text.Bytes()
	return string(text[max(0, len(text)-most):])
}
