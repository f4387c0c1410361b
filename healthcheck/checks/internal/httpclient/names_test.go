package httpclient_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

// resolveTo has all names that are asked for in a test be 127.0.0.1. It returns the questions.
func resolveTo(t *testing.T) <-chan string {
	t.Helper()
	asked := make(chan string, 100)
	var config net.ListenConfig
	p, err := config.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	server := checktest.ServeDatagrams(t, p, func(query []byte) [][]byte {
		var m dns.Msg
		if m.Unpack(query) != nil || len(m.Question) == 0 {
			return nil
		}
		reply := new(dns.Msg).SetReply(&m)
		if q := m.Question[0]; q.Qtype == dns.TypeA {
			asked <- q.Name
			reply.Answer = append(reply.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
		}
		out, err := reply.Pack()
		if err != nil {
			return nil
		}
		return [][]byte{out}
	})
	original := net.DefaultResolver
	net.DefaultResolver = checktest.Resolver(t, server)
	t.Cleanup(func() { net.DefaultResolver = original })
	return asked
}

// One name has one meaning: in the question to the DNS, in the handshake, in the request, and after a redirect.
func TestInternationalizedNames(t *testing.T) {
	const ascii = "xn--bcher-kva.example"
	asked := resolveTo(t)
	ca := certstest.NewCA(t)
	type request struct{ host, serverName string }
	got := make(chan request, 2)
	var url string
	url = serveTLS(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, time.Now().Add(time.Hour), ascii)}}, func(w http.ResponseWriter, req *http.Request) {
		got <- request{req.Host, req.TLS.ServerName}
		if req.URL.Path == "/" {
			w.Header().Set("Location", strings.Replace(url, "127.0.0.1", "BÜCHER.example", 1)+"/next")
			w.WriteHeader(http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, req.Header.Get("X-Key"))
	})
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			a, err := do(t, httpclient.Settings{
				URL: strings.Replace(url, "127.0.0.1", "bücher.example", 1), EnableHTTP2: http2, Follow: follow, WholeBody: true,
				Headers: map[string]string{"X-Key": "is kept"}, TLSConfig: config.TLSConfig{CA: ca.PEM},
			})
			require.NoError(t, err)
			assert.Equal(t, "is kept", string(a.Body), "it is the same host")
			_, port, _ := net.SplitHostPort(host(url))
			for range 2 {
				assert.Equal(t, ascii+".", <-asked)
				assert.Equal(t, request{ascii + ":" + port, ascii}, <-got)
			}
		})
	}
}

// People read a name as it is written.
func TestInternationalizedNameInText(t *testing.T) {
	resolveTo(t)
	_, port, _ := net.SplitHostPort(checktest.Closed(t))
	for wire, http2 := range wires {
		t.Run(wire, func(t *testing.T) {
			_, err := do(t, httpclient.Settings{URL: "http://bücher.example:" + port, EnableHTTP2: http2})
			assert.EqualError(t, err, "connect to bücher.example:"+port+": connection refused")
		})
	}
}
