package systemdcheck_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck/systemdtest"
)

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>%s
  </policy>
</busconfig>
`

// startBus starts a real bus with a policy, and returns its address once it answers.
func startBus(t *testing.T, policy string) string {
	t.Helper()
	dir := shortDir(t)
	socket, file := filepath.Join(dir, "bus"), filepath.Join(dir, "conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, busConfig, socket, policy), 0o600))
	checktest.Start(t, "dbus-daemon", "dbus-daemon", "--config-file="+file, "--nofork", "--nopidfile")
	address := "unix:path=" + socket
	require.Eventually(t, func() bool {
		conn, err := dbus.Connect(address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}, time.Minute, 20*time.Millisecond)
	return address
}

// shortDir returns a folder with a short path: there is not much room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // that of a test is long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// service is a manager on a bus of somebody else.
type service struct{ systemdtest.Manager }

func (s service) GetAll(m dbus.Message, _ string) (map[string]dbus.Variant, *dbus.Error) {
	return s.Of(m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)), nil
}

func (s service) ListUnitsByPatterns(states, patterns []string) ([]systemdtest.Row, *dbus.Error) {
	return s.List(states, patterns), nil
}

// join makes the manager known on a bus, until the test ends or leave is called.
func join(t *testing.T, address string, m systemdtest.Manager) (leave func()) {
	t.Helper()
	conn, err := dbus.Connect(address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.Export(service{m}, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"))
	require.NoError(t, conn.ExportSubtree(service{m}, "/org/freedesktop/systemd1/unit", "org.freedesktop.DBus.Properties"))
	reply, err := conn.RequestName("org.freedesktop.systemd1", dbus.NameFlagDoNotQueue)
	require.NoError(t, err)
	require.Equal(t, dbus.RequestNameReplyPrimaryOwner, reply)
	return func() { _ = conn.Close() }
}

// TestBus asks a manager through a real bus.
func TestBus(t *testing.T) {
	address := startBus(t, "")
	assertFails(t, run(t, config{Unit: "nginx", Address: address}), healthcheck.ReasonConnect, "nobody of that name is on the bus")
	leave := join(t, address, machine())
	for _, tc := range judgements {
		t.Run(tc.what, func(t *testing.T) { judged(t, address, tc.config, tc.reason, tc.details) })
	}
	leave()
	require.Eventually(t, func() bool {
		return run(t, config{Unit: "nginx", Address: address}).Reason == healthcheck.ReasonConnect
	}, time.Minute, 20*time.Millisecond)
	join(t, address, machine())
	checktest.RequireOK(t, run(t, config{Unit: "nginx", Address: address}))
}

// TestBusDenies: the policy of a bus may forbid calls, or a user to connect.
func TestBusDenies(t *testing.T) {
	address := startBus(t, `<deny send_destination="org.freedesktop.systemd1" send_interface="org.freedesktop.systemd1.Manager" send_member="ListUnitsByPatterns"/>`)
	join(t, address, machine())
	checktest.RequireOK(t, run(t, config{Unit: "nginx", Address: address}))
	assertFails(t, run(t, config{FailedUnits: true, Address: address}), healthcheck.ReasonAuth, "AccessDenied")
}

// TestManager asks a real manager: that of a user, with units of the test. Where it does not come up, as without root or
// where it may not make control groups, what is judged is that there is no bus: what the manager would say is then proven by [TestBus] only.
func TestManager(t *testing.T) {
	dir := shortDir(t)
	runtime, units := filepath.Join(dir, "r"), filepath.Join(dir, "h", ".config", "systemd", "user")
	require.NoError(t, os.Mkdir(runtime, 0o700))
	require.NoError(t, os.MkdirAll(units, 0o700))
	for name, text := range map[string]string{
		"dbus.socket":    "[Socket]\nListenStream=%t/bus\n",
		"dbus.service":   "[Unit]\nRequires=dbus.socket\n[Service]\nExecStart=/usr/bin/dbus-daemon --session --address=systemd: --nofork --nopidfile\n",
		"good.service":   "[Service]\nExecStart=/bin/sleep 1000\n",
		"bad.service":    "[Service]\nExecStart=/bin/false\n",
		"often.timer":    "[Timer]\nOnActiveSec=0\n",
		"often.service":  "[Service]\nType=oneshot\nExecStart=/bin/true\n",
		"default.target": "[Unit]\nWants=dbus.socket dbus.service good.service bad.service often.timer\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(units, name), []byte(text), 0o600))
	}
	c := config{Unit: "good", Scope: "user", Address: "unix:path=" + filepath.Join(runtime, "bus")}
	if !startManager(t, dir, runtime, c) {
		t.Log("the manager of a user does not start here: it was not asked")
		assertFails(t, run(t, c), healthcheck.ReasonConnect, "connect to the bus at ")
		return
	}
	with := func(change func(c *config)) config {
		other := config{Scope: c.Scope, Address: c.Address}
		change(&other)
		return other
	}
	r := run(t, c)
	checktest.RequireOK(t, r)
	assert.InDelta(t, float64(time.Now().Unix()), values(r)["unit_state_change_timestamp_seconds good.service"], 300)
	failed := with(func(c *config) { c.FailedUnits = true })
	require.Eventually(t, func() bool { return run(t, failed).Reason == healthcheck.ReasonStatus }, time.Minute, 50*time.Millisecond)
	assertFails(t, run(t, failed), healthcheck.ReasonStatus, "failed units: bad.service")
	assertFails(t, run(t, with(func(c *config) { c.Unit = "bad" })), healthcheck.ReasonStatus, "bad.service is failed (failed, result exit-code), want active")
	assertFails(t, run(t, with(func(c *config) { c.Unit = "nosuch" })), healthcheck.ReasonStatus, "nosuch.service cannot be loaded: not-found")
	assertFails(t, run(t, with(func(c *config) { c.Units = []string{"*d.service"} })), healthcheck.ReasonStatus, "bad.service is failed")
	timer := with(func(c *config) { c.Unit, c.MaxAge = "often.timer", time.Hour })
	require.Eventually(t, func() bool { return !run(t, timer).Failed() }, time.Minute, 50*time.Millisecond)
}

// startManager starts the manager of a user and reports whether its bus answers for a unit.
func startManager(t *testing.T, dir, runtime string, c config) bool {
	t.Helper()
	groups := newGroups(t)
	if len(groups) == 0 {
		return false
	}
	// It starts only where systemd is what the machine was started with, which a folder tells: here, in mounts of its own.
	cmd := exec.Command("sh", "-c", `for g; do echo $$ >"$g/cgroup.procs" || exit; done; mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && exec /lib/systemd/systemd --user`)
	cmd.Args = append(append(cmd.Args, "sh"), groups...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	cmd.Env = []string{"HOME=" + filepath.Join(dir, "h"), "XDG_RUNTIME_DIR=" + runtime, "PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil { // there is no right to, or no shell
		t.Log(err)
		return false
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.Log("systemd --user:", cmd.Wait())
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it ends its units, and removes their control groups
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case <-ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
		if !run(t, c).Failed() {
			return true
		}
	}
	return false
}

// newGroups makes a control group for the manager in each hierarchy that it may use, or none if it may not in one: it takes
// the one that it is started in for its own, and moves all processes in that. They are removed when the test ends.
func newGroups(t *testing.T) (groups []string) {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
			continue
		}
		group := filepath.Join(root, fmt.Sprintf("systemdcheck-test-%d", os.Getpid())) // of one path in all
		if err := os.Mkdir(group, 0o700); err != nil {
			t.Log(err)
			return nil
		}
		t.Cleanup(func() {
			assert.Eventually(t, func() bool { return removeGroup(group) == nil }, time.Minute, 20*time.Millisecond)
		})
		groups = append(groups, group)
	}
	return groups
}

// removeGroup removes a control group and those below, of which the files go with them.
func removeGroup(group string) error {
	entries, err := os.ReadDir(group)
	if errors.Is(err, os.ErrNotExist) { // the manager has removed it
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroup(filepath.Join(group, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.Remove(group)
}
