package exporter_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter"
)

// runAndStop gives the sockets of an exporter back, as Run does also when there is nothing left to do.
func runAndStop(t *testing.T, e *exporter.Exporter) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, e.Run(ctx))
}

func TestSeveralAddresses(t *testing.T) {
	t.Parallel()
	second, third := freeAddress(t, "127.0.0.1"), freeAddress(t, "[::1]")
	s := newTarget(t)
	r := start(t, newConfigFile(t, "checks:\n"+s.check("central")).path, func(o *exporter.Options) {
		o.ListenAddresses = append(o.ListenAddresses, second, third)
	})
	eventually(t, r.ready)
	for _, address := range []string{r.Addr().String(), second, third} {
		assert.Equal(t, http.StatusOK, r.do(t, http.MethodGet, "http://"+address+"/status").Code, address)
	}
	require.NoError(t, r.stop())
	for _, address := range []string{r.Addr().String(), second, third} {
		requireFree(t, address)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	first := freeAddress(t, "127.0.0.1")
	o := options(newConfigFile(t, "checks: []\n").path, &logBuffer{})
	o.ListenAddresses = []string{first, taken.Addr().String()}
	_, err = exporter.New(t.Context(), o)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.ErrorContains(t, err, taken.Addr().String())
	requireFree(t, first)
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"nonsense", "127.0.0.1:99999", "127.0.0.1:-1", "[::1", "vsock://nonsense", "http://127.0.0.1:0", "192.0.2.1:0"} {
		o := options(newConfigFile(t, "checks: []\n").path, &logBuffer{})
		o.ListenAddresses = []string{address}
		_, err := exporter.New(t.Context(), o)
		assert.ErrorContains(t, err, address)
	}
}

func TestBadConfigurationGivesSocketsBack(t *testing.T) {
	t.Parallel()
	address := freeAddress(t, "127.0.0.1")
	o := options(newConfigFile(t, "checks: [ { endpoint: a } ]\n").path, &logBuffer{})
	o.ListenAddresses = []string{address}
	_, err := exporter.New(t.Context(), o)
	require.Error(t, err)
	requireFree(t, address)
}

// TestDefaultConfiguration starts without a file: real results at once, and the exporter's own check finds it
// wherever it listens.
func TestDefaultConfiguration(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0", ":0", "localhost:0"} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			r := start(t, "", func(o *exporter.Options) { o.ListenAddresses = []string{address} })
			port := r.Addr().(*net.TCPAddr).Port
			host, _, err := net.SplitHostPort(address)
			require.NoError(t, err)
			if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
				host = "localhost"
			}
			r.URL = "http://" + net.JoinHostPort(host, strconv.Itoa(port))
			eventually(t, func() bool { return r.has(`healthcheck_status{check="exporter"}`, 1) && r.ready() })
			assert.Less(t, time.Since(began), 2*time.Second)
			text := r.get(t, "/metrics").Body
			for _, check := range []string{"exporter", "disk", "memory", "resolver"} {
				assert.Contains(t, text, `healthcheck_status{check="`+check+`"} `)
			}
			assert.Contains(t, text, fmt.Sprintf(`:%d/-/healthy"} 1`, port), "the target of its own check")
			assert.Contains(t, r.logs.String(), `file="(embedded default)"`)
		})
	}
}

func TestDefaultConfigurationTakesAnotherURL(t *testing.T) {
	s := newTarget(t)
	t.Setenv("HEALTHCHECK_EXPORTER_URL", s.URL+"/elsewhere")
	r := start(t, "")
	eventually(t, r.ready)
	assert.Equal(t, 1, s.count("elsewhere/-/healthy"))
}

func freeAddress(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func requireFree(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err, "nobody listens any more")
	require.NoError(t, l.Close())
}

// activatedVariable makes the test binary an exporter that systemd has started.
const activatedVariable = "TEST_EXPORTER_ACTIVATED"

// serveActivated is the main function of that exporter. It writes "error: ..." or the number of its own file of
// checks, and serves until SIGTERM.
func serveActivated() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())); err != nil { // only systemd knows it beforehand
		panic(err)
	}
	o := options(os.Getenv(activatedVariable), io.Discard)
	o.SystemdSocket, o.ListenAddresses = true, nil
	e, err := exporter.New(ctx, o)
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("listening on", e.Addr())
	if err := e.Run(ctx); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("stopped")
	return 0
}

// activate starts the exporter with sockets from 3 on.
func activate(t *testing.T, config string, sockets ...*os.File) (*exec.Cmd, *logBuffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), activatedVariable+"="+config, "LISTEN_FDS="+strconv.Itoa(len(sockets)), "LISTEN_FDNAMES=")
	cmd.ExtraFiles = sockets
	out := &logBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return cmd, out
}

func TestSystemdSockets(t *testing.T) {
	t.Parallel()
	s := newTarget(t)
	config := newConfigFile(t, "checks:\n"+s.check("central")).path
	datagrams, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer datagrams.Close()
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer stream.Close()
	udp, err := datagrams.File()
	require.NoError(t, err)
	defer udp.Close()
	tcp, err := stream.(*net.TCPListener).File()
	require.NoError(t, err)
	defer tcp.Close()

	cmd, out := activate(t, config, udp, tcp)
	c := newClient(t, nil)
	eventually(t, func() bool {
		a, err := c.try(http.MethodGet, "http://"+stream.Addr().String()+"/status")
		return err == nil && a.Code == http.StatusOK
	}, "the datagram socket is passed over")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), out)
	assert.Equal(t, "listening on "+stream.Addr().String()+"\nstopped\n", out.String())
}

func TestSystemdWithoutSockets(t *testing.T) {
	t.Parallel()
	config := newConfigFile(t, "checks: []\n").path
	cmd, out := activate(t, config)
	require.Error(t, cmd.Wait())
	assert.Contains(t, out.String(), "error: systemd has passed no listening socket")
	assert.Equal(t, 1, strings.Count(out.String(), "\n"))
}
