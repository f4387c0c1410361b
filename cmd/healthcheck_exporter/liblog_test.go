package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestLibraryLog runs a check of a peer that breaks the rules of HTTP/2, about which net/http has something to say.
func TestLibraryLog(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	config := &tls.Config{Certificates: certificate.TLS.Certificates, NextProtos: []string{"h2"}}
	certificate.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	done := make(chan struct{})
	defer func() { _ = l.Close(); <-done }()
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			dataAfterEnd(conn)
			_ = conn.Close()
		}
	}()
	yaml := "checks:\n- { endpoint: a, http: { url: 'https://" + l.Addr().String() + "/', enable_http2: true, tls_config: { insecure_skip_verify: true } } }\n"
	file := writeConfig(t, yaml)
	eventually(t, func() bool { // the process may end before net/http has come to the second frame
		got := call(t.Context(), "check", "--log.level=warn", "--log.format=json", "--config.file="+file)
		for line := range strings.Lines(got.stderr) {
			assert.True(t, json.Valid([]byte(line)), line)
		}
		return strings.Contains(got.stderr, "received DATA after END_STREAM")
	})

	// What a peer said may be a secret that it was sent.
	var out bytes.Buffer
	_, err = libraryLog{slog.New(slog.NewTextHandler(&out, nil))}.Write([]byte(`Unsolicited response starting with "Bearer \"sesame"; err=<nil>` + "\n"))
	require.NoError(t, err)
	assert.Contains(t, out.String(), "Unsolicited response starting with")
	assert.NotContains(t, out.String(), "sesame")
}

// dataAfterEnd answers one request with a header that ends the stream, and then with data.
func dataAfterEnd(conn net.Conn) {
	if _, err := io.ReadFull(conn, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(conn, conn)
	_ = framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		if headers, ok := frame.(*http2.HeadersFrame); ok {
			var block bytes.Buffer
			_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
			_ = framer.WriteSettingsAck()
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: headers.StreamID, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
			_ = framer.WriteData(headers.StreamID, false, []byte("more"))
		}
	}
}
