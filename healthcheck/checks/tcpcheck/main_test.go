package tcpcheck_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run builds the check and runs it once with a deadline that none of the servers here needs.
func run(t *testing.T, c tcpcheck.Config) healthcheck.Result {
	t.Helper()
	return runFor(t, c, time.Minute)
}

func runFor(t *testing.T, c tcpcheck.Config, timeout time.Duration) healthcheck.Result {
	t.Helper()
	return checktest.Run(t, tcpcheck.New, c, timeout)
}

// values returns what was measured, by name, the phases by their label.
func values(r healthcheck.Result) map[string]float64 { return checktest.Values(r, "phase") }

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 500)
}

// serve gives each connection to handle, which may return early, and returns the address.
func serve(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, handle)
	return l.Addr().String()
}

// say returns a handler that sends the parts and closes the connection when the peer has.
func say(parts ...string) func(net.Conn) {
	return func(conn net.Conn) {
		for _, p := range parts {
			_, _ = conn.Write([]byte(p))
		}
		drain(conn)
	}
}

// sayAndClose returns a handler that sends text and closes the connection, but in order: closing before all is read
// would be a reset.
func sayAndClose(text string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = conn.Write([]byte(text))
		_ = conn.(*net.TCPConn).CloseWrite()
		drain(conn)
	}
}

func drain(conn net.Conn) {
	for buf := make([]byte, 1024); ; {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

// smtp is a mail server that knows three commands.
func smtp(conn net.Conn) {
	_, _ = conn.Write([]byte("220 mail.example.org ESMTP ready\r\n"))
	for in := bufio.NewScanner(conn); in.Scan(); {
		command, _, _ := strings.Cut(in.Text(), " ")
		switch command {
		case "EHLO":
			_, _ = conn.Write([]byte("250-mail.example.org\r\n250-PIPELINING\r\n250 8BITMIME\r\n"))
		case "AUTH":
			_, _ = conn.Write([]byte("535 refused: " + in.Text() + "\r\n"))
		case "QUIT":
			_, _ = conn.Write([]byte("221 bye\r\n"))
			return
		}
	}
}
