package httpclient_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/httpclient"
)

// encode returns text in the coding, which is one of those of RFC 9110, or raw for deflate without the format around it.
func encode(t testing.TB, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, flate.BestCompression)
	case "br":
		w = brotli.NewWriter(&b)
	}
	_, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// serveCoded answers with a body and what it says the coding is.
func serveCoded(t testing.TB, coding, body string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for value := range strings.SplitSeq(coding, "|") {
			w.Header().Add("Content-Encoding", value)
		}
		_, _ = io.WriteString(w, body)
	})
}

func TestContentCoding(t *testing.T) {
	const text = "all is well"
	random := make([]byte, 100<<10)
	_, _ = rand.Read(random)
	truncated := encode(t, "gzip", text)
	truncated = truncated[:len(truncated)-6]
	damaged := encode(t, "gzip", string(random))
	damaged = damaged[:5000] + "xxxx" + damaged[5004:]
	for _, tt := range []struct {
		name, coding, body string
		want               string // the body
		status             string // part of the error where only the status matters; - for that of whole
		whole              string // part of the error
	}{
		{name: "gzip", coding: "gzip", body: encode(t, "gzip", text), want: text},
		{name: "x-gzip", coding: "X-GZip", body: encode(t, "gzip", text), want: text},
		{name: "gzip of two members", coding: "gzip", body: encode(t, "gzip", "all ") + encode(t, "gzip", "is well"), want: text},
		{name: "deflate", coding: "deflate", body: encode(t, "deflate", text), want: text},
		{name: "raw deflate", coding: "deflate", body: encode(t, "raw", text), want: text},
		{name: "br", coding: "br", body: encode(t, "br", text), want: text},
		{name: "identity", coding: "identity", body: text, want: text},
		{name: "two", coding: "br, gzip", body: encode(t, "gzip", encode(t, "br", text)), want: text},
		{name: "two lines", coding: "br|gzip", body: encode(t, "gzip", encode(t, "br", text)), want: text},
		{name: "large", coding: "gzip", body: encode(t, "gzip", string(random)), want: string(random)},
		{name: "empty", coding: "gzip", body: "", want: ""},
		{name: "empty content", coding: "br", body: encode(t, "br", ""), want: ""},
		{name: "three", coding: "gzip, gzip, gzip", body: text, whole: "body has 3 content codings, one upon another; at most 2 are decoded"},
		{name: "unknown", coding: "zstd", body: text, whole: `body has the content coding "zstd", which is not decoded`},
		{name: "not gzip", coding: "gzip", body: text, status: "-", whole: "content coding gzip: gzip: invalid header"},
		{name: "not deflate", coding: "deflate", body: "\xff" + text, status: "-", whole: "content coding deflate: flate: corrupt input"},
		{name: "not br", coding: "br", body: "\xff\xff" + text, status: "-", whole: "content coding br: brotli: "},
		{name: "cut gzip", coding: "gzip", body: truncated, status: "-", whole: "content coding gzip: ends too early"},
		{name: "one byte", coding: "gzip", body: "\x1f", status: "-", whole: "content coding gzip: ends too early"},
		{name: "damaged gzip", coding: "gzip", body: damaged, status: "-", whole: "content coding gzip: "},
	} {
		for wire, http2 := range wires {
			for name, whole := range map[string]bool{"status": false, "whole": true} {
				t.Run(strings.Join([]string{tt.name, name, wire}, " "), func(t *testing.T) {
					want := tt.whole
					if !whole && tt.status != "-" {
						want = tt.status
					}
					client := newClient(t, httpclient.Settings{URL: serveCoded(t, tt.coding, tt.body), EnableHTTP2: http2, WholeBody: whole})
					for range 2 { // what was used is used again
						a, err := doFor(t, client, checktest.Promptly)
						require.NoError(t, err)
						if want != "" {
							require.ErrorContains(t, a.BodyErr, want)
							assert.Equal(t, healthcheck.ReasonBody, healthcheck.ReasonOf(a.BodyErr))
							continue
						}
						require.NoError(t, a.BodyErr)
						if tt.whole != "" {
							assert.Empty(t, a.Body, "nobody can read it")
							continue
						}
						assert.EqualValues(t, len(tt.want), a.Size)
						if whole {
							assert.Equal(t, tt.want, string(a.Body))
						}
					}
				})
			}
		}
	}
}

// A small answer must not become a large one.
func TestContentCodingIsBounded(t *testing.T) {
	zeros := strings.Repeat("\x00", 8<<20)
	members := strings.Repeat(encode(t, "gzip", ""), 1<<17) // 3 MiB of nothing
	for _, tt := range []struct {
		name, coding, body string
		limit              int64
		cut                bool
		text               string
	}{
		{name: "size", coding: "br", body: encode(t, "br", zeros), cut: true},
		{name: "ratio of br", coding: "br", body: encode(t, "br", zeros), limit: 64 << 20, text: "content coding br: expands to more than 100 times its size"},
		{name: "ratio of gzip", coding: "gzip", body: encode(t, "gzip", zeros), limit: 64 << 20, text: "content coding gzip: expands to more than 100 times its size"},
		{name: "ratio of the inner of two", coding: "gzip, br", body: encode(t, "br", encode(t, "gzip", zeros)), limit: 64 << 20, text: "content coding gzip: expands to more than 100 times its size"},
		{name: "nothing but members", coding: "gzip", body: members, text: "content coding gzip: is larger than its content may be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := do(t, httpclient.Settings{URL: serveCoded(t, tt.coding, tt.body), MaxBodyBytes: tt.limit, WholeBody: true})
			require.NoError(t, err)
			assert.Equal(t, tt.cut, a.Cut)
			if tt.text == "" {
				require.NoError(t, a.BodyErr)
			} else {
				require.ErrorContains(t, a.BodyErr, tt.text)
			}
			assert.LessOrEqual(t, a.Size, int64(8<<20))
		})
	}
}

func TestAcceptEncoding(t *testing.T) {
	got := make(chan []string, 1)
	server := serve(t, func(_ http.ResponseWriter, req *http.Request) { got <- req.Header["Accept-Encoding"] })
	for wire, http2 := range wires {
		for want, asked := range map[string][]string{"": nil, "gzip": {"gzip"}, "br, gzip": {"br", "gzip"}} {
			t.Run(want+" "+wire, func(t *testing.T) {
				_, err := do(t, httpclient.Settings{URL: server, EnableHTTP2: http2, AcceptEncoding: asked})
				require.NoError(t, err)
				assert.Equal(t, want, strings.Join(<-got, "|"))
			})
		}
	}
}
