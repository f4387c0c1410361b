package udpcheck_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
)

// TestChrony asks a real time server (RFC 5905), which gives back when it was asked.
func TestChrony(t *testing.T) {
	p := listen(t, "127.0.0.1")
	address := p.LocalAddr().String()
	require.NoError(t, p.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	dir := t.TempDir()
	file := filepath.Join(dir, "chrony.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil,
		"port %s\nbindaddress 127.0.0.1\nallow 127.0.0.1\nlocal stratum 5\ncmdport 0\nbindcmdaddress /\npidfile %s/pid\n", port, dir), 0o644))
	checktest.Start(t, "chrony", "chronyd", "-x", "-n", "-U", "-u", "nobody", "-f", file)

	query := "23" + strings.Repeat("00", 39) + "0123456789abcdef"
	c := udpcheck.Config{Address: address, RetryInterval: 100 * time.Millisecond, Dialog: steps{{
		SendHex:   query,                                                                     // version 4, client, and the time of sending
		ExpectHex: "24 05 ????" + strings.Repeat("??", 20) + "0123456789abcdef {received:8}", // in step, server, stratum 5
	}}}
	require.Eventually(t, func() bool { return !runFor(t, c, 5*time.Second).Failed() }, 30*time.Second, 20*time.Millisecond)
	checktest.RequireOK(t, run(t, c))
	c.Dialog[0].ExpectHex = "24 01"
	r := runFor(t, c, checktest.Timeout)
	assertFails(t, r, healthcheck.ReasonBody, `no answer begins with 24 01 in time; its last answer is "2405`)
}
