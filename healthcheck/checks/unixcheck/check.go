package unixcheck

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

var phaseDuration = healthcheck.NewMeasure("unix_phase_duration_seconds", "Duration of the phases connect and dialog of the last run, as far as it had them.", "phase")

const phaseDialog = "dialog" // beside that of package peer

type checker struct {
	path       string
	dialog     *dialog.Script
	secrets    *secret.Set
	maxLatency time.Duration
}

// Check connects and has the dialog.
func (c *checker) Check(ctx context.Context) healthcheck.Result {
	defer c.secrets.HidePanic()
	start := time.Now()
	var values []healthcheck.Value
	err := c.run(ctx, &values)
	if slow := peer.InTime(time.Since(start), c.maxLatency); err == nil && slow != nil {
		err = fmt.Errorf("%s %w", c.path, slow)
	}
	result := healthcheck.Fail(err)
	result.Values = values
	return result
}

func (c *checker) run(ctx context.Context, values *[]healthcheck.Value) error {
	start := time.Now()
	conn, err := c.dial(ctx)
	*values = append(*values, phaseDuration.Value(time.Since(start).Seconds(), peer.PhaseConnect))
	if err != nil {
		return c.explain(ctx, err)
	}
	defer conn.Close()
	defer peer.Interrupt(ctx, conn)()
	if c.dialog.Empty() {
		return nil
	}
	start = time.Now()
	err = c.dialog.Talk(ctx, dialog.Conversation{Conn: conn, Peer: c.path, Secrets: c.secrets})
	*values = append(*values, phaseDuration.Value(time.Since(start).Seconds(), phaseDialog))
	return err
}

// The waits between tries where the queue of the socket is full.
const (
	firstWait = time.Millisecond
	maxWait   = 100 * time.Millisecond
)

// dial connects. Where the queue of a listener is full, the system does not wait for it, as it does with TCP, but says
// EAGAIN at once (connect(2)): then it is tried again until the run ends.
func (c *checker) dial(ctx context.Context) (net.Conn, error) {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", c.path)
		if !errors.Is(err, syscall.EAGAIN) {
			return conn, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, errFull
		case <-timer.C:
		}
	}
}

var errFull = errors.New("the queue of connections is full")

// explain says why there is no connection.
func (c *checker) explain(ctx context.Context, err error) error {
	step := "connect to " + c.path
	switch {
	case errors.Is(err, errFull):
		return healthcheck.Errorf(healthcheck.ReasonTimeout, "%s: no answer in time: %w", step, err)
	case errors.Is(err, fs.ErrNotExist):
		return healthcheck.Errorf(healthcheck.ReasonConnect, "%s: there is no such file: nobody has made the socket", step)
	case errors.Is(err, fs.ErrPermission):
		return healthcheck.Errorf(healthcheck.ReasonAuth, "%s: permission denied: connecting needs the right to write to the socket, and to enter its folders", step)
	case errors.Is(err, syscall.EPROTOTYPE):
		return healthcheck.Errorf(healthcheck.ReasonConnect, "%s: it is not a stream socket", step)
	case errors.Is(err, syscall.ECONNREFUSED) && c.isOther():
		return healthcheck.Errorf(healthcheck.ReasonConnect, "%s: it is not a socket", step)
	}
	return peer.Explain(ctx, step, err)
}

// isOther reports whether the path leads to something that is no socket: connecting to a file is refused too.
func (c *checker) isOther() bool {
	if strings.HasPrefix(c.path, abstract) {
		return false
	}
	info, err := os.Stat(c.path)
	return err == nil && info.Mode()&fs.ModeSocket == 0
}
