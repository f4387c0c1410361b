package hello_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/hello"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask connects to the address and asks.
func ask(t *testing.T, address string, o hello.Offer) (hello.Choice, bool, error) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	return hello.Ask(conn, o)
}

// serve speaks TLS with a certificate for RSA, which all versions know.
func serve(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cfg.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	l := checktest.Listen(t, "127.0.0.1")
	checktest.Serve(t, l, func(conn net.Conn) { _ = tls.Server(conn, cfg).Handshake() })
	return l.Addr().String()
}

var versions = []uint16{hello.VersionSSL30, tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}

// TestVersions: each server has one version, and is found to have that one alone. It is also what a server chooses of an
// offer of a newer one.
func TestVersions(t *testing.T) {
	for _, has := range versions[1:] {
		t.Run(hello.VersionName(has), func(t *testing.T) {
			address := serve(t, &tls.Config{MinVersion: has, MaxVersion: has})
			for _, version := range versions {
				choice, ok, err := ask(t, address, hello.Offer{Version: version, Suites: hello.SuitesOf(version), ServerName: "a.example.org"})
				require.NoError(t, err)
				assert.Equal(t, version == has, ok && choice.Version == version, hello.VersionName(version))
				if ok {
					assert.Equal(t, has, choice.Version)
					assert.NotZero(t, choice.Suite)
				}
			}
		})
	}
}

func TestWeakSuites(t *testing.T) {
	offer := hello.Offer{Version: tls.VersionTLS12, Suites: hello.WeakSuites()}
	for _, suite := range []uint16{tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA} {
		address := serve(t, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, suite}})
		choice, ok, err := ask(t, address, offer)
		require.NoError(t, err)
		require.True(t, ok)
		name, isWeak := hello.WeakName(choice.Suite)
		assert.True(t, isWeak)
		assert.Equal(t, tls.CipherSuiteName(suite), name)
	}
	_, ok, err := ask(t, serve(t, &tls.Config{MinVersion: tls.VersionTLS12}), offer)
	require.NoError(t, err)
	assert.False(t, ok)
	_, isWeak := hello.WeakName(tls.TLS_AES_128_GCM_SHA256)
	assert.False(t, isWeak)
}

// TestNamesOfSuites holds what crypto/tls knows of them against the names here.
func TestNamesOfSuites(t *testing.T) {
	known := 0
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		name, isWeak := hello.WeakName(suite.ID)
		broken := strings.Contains(suite.Name, "RC4") || strings.Contains(suite.Name, "3DES")
		assert.Equal(t, broken, isWeak, suite.Name)
		if isWeak {
			known++
			assert.Equal(t, suite.Name, name)
		}
	}
	assert.Positive(t, known)
	assert.Equal(t, "SSL 3.0", hello.VersionName(hello.VersionSSL30))
	assert.Equal(t, "0x7777", hello.VersionName(0x7777))
}

// TestAnswers: what is refused, what is chosen, and what is no answer.
func TestAnswers(t *testing.T) {
	const chosen = "\x03\x01" + "0123456789abcdef0123456789abcdef" + "\x00" + "\x00\x2f" + "\x00"
	message := func(body string) string { return "\x02\x00\x00" + string(rune(len(body))) + body }
	record := func(text string) string { return "\x16\x03\x01\x00" + string(rune(len(text))) + text }
	whole := message(chosen)
	for _, tc := range []struct {
		what, answer string
		accepted     bool
		mistake      string
	}{
		{"closed", "", false, ""},
		{"cut in the record", record(whole)[:20], false, ""},
		{"a fatal alert", "\x15\x03\x01\x00\x02\x02\x46", false, ""},
		{"a farewell", "\x15\x03\x01\x00\x02\x01\x00", false, ""},
		{"chosen", record(whole), true, ""},
		{"chosen, in pieces", record(whole[:3]) + record(whole[3:10]) + record(whole[10:]), true, ""},
		{"chosen after a warning", "\x15\x03\x01\x00\x02\x01\x70" + record(whole), true, ""},
		{"warnings without end", strings.Repeat("\x15\x03\x01\x00\x02\x01\x70", 10), false, "it has no end"},
		{"an empty record", "\x16\x03\x01\x00\x00", false, "it does not begin as one"},
		{"a long record", "\x16\x03\x01\xff\xff", false, "it does not begin as one"},
		{"http", "HTTP/1.1 400 Bad Request\r\n\r\n", false, "it does not begin as one"},
		{"another message", record("\x0b\x00\x00\x00"), false, "it is no ServerHello"},
		{"a short message", record(message("\x03\x01")), false, "the ServerHello is cut"},
		{"short extensions", record(message(chosen + "\x00\x09")), false, "the ServerHello is cut"},
		{"a short extension", record(message(chosen + "\x00\x02\x00\x2b")), false, "the ServerHello is cut"},
		{"no version in its extension", record(message(chosen + "\x00\x04\x00\x2b\x00\x00")), false, "the ServerHello is cut"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			l := checktest.Listen(t, "127.0.0.1")
			checktest.Serve(t, l, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, tc.answer)
			})
			choice, accepted, err := ask(t, l.Addr().String(), hello.Offer{Version: tls.VersionTLS10, Suites: []uint16{0x2f}})
			assert.Equal(t, tc.accepted, accepted)
			if tc.mistake == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, "the answer is not one of TLS: "+tc.mistake)
				assert.Equal(t, healthcheck.ReasonProtocol, healthcheck.ReasonOf(err))
			}
			if accepted {
				assert.Equal(t, hello.Choice{Version: tls.VersionTLS10, Suite: 0x2f}, choice)
			}
		})
	}
}

// TestSilence: that nobody answers is no refusal.
func TestSilence(t *testing.T) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	defer far.Close()
	defer near.Close()
	require.NoError(t, near.SetDeadline(time.Now().Add(50*time.Millisecond)))
	_, accepted, err := hello.Ask(near, hello.Offer{Version: tls.VersionTLS10, Suites: []uint16{0x2f}})
	assert.False(t, accepted)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func FuzzAsk(f *testing.F) {
	f.Add([]byte("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x010123456789abcdef0123456789abcdef\x00\x00\x2f\x00"))
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x46"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 4096))
			_, _ = far.Write(answer)
			_ = far.Close()
		}()
		defer near.Close()
		_, accepted, err := hello.Ask(near, hello.Offer{Version: tls.VersionTLS10, Suites: []uint16{0x2f}})
		assert.False(t, accepted && err != nil)
	})
}
