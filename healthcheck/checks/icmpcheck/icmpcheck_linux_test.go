package icmpcheck_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// needRight skips a test that nobody here has the right to. Root has it.
func needRight(t *testing.T) {
	t.Helper()
	for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_RAW} {
		if fd, err := unix.Socket(unix.AF_INET, kind, unix.IPPROTO_ICMP); err == nil {
			_ = unix.Close(fd)
			return
		}
	}
	if os.Getuid() == 0 {
		require.Fail(t, "root has no right to send echo requests")
	}
	t.Skip("no right to send echo requests: see net.ipv4.ping_group_range")
}

// TestLoopback asks this machine, which answers.
func TestLoopback(t *testing.T) {
	needRight(t)
	for what, c := range map[string]icmpcheck.Config{
		"IPv4":          {Host: "127.0.0.1"},
		"IPv6":          {Host: "::1"},
		"name":          {Host: "localhost"},
		"IPv4 of name":  {Host: "localhost", IPProtocol: "ip4"},
		"source":        {Host: "127.0.0.1", SourceAddress: "127.0.0.2"},
		"large":         {Host: "127.0.0.1", Size: 60000},
		"large, IPv6":   {Host: "::1", Size: 60000},
		"small":         {Host: "127.0.0.1", Size: 16, DontFragment: true},
		"small, IPv6":   {Host: "::1", Size: 16, DontFragment: true},
		"mapped":        {Host: "::ffff:127.0.0.1"},
		"whole network": {Host: "127.1.2.3", Count: 10, PacketInterval: 10 * time.Millisecond, MaxLoss: "0"},
	} {
		t.Run(what, func(t *testing.T) {
			r := run(t, c)
			checktest.RequireOK(t, r)
			got := values(r)
			assert.InDelta(t, 0, got["icmp_loss_ratio"], 0)
			assert.InDelta(t, 64, got["icmp_reply_hop_limit"], 0)
			assert.Positive(t, got["mean"])
			assert.GreaterOrEqual(t, got["max"], got["min"])
			assert.Less(t, got["max"], 1.0)
			if c.Host == "localhost" {
				assert.Contains(t, got, "resolve")
			} else {
				assert.NotContains(t, got, "resolve")
			}
		})
	}
}

func TestUnknownHost(t *testing.T) {
	r := checktest.Run(t, icmpcheck.New, icmpcheck.Config{Host: "nosuch.invalid."}, 10*time.Second)
	assertFails(t, r, healthcheck.ReasonDNS, "resolve nosuch.invalid.: ")
}

func TestUnreachable(t *testing.T) {
	needRight(t)
	r := run(t, icmpcheck.Config{Host: "127.0.0.1", SourceAddress: "192.0.2.77"})
	assertFails(t, r, healthcheck.ReasonConnect, "127.0.0.1: bind to 192.0.2.77: cannot assign requested address")
}

// TestMany: checks that run at the same time do not take each other's answers.
func TestMany(t *testing.T) {
	needRight(t)
	const many = 300
	results := make([]healthcheck.Result, many)
	var all sync.WaitGroup
	for i := range many {
		checker, err := icmpcheck.New(icmpcheck.Config{
			Host: fmt.Sprintf("127.0.1.%d", i%250+1), PacketInterval: 10 * time.Millisecond, PacketTimeout: 20 * time.Second, MaxLoss: "0",
		})
		require.NoError(t, err)
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			results[i] = checker.Check(ctx)
		})
	}
	all.Wait()
	for _, r := range results {
		checktest.RequireOK(t, r)
	}
}

// inside is set in the namespace that TestUnprivileged makes.
const inside = "ICMPCHECK_TEST_INSIDE"

const rangeFile = "/proc/sys/net/ipv4/ping_group_range"

// TestUnprivileged runs itself again in a network of its own, where the group may send echo requests and nobody may by
// capability.
func TestUnprivileged(t *testing.T) {
	switch os.Getenv(inside) {
	case "":
		startInside(t)
	case "setup":
		setupInside(t)
	default:
		testInside(t)
	}
}

func startInside(t *testing.T) {
	var out []byte
	var err error
	for _, flags := range []uintptr{unix.CLONE_NEWNET | unix.CLONE_NEWUSER, unix.CLONE_NEWNET} {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestUnprivileged$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=setup")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if flags&unix.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		if out, err = cmd.CombinedOutput(); err == nil {
			assert.Contains(t, string(out), "it was all seen inside")
			return
		}
		if _, ok := err.(*exec.ExitError); ok { //nolint:errorlint // of os/exec alone
			break // it ran, and failed
		}
	}
	if os.Getuid() != 0 {
		t.Skip("namespaces are not permitted: ", err)
	}
	require.NoError(t, err, "%s", out)
}

// setupInside makes the network usable, gives up the capability, and begins anew.
func setupInside(t *testing.T) {
	setLoopback(t, unix.SIOCSIFFLAGS, func(lo *unix.Ifreq) { lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING) })
	require.NoError(t, os.Setenv(inside, "run")) //nolint:usetesting // until the end
	runtime.LockOSThread()                       // the bounding set is that of a thread
	require.NoError(t, unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_NET_RAW, 0, 0, 0))
	require.NoError(t, syscall.Exec("/proc/self/exe", []string{"test", "-test.run=^TestUnprivileged$", "-test.v"}, os.Environ()))
}

// setLoopback changes the loopback (netdevice(7)).
func setLoopback(t *testing.T, request uint, change func(*unix.Ifreq)) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	require.NoError(t, err)
	lo, err := unix.NewIfreq("lo")
	require.NoError(t, err)
	change(lo)
	require.NoError(t, unix.IoctlIfreq(fd, request, lo))
	require.NoError(t, unix.Close(fd))
}

func testInside(t *testing.T) {
	_, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	require.ErrorIs(t, err, unix.EPERM, "the capability is gone")
	set := func(file, value string) { require.NoError(t, os.WriteFile(file, []byte(value), 0o600)) }

	r := run(t, icmpcheck.Config{Host: "127.0.0.1"})
	// In a new network nobody may: the range is "1 0".
	assertFails(t, r, healthcheck.ReasonError, "127.0.0.1: no right to send echo requests: the group of the program is not in the sysctl net.ipv4.ping_group_range, and it has not the capability CAP_NET_RAW")

	set(rangeFile, "0 0")
	for _, c := range []icmpcheck.Config{
		{Host: "127.0.0.1", MaxLoss: "0"}, {Host: "::1", MaxLoss: "0"}, {Host: "127.0.0.1", Size: 60000, SourceAddress: "127.0.0.2"},
		{Host: "127.0.0.1", DontFragment: true}, {Host: "::1", DontFragment: true},
	} {
		r := run(t, c)
		checktest.RequireOK(t, r)
		assert.InDelta(t, 64, values(r)["icmp_reply_hop_limit"], 0)
	}
	for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
		assertFails(t, run(t, icmpcheck.Config{Host: host}), healthcheck.ReasonConnect, host+": network is unreachable")
	}

	setLoopback(t, unix.SIOCSIFMTU, func(lo *unix.Ifreq) { lo.SetUint32(1500) })
	for host, most := range map[string]int{"127.0.0.1": 1472, "::1": 1452} {
		checktest.RequireOK(t, run(t, icmpcheck.Config{Host: host, Size: most, DontFragment: true}))
		checktest.RequireOK(t, run(t, icmpcheck.Config{Host: host, Size: most + 1}))
		r := run(t, icmpcheck.Config{Host: host, Size: most + 1, DontFragment: true})
		assertFails(t, r, healthcheck.ReasonConnect, host+": the packet is too large for a network on the way")
	}

	set("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1")
	r = run(t, icmpcheck.Config{Host: "127.0.0.1", PacketInterval: 10 * time.Millisecond, PacketTimeout: 100 * time.Millisecond})
	assertFails(t, r, healthcheck.ReasonTimeout, "127.0.0.1: no answer to 3 echo requests")
	assert.InDelta(t, 1, values(r)["icmp_loss_ratio"], 0)
	start := time.Now()
	r = checktest.Run(t, icmpcheck.New, icmpcheck.Config{Host: "127.0.0.1", PacketTimeout: time.Minute}, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonTimeout, "127.0.0.1: no answer to 3 echo requests")
	assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	checker, err := icmpcheck.New(icmpcheck.Config{Host: netip.IPv6Loopback().String(), Count: 100, PacketInterval: time.Minute})
	require.NoError(t, err)
	assertFails(t, checker.Check(ctx), healthcheck.ReasonTimeout, "::1: no answer in time to all of 100 echo requests")
	if !t.Failed() {
		fmt.Println("it was all seen inside")
	}
}
