package httpclient_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

// outcome is what a run makes of a server.
type outcome struct {
	status int                // of the answer; 0: there is none
	body   string             // where it arrived
	reason healthcheck.Reason // of the error, or of that of the body
	text   string             // part of it
}

// odd is a server that is not as it should be, or rarely seen.
type odd struct {
	name   string
	method string         // of the request
	says   string         // after the request
	then   func(net.Conn) // after that; nil: it closes the connection
	keeps  bool           // it waits for the next request instead
	want   outcome
	extra  bool     // it says more than an answer
	pooled *outcome // where net/http sees it in another way
}

const ok = "HTTP/1.1 200 OK\r\n"

func okBody(body string) outcome { return outcome{status: 200, body: body} }

func fails(text string) outcome { return outcome{reason: healthcheck.ReasonProtocol, text: text} }

func bodyFails(text string) outcome {
	return outcome{status: 200, reason: healthcheck.ReasonProtocol, text: text}
}

// late is for servers that do not come to an end.
func late(status int, text string) outcome {
	return outcome{status: status, reason: healthcheck.ReasonTimeout, text: text + ": timed out after "}
}

// again writes text until the other side has gone.
func again(text string) func(net.Conn) {
	text = strings.Repeat(text, 1+1000/len(text))
	return func(conn net.Conn) {
		for {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

// drip writes text again and again, too slowly to come to an end.
func drip(text string) func(net.Conn) {
	return func(conn net.Conn) {
		pace := time.NewTicker(5 * time.Millisecond)
		defer pace.Stop()
		for range pace.C {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

func reset(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) }

const (
	cut     = "read the answer of PEER: the peer closed the connection"
	chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
)

var odds = []odd{
	// Status lines.
	{name: "plain", says: ok + "Content-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "no reason phrase", says: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "odd reason phrase", says: "HTTP/1.1 200 \xff\x01\r\nContent-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "HTTP/1.0", says: "HTTP/1.0 200 OK\r\n\r\nhi", want: okBody("hi")},
	{name: "HTTP/1.0 kept", says: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", keeps: true, want: okBody("hi")},
	{name: "HTTP/0.9", says: "<html>hi</html>\r\n", want: fails(`read the answer of PEER: malformed HTTP response "<html>hi</html>"`)},
	{name: "version 9.9", says: "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "version without number", says: "HTTP/one 200 OK\r\n\r\n", want: fails(`malformed HTTP version "HTTP/one"`)},
	{name: "lower case", says: "http/1.1 200 OK\r\n\r\n", want: fails(`malformed HTTP version "http/1.1"`)},
	{name: "status of two digits", says: "HTTP/1.1 20 OK\r\n\r\n", want: fails(`malformed HTTP status code "20"`)},
	{name: "status of four digits", says: "HTTP/1.1 2000 OK\r\n\r\n", want: fails(`malformed HTTP status code "2000"`)},
	{name: "status is a word", says: "HTTP/1.1 fine OK\r\n\r\n", want: fails(`malformed HTTP status code "fine"`)},
	{name: "negative status", says: "HTTP/1.1 -20 OK\r\n\r\n", want: fails(`malformed HTTP status code "-20"`)},
	{name: "status 999", says: "HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nhi", want: outcome{status: 999, body: "hi"}},
	{name: "empty line first", says: "\r\n" + ok + "\r\n", want: fails(`malformed HTTP response ""`)},
	{name: "LF only", says: "HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", want: okBody("hi")},
	{name: "CR only", says: "HTTP/1.1 200 OK\rContent-Length: 2\r\rhi", want: fails("read the answer of PEER: ")},
	{name: "other protocol", says: "SSH-2.0-OpenSSH_9.9\r\n", want: fails(`malformed HTTP response "SSH-2.0-OpenSSH_9.9"`)},
	{name: "other protocol, holds on", says: "SSH-2.0-OpenSSH_9.9\r\n", then: hold, want: fails(`malformed HTTP response "SSH-2.0-OpenSSH_9.9"`)},
	{name: "TLS alert", says: "\x15\x03\x01\x00\x02\x02\x46\n", want: fails("the peer speaks TLS, the URL should begin with https")},
	{name: "HTTP/2 settings", says: "\x00\x00\x00\x04\x00\x00\x00\x00\x00\n", want: fails("malformed HTTP response")},
	{name: "nothing", want: fails("wait for the answer of PEER: the peer closed the connection")},
	{name: "reset", then: reset, want: fails("wait for the answer of PEER: connection reset by peer")},
	{name: "silence", then: hold, want: late(0, "wait for the answer of PEER")},
	{name: "half a status line", says: "HTTP/1.1 2", then: hold, want: late(0, "read the answer of PEER")},
	{name: "endless status line", says: "HTTP/1.1 200 ", then: again("x"), want: fails("header is longer than 65536 bytes")},

	// Headers.
	{name: "obsolete folding", says: ok + "X-A: a\r\n b\r\nContent-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "folding at once", says: ok + " b\r\nContent-Length: 2\r\n\r\nhi", want: fails("malformed MIME header initial line")},
	{name: "NUL in a value", says: ok + "X-A: a\x00b\r\nContent-Length: 2\r\n\r\nhi", want: fails("malformed MIME header")},
	{name: "NUL in a name", says: ok + "X-\x00: a\r\nContent-Length: 2\r\n\r\nhi", want: fails("malformed MIME header line")},
	{name: "space before the colon", says: ok + "Content-Length : 2\r\n\r\nhi", want: okBody("hi")},
	{name: "no colon", says: ok + "no colon\r\n\r\n", want: fails(`malformed MIME header: missing colon: "no colon"`)},
	{name: "no colon, then closed", says: ok + "no colon\r\n", want: fails(`malformed MIME header: missing colon: "no colon"`)},
	{name: "no name", says: ok + ": a\r\n\r\n", want: fails("malformed MIME header line")},
	{name: "cut in a line", says: ok + "Content-Le", want: fails(cut), pooled: &outcome{reason: healthcheck.ReasonProtocol, text: `malformed MIME header: missing colon: "Content-Le"`}},
	{name: "cut between lines", says: ok + "X-A: b\r\n", want: fails(cut)},
	{name: "reset in the header", says: ok + "X-A: b\r\n", then: reset, want: fails("read the answer of PEER: ")},
	{name: "60 KiB", says: ok + "X-A: " + strings.Repeat("a", 60<<10) + "\r\nContent-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "70 KiB", says: ok + "X-A: " + strings.Repeat("a", 70<<10) + "\r\nContent-Length: 2\r\n\r\nhi", want: fails("header is longer than 65536 bytes")},
	{name: "endless line", says: ok + "X-A: ", then: again("a"), want: fails("header is longer than 65536 bytes")},
	{name: "endless headers", says: ok, then: again("X-A: b\r\n"), want: fails("header is longer than 65536 bytes")},
	{name: "headers drip", says: ok, then: drip("X-A: b\r\n"), want: late(0, "read the answer of PEER")},

	// Informational answers.
	{name: "informational answers", says: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "nothing but an informational answer", says: "HTTP/1.1 103 Early Hints\r\n\r\n", want: fails(cut)},
	{name: "endless informational answers", then: again("HTTP/1.1 103 Early Hints\r\n\r\n"), want: fails("header is longer than 65536 bytes"), pooled: &outcome{reason: healthcheck.ReasonProtocol, text: "read the answer of PEER: "}},
	{name: "informational answers drip", then: drip("HTTP/1.1 103 Early Hints\r\n\r\n"), want: late(0, "read the answer of PEER")},
	{name: "upgrade that nobody asked for", says: "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi", then: hold, want: outcome{status: 101}},

	// Lengths.
	{name: "no length", says: ok + "\r\nhi", want: okBody("hi")},
	{name: "length 0", says: ok + "Content-Length: 0\r\n\r\n", keeps: true, want: okBody("")},
	{name: "more than the length", extra: true, says: ok + "Content-Length: 2\r\n\r\nhi there", want: okBody("hi")},
	{name: "less than the length", says: ok + "Content-Length: 5\r\n\r\nhi", want: bodyFails(cut)},
	{name: "less than the length, then reset", says: ok + "Content-Length: 5\r\n\r\nhi", then: reset, want: bodyFails("read the answer of PEER: ")},
	{name: "less than the length, holds on", says: ok + "Content-Length: 5\r\n\r\nhi", then: hold, want: late(200, "read the answer of PEER")},
	{name: "length twice, the same", says: ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", want: okBody("hi")},
	{name: "length twice, in one line", says: ok + "Content-Length: 2, 2\r\n\r\nhi", want: fails(`bad Content-Length "2, 2"`)},
	{name: "lengths that differ", says: ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", want: fails("message cannot contain multiple Content-Length headers")},
	{name: "negative length", says: ok + "Content-Length: -2\r\n\r\nhi", want: fails(`bad Content-Length "-2"`)},
	{name: "length with a plus", says: ok + "Content-Length: +2\r\n\r\nhi", want: fails(`bad Content-Length "+2"`)},
	{name: "empty length", says: ok + "Content-Length:\r\n\r\nhi", want: fails("invalid empty Content-Length")},
	{name: "length beyond 63 bits", says: ok + "Content-Length: 9223372036854775808\r\n\r\nhi", want: fails(`bad Content-Length "9223372036854775808"`)},
	{name: "huge length", says: ok + "Content-Length: 9223372036854775807\r\n\r\nhi", want: bodyFails(cut)},
	{name: "length and chunks", says: ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", want: okBody("hi")},
	{name: "body drips", says: ok + "\r\n", then: drip("x"), want: late(200, "read the answer of PEER")},

	// No body.
	{name: "HEAD", method: "HEAD", says: ok + "Content-Length: 2\r\n\r\n", keeps: true, want: okBody("")},
	{name: "HEAD with a body", extra: true, method: "HEAD", says: ok + "Content-Length: 2\r\n\r\nhi", want: okBody("")},
	{name: "HEAD with gzip", method: "HEAD", says: ok + "Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n", keeps: true, want: okBody("")},
	{name: "204 with a body", extra: true, says: "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nhi", want: outcome{status: 204}},
	{name: "304 with a body", extra: true, says: "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nhi", want: outcome{status: 304}},

	// Chunks.
	{name: "chunks", says: chunked + "2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n", keeps: true, want: okBody("hi!")},
	{name: "chunks with extensions", says: chunked + "2;a=b;c\r\nhi\r\n0;x\r\n\r\n", keeps: true, want: okBody("hi")},
	{name: "chunks with trailers", says: chunked + "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", keeps: true, want: okBody("hi")},
	{name: "chunks with LF only", says: chunked + "2\nhi\n0\n\n", want: bodyFails("read the answer of PEER: ")},
	{name: "chunk of no number", says: chunked + "zz\r\nhi\r\n", want: bodyFails("invalid byte in chunk length")},
	{name: "chunk of a negative number", says: chunked + "-2\r\nhi\r\n", want: bodyFails("invalid byte in chunk length")},
	{name: "chunk beyond 64 bits", says: chunked + "fffffffffffffffff\r\nhi\r\n", want: bodyFails("http chunk length too large")},
	{name: "chunk longer than its number", says: chunked + "2\r\nhi there\r\n0\r\n\r\n", want: bodyFails("malformed chunked encoding")},
	{name: "chunk that is cut", says: chunked + "5\r\nhi", want: bodyFails(cut)},
	{name: "cut between chunks", says: chunked + "2\r\nhi\r\n", want: bodyFails(cut)},
	{name: "cut before the trailer's end", says: chunked + "2\r\nhi\r\n0\r\n", want: bodyFails("read the answer of PEER: ")},
	{name: "endless extension", says: chunked + "2;", then: again("x"), want: bodyFails("read the answer of PEER: ")},
	{name: "endless trailer", says: chunked + "2\r\nhi\r\n0\r\n", then: again("X-A: b\r\n"), want: bodyFails("http: suspiciously long trailer after chunked body")},
	{name: "chunks drip", says: chunked, then: drip("1\r\nx\r\n"), want: late(200, "read the answer of PEER")},
	{name: "other transfer coding", says: ok + "Transfer-Encoding: gzip\r\n\r\nhi", want: fails(`unsupported transfer encoding: "gzip"`)},
	{name: "two transfer codings", says: ok + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", want: fails(`unsupported transfer encoding: "gzip, chunked"`)},
}

// Every odd server is told in the same way whichever wire a check has, but for what is said here.
func TestOddServers(t *testing.T) {
	for _, tt := range odds {
		for wire, http2 := range wires {
			t.Run(tt.name+" "+wire, func(t *testing.T) {
				address := serveRaw(t, tt.serve)
				want := tt.want
				if http2 && tt.pooled != nil {
					want = *tt.pooled
				}
				client := newClient(t, httpclient.Settings{URL: "http://" + address, Method: tt.method, EnableHTTP2: http2, WholeBody: true})
				timeout := 5 * time.Second
				if want.reason == healthcheck.ReasonTimeout {
					timeout = checktest.Timeout
				}
				start := time.Now()
				a, err := doFor(t, client, timeout)
				assert.Less(t, time.Since(start), checktest.Timeout+checktest.Promptly)
				want.require(t, a, err, address)
			})
		}
	}
	assert.Greater(t, len(odds), 60)
}

// A connection that an odd server has used must not serve the next run.
func TestOddServersWithKeptConnections(t *testing.T) {
	for _, tt := range odds {
		if tt.want.reason == healthcheck.ReasonTimeout {
			continue
		}
		for wire, http2 := range wires {
			if tt.extra && http2 {
				continue // net/http may be too late to see it
			}
			t.Run(tt.name+" "+wire, func(t *testing.T) {
				address := serveRaw(t, tt.serve)
				want := tt.want
				if http2 && tt.pooled != nil {
					want = *tt.pooled
				}
				client := newClient(t, httpclient.Settings{URL: "http://" + address, Method: tt.method, EnableHTTP2: http2, KeepAlive: true, WholeBody: true})
				for range 3 {
					a, err := doFor(t, client, 5*time.Second)
					want.require(t, a, err, address)
				}
			})
		}
	}
}

// serve answers requests as the server does, also several over one connection where it does not close that.
func (o *odd) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		_ = req.Body.Close()
		_, _ = io.WriteString(conn, o.says)
		if o.then != nil {
			o.then(conn)
		}
		if !o.keeps {
			return
		}
	}
}

func (want *outcome) require(t *testing.T, a *httpclient.Answer, err error, address string) {
	t.Helper()
	if want.status == 0 {
		require.Nil(t, a.Response)
	} else {
		require.NoError(t, err)
		require.Equal(t, want.status, a.Response.StatusCode)
		err = a.BodyErr
	}
	if want.reason == healthcheck.ReasonNone {
		require.NoError(t, err)
		require.Equal(t, want.body, string(a.Body))
		return
	}
	require.Error(t, err)
	require.Equal(t, want.reason, healthcheck.ReasonOf(err), "%v", err)
	require.Contains(t, err.Error(), strings.ReplaceAll(want.text, "PEER", address))
	require.NotContains(t, err.Error(), "->", "no local port")
}
