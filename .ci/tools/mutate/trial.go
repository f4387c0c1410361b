package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// verdict is what became of a mutation.
type verdict string

const (
	killed   verdict = "killed"
	timedOut verdict = "killed by the time limit"
	survived verdict = "SURVIVED"
	invalid  verdict = "does not compile"
)

// trial runs tests against changed files, which are laid over the tree for the go command: the tree is never touched.
type trial struct {
	root     string
	dir      string // temporary
	packages []string
	timeout  time.Duration
}

// run tries one mutation. The output is that of go test, where it says more than the verdict.
func (t *trial) run(ctx context.Context, m mutation) (verdict, string, error) {
	source, err := os.ReadFile(filepath.Join(t.root, m.file))
	if err != nil {
		return "", "", err
	}
	changed := filepath.Join(t.dir, "changed.go")
	if err := os.WriteFile(changed, m.apply(source), 0o600); err != nil {
		return "", "", err
	}
	overlay := filepath.Join(t.dir, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(t.root, m.file): changed}})
	if err != nil {
		return "", "", err
	}
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		return "", "", err
	}
	if out, err := t.command(ctx, "build", "-overlay", overlay, "./"+filepath.Dir(m.file)); err != nil {
		return invalid, out, ctx.Err()
	}
	for _, pkg := range t.testsFor(m) {
		out, err := t.command(ctx, "test", "-overlay", overlay, "-count=1", "-failfast", "-vet=off", "-timeout", t.timeout.String(), pkg)
		switch {
		case ctx.Err() != nil:
			return "", "", ctx.Err()
		case err == nil:
		case strings.Contains(out, "panic: test timed out after") || errors.Is(err, context.DeadlineExceeded):
			return timedOut, out, nil
		default:
			return killed, out, nil
		}
	}
	return survived, "", nil
}

// testsFor returns the packages to test, that of the mutation first.
func (t *trial) testsFor(m mutation) []string {
	own := "./" + filepath.ToSlash(filepath.Dir(m.file))
	list := []string{own}
	for _, pkg := range t.packages {
		if pkg != own {
			list = append(list, pkg)
		}
	}
	return list
}

// command runs the go command in the root. What it has started ends with it.
func (t *trial) command(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout+3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the tree's own packages
	cmd.Dir = t.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("go %s: %w", args[0], context.DeadlineExceeded)
	}
	return out.String(), err
}
