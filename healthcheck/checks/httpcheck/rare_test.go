package httpcheck_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// Each of the expectations that few checks have, both ways.
func TestRareExpectations(t *testing.T) {
	const up = `{"status":"UP","queue":{"depth":7}}`
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header()["X-Powered-By"] = []string{"cgi", "PHP/5.2"}
		switch req.URL.Path {
		case "/moved":
			http.Redirect(w, req, "/there?key=hidden-key#top", http.StatusFound)
		case "/html":
			_, _ = io.WriteString(w, "<html>down</html>")
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, up)
			_ = z.Close()
		case "/empty":
		default:
			_, _ = io.WriteString(w, up)
		}
	})
	sum := sha256.Sum256([]byte(up))
	good := hex.EncodeToString(sum[:])
	other := strings.Repeat("ab", 32)
	tests := []struct {
		name    string
		path    string
		config  httpcheck.Config
		reason  healthcheck.Reason
		details string
	}{
		{name: "json", config: expect(httpcheck.Expect{JSON: []string{`.status == "UP"`, `.queue.depth < 100`}})},
		{name: "json of a coded body", path: "/zipped", config: expect(httpcheck.Expect{JSON: []string{`.status == "UP"`}})},
		{name: "json differs", config: expect(httpcheck.Expect{JSON: []string{`.status == "UP"`, `.queue.depth < 5`}}), reason: healthcheck.ReasonBody, details: "`.queue.depth < 5` is false, want true"},
		{name: "json no truth", config: expect(httpcheck.Expect{JSON: []string{`.status`}}), reason: healthcheck.ReasonBody, details: "`.status` is \"UP\", want true"},
		{name: "json fails", config: expect(httpcheck.Expect{JSON: []string{`.status.deeper`}}), reason: healthcheck.ReasonBody, details: "`.status.deeper` fails: expected an object but got: string (\"UP\")"},
		{name: "no json", path: "/html", config: expect(httpcheck.Expect{JSON: []string{`.`}}), reason: healthcheck.ReasonBody, details: "the body is not JSON: invalid character '<' looking for beginning of value: <html>down</html>"},
		{name: "empty", path: "/empty", config: expect(httpcheck.Expect{JSON: []string{`.`}}), reason: healthcheck.ReasonBody, details: "the body is not JSON: it is empty"},
		{name: "json of a cut body", config: httpcheck.Config{MaxBodyBytes: 10, Expect: httpcheck.Expect{JSON: []string{`true`}}}, reason: healthcheck.ReasonBody, details: "the body goes on after 10 bytes (max_body_bytes), it is not read as JSON"},

		{name: "header not", config: expect(httpcheck.Expect{HeadersNotMatch: map[string]string{"x-powered-by": "ASP", "X-Missing": "."}})},
		{name: "header unwanted", config: expect(httpcheck.Expect{HeadersNotMatch: map[string]string{"x-powered-by": `PHP/\d`}}), reason: healthcheck.ReasonBody, details: "header X-Powered-By is \"PHP/5.2\", which matches `PHP/\\d`, as it should not"},

		{name: "final URL", path: "/moved", config: expect(httpcheck.Expect{FinalURL: `^http://127\.0\.0\.1:\d+/there\?key=hidden-key$`})},
		{name: "final URL differs", path: "/moved", config: expect(httpcheck.Expect{FinalURL: "/moved$"}), reason: healthcheck.ReasonBody, details: "the answer is that of " + server.URL + "/there?key=…, which does not match `/moved$`"},

		{name: "protocol", config: expect(httpcheck.Expect{ProtocolVersion: "1.1"})},
		{name: "protocol differs", config: expect(httpcheck.Expect{ProtocolVersion: "2"}), reason: healthcheck.ReasonProtocol, details: "answered by HTTP/1.1, want HTTP/2"},
		{name: "protocol differs, pooled", config: httpcheck.Config{EnableHTTP2: true, Expect: httpcheck.Expect{ProtocolVersion: "2"}}, reason: healthcheck.ReasonProtocol, details: "answered by HTTP/1.1, want HTTP/2"},

		{name: "size", config: expect(httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "35", Max: "35 B"}})},
		{name: "size without coding", path: "/zipped", config: expect(httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "35", Max: "35"}})},
		{name: "too small", config: expect(httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "36"}}), reason: healthcheck.ReasonBody, details: "the body has 35 bytes, want at least 36: " + up},
		{name: "too large", config: expect(httpcheck.Expect{BodySize: httpcheck.BodySize{Max: "34"}}), reason: healthcheck.ReasonBody, details: "the body has 35 bytes, want at most 34"},
		{name: "too large to know", config: httpcheck.Config{MaxBodyBytes: 20, Expect: httpcheck.Expect{BodySize: httpcheck.BodySize{Max: "20"}}}, reason: healthcheck.ReasonBody, details: "the body has more than 20 bytes, want at most 20"},
		{name: "large enough", config: httpcheck.Config{MaxBodyBytes: 20, Expect: httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "20"}}}, details: "body cut at 20 bytes"},
		{name: "nothing", path: "/empty", config: expect(httpcheck.Expect{BodySize: httpcheck.BodySize{Max: "0"}})},
		{name: "something", config: expect(httpcheck.Expect{BodySize: httpcheck.BodySize{Max: "0"}}), reason: healthcheck.ReasonBody, details: "the body has 35 bytes, want at most 0"},

		{name: "checksum", config: expect(httpcheck.Expect{BodySHA256: strings.ToUpper(good)})},
		{name: "checksum without coding", path: "/zipped", config: expect(httpcheck.Expect{BodySHA256: good})},
		{name: "checksum differs", config: expect(httpcheck.Expect{BodySHA256: other}), reason: healthcheck.ReasonBody, details: "the SHA-256 checksum of the body is " + good + ", want " + other},
		{name: "checksum of a cut body", config: httpcheck.Config{MaxBodyBytes: 10, Expect: httpcheck.Expect{BodySHA256: good}}, reason: healthcheck.ReasonBody, details: "the body goes on after 10 bytes (max_body_bytes), its checksum is not known"},

		{name: "plain", config: expect(httpcheck.Expect{TLSRequired: true}), reason: healthcheck.ReasonTLS, details: "answered by " + strings.TrimPrefix(server.URL, "http://") + " over plain http"},
		{name: "status before all", config: expect(httpcheck.Expect{Status: []string{"404"}, JSON: []string{"false"}, ProtocolVersion: "2"}), reason: healthcheck.ReasonStatus, details: "status 200, want 404: " + up},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.URL = server.URL + tt.path
			res := check(t, tt.config)
			assert.Equal(t, tt.reason.String(), res.Reason.String())
			assert.Equal(t, tt.details, res.Details)
			assert.Equal(t, tt.reason != healthcheck.ReasonNone, res.Failed())
		})
	}
}

func TestRareMistakes(t *testing.T) {
	no := false
	for _, tt := range []struct {
		config httpcheck.Config
		want   []string
	}{
		{httpcheck.Config{Expect: httpcheck.Expect{JSON: []string{".a", ".a =="}}}, []string{"expect.json[1]: \".a ==\" is no jq query: "}},
		{httpcheck.Config{Expect: httpcheck.Expect{HeadersNotMatch: map[string]string{"a b": "x", "X-A": "("}}}, []string{`expect.headers_not_match: "a b" is not the name of a header`, "expect.headers_not_match.X-A: error parsing"}},
		{httpcheck.Config{Expect: httpcheck.Expect{FinalURL: "(", ProtocolVersion: "1"}}, []string{"expect.final_url: error parsing", `expect.protocol_version: "1" is not one of 1.0, 1.1, 2, 3`}},
		{httpcheck.Config{Expect: httpcheck.Expect{BodySHA256: "abc"}}, []string{"expect.body_sha256: is not a SHA-256 checksum: want 64 hexadecimal digits"}},
		{httpcheck.Config{Expect: httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "5%", Max: "2MiB"}}}, []string{"expect.body_size.min: 5% is a share: want a size such as 10KiB", "expect.body_size.max: 2MiB is more than max_body_bytes, 1048576: no more than that is read"}},
		{httpcheck.Config{Expect: httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "2", Max: "1"}}}, []string{"expect.body_size: min is more than max"}},
		{httpcheck.Config{Expect: httpcheck.Expect{TLSRequired: true}, FollowRedirects: &no}, []string{"expect.tls_required: the URL is not one of https, and redirects are not followed"}},
		{httpcheck.Config{Values: map[string]string{"": ".a", "a\n": ".a", "b": "(", "c": ""}}, []string{`values: "" is not the name of a value`, `values: "a\n" is not the name`, "values.b: \"(\" is no jq query", "values: has a value without a query"}},
		{
			httpcheck.Config{Method: "HEAD", Values: map[string]string{"a": "."}, Expect: httpcheck.Expect{JSON: []string{"."}, BodySize: httpcheck.BodySize{Min: "1"}, BodySHA256: strings.Repeat("0", 64)}},
			[]string{"values: the answer to HEAD has no body", "expect.json: the answer to HEAD has no body", "expect.body_size: the answer to HEAD has no body", "expect.body_sha256: the answer to HEAD has no body"},
		},
	} {
		tt.config.URL = "http://example.test"
		_, err := httpcheck.New(tt.config)
		assert.Len(t, checktest.Fields(t, err), len(tt.want), "%s", err)
		for _, want := range tt.want {
			assert.ErrorContains(t, err, want)
		}
	}
}

// Numbers are measured whether the answer is good or not, and one that is none takes no other with it.
func TestValuesOfBodies(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/html":
			_, _ = io.WriteString(w, "<html>")
			return
		}
		_, _ = io.WriteString(w, `{"queue":{"depth":7,"name":"jobs"},"load":"1.5","up":true}`)
	})
	values := map[string]string{"depth": ".queue.depth", "load": ".load", "up": ".up"}

	res := check(t, httpcheck.Config{URL: server.URL, Values: values})
	checktest.RequireOK(t, res)
	assert.InDelta(t, 7, value(t, res, "value", "depth"), 0)
	assert.InDelta(t, 1.5, value(t, res, "value", "load"), 0)
	assert.InDelta(t, 1, value(t, res, "value", "up"), 0)

	res = check(t, httpcheck.Config{URL: server.URL + "/down", Values: values})
	assert.Equal(t, healthcheck.ReasonStatus, res.Reason)
	assert.InDelta(t, 7, value(t, res, "value", "depth"), 0)

	values["name"], values["none"] = ".queue.name", ".nothing"
	res = check(t, httpcheck.Config{URL: server.URL, Values: values})
	assert.Equal(t, healthcheck.ReasonBody, res.Reason)
	assert.Equal(t, "value \"name\": `.queue.name` is \"jobs\", want a number", res.Details)
	assert.InDelta(t, 7, value(t, res, "value", "depth"), 0)
	assert.InDelta(t, 1, value(t, res, "value", "up"), 0)
	_, ok := find(res, "value", "name")
	assert.False(t, ok)

	res = check(t, httpcheck.Config{URL: server.URL + "/html", Values: values})
	assert.Equal(t, healthcheck.ReasonBody, res.Reason)
	assert.Equal(t, "value \"depth\": the body is not JSON: invalid character '<' looking for beginning of value: <html>", res.Details)
}

// Nothing is sent to where a redirect leaves TLS, on both wires; to where it comes to it, all is well.
func TestTLSRequired(t *testing.T) {
	var asked atomic.Int32
	plain := serve(t, func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		if to := req.URL.Query().Get("to"); to != "" {
			http.Redirect(w, req, to, http.StatusFound)
		}
	})
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/plain":
			http.Redirect(w, req, plain.URL+"/?token=secret", http.StatusFound)
		case "/secure":
			http.Redirect(w, req, "/", http.StatusFound)
		}
	}))
	t.Cleanup(secure.Close)
	trust := config.TLSConfig{InsecureSkipVerify: true}
	for wire, http2 := range map[string]bool{"direct": false, "pooled": true} {
		t.Run(wire, func(t *testing.T) {
			asked.Store(0)
			c := httpcheck.Config{URL: secure.URL + "/plain", TLSConfig: trust, EnableHTTP2: http2, Expect: httpcheck.Expect{TLSRequired: true}}
			res := check(t, c)
			assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
			assert.Equal(t, "redirected to "+strings.TrimPrefix(plain.URL, "http://")+" over plain http", res.Details)
			assert.Zero(t, asked.Load())
			for _, good := range []string{secure.URL, secure.URL + "/secure", plain.URL + "/?to=" + secure.URL} {
				c.URL = good
				checktest.RequireOK(t, check(t, c))
			}
			c.URL = plain.URL + "/?to=" + plain.URL
			asked.Store(0)
			res = check(t, c)
			assert.Equal(t, healthcheck.ReasonTLS, res.Reason)
			assert.EqualValues(t, 1, asked.Load())
		})
	}
}

func TestProtocolVersion2(t *testing.T) {
	server := serveTLS(t, nil)
	c := httpcheck.Config{URL: server.URL, EnableHTTP2: true, TLSConfig: config.TLSConfig{InsecureSkipVerify: true}, Expect: httpcheck.Expect{ProtocolVersion: "2"}}
	checktest.RequireOK(t, check(t, c))
	c.Expect.ProtocolVersion = "1.1"
	res := check(t, c)
	assert.Equal(t, "answered by HTTP/2, want HTTP/1.1", res.Details)
	c.Expect.ProtocolVersion = "1.0"
	c.URL = "http://" + answerRaw(t, "HTTP/1.0 200 OK\r\n\r\n")
	checktest.RequireOK(t, check(t, c))
}

// Documents that are made to cost: they fail at once, with the reason body.
func TestHostileJSON(t *testing.T) {
	bodies := map[string]string{
		"/deep":  strings.Repeat("[", 200_000),
		"/deep2": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"/wide":  "[" + strings.Repeat("0,", 3<<20) + "0]",
		"/many":  "[" + strings.Repeat("0,", 1<<20) + "0]",
		"/huge":  `{"n":1e999999999,"s":"` + strings.Repeat("x", 1<<20) + `"}`,
		"/bad":   "{\"a\xff\x00\":1",
		"/two":   "{} {}",
	}
	server := serve(t, func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, bodies[req.URL.Path]) })
	for path, details := range map[string]string{
		"/deep": "exceeded max depth", "/deep2": "exceeded max depth", "/wide": "the body has 6291459 bytes, no more than 4194304 are read as JSON",
		"/many": "`. == 0` is false", "/huge": "want a number", "/bad": "the body is not JSON: ", "/two": "more after",
	} {
		c := httpcheck.Config{URL: server.URL + path, MaxBodyBytes: 64 << 20, Expect: httpcheck.Expect{JSON: []string{". == 0"}}}
		if path == "/huge" {
			c.Expect.JSON, c.Values = nil, map[string]string{"n": ".n"}
		}
		res := checktest.RunChecker(t, newChecker(t, c), 30*time.Second)
		checktest.AssertFails(t, res, healthcheck.ReasonBody, details, 500)
	}
}

// A query that never ends is over with the run.
func TestEndlessQuery(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) })
	start := time.Now()
	res := checktest.RunChecker(t, newChecker(t, httpcheck.Config{URL: server.URL, Expect: httpcheck.Expect{JSON: []string{"last(range(1e18))"}}}), checktest.Timeout)
	assert.Equal(t, healthcheck.ReasonTimeout, res.Reason, res.Details)
	assert.Less(t, time.Since(start), checktest.Promptly+checktest.Timeout)
}

// What was sent is not shown where a query quotes it, however it is cut.
func TestQueriesShowNoSecret(t *testing.T) {
	token := strings.Repeat("s3cr3t-", 40)
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.WriteString(w, `{"got":"`+strings.Repeat("x", 8)+req.Header.Get("X-Key")+`"}`)
	})
	for _, query := range []string{".got", ".got.deeper", ".got | error", ".got[]", ".got - 1", "[.got] | .a", ".got | fromjson", ".got == 1"} {
		c := httpcheck.Config{URL: server.URL, Headers: map[string]string{"X-Key": token}, Expect: httpcheck.Expect{JSON: []string{query}}}
		res := check(t, c)
		require.Equal(t, healthcheck.ReasonBody, res.Reason, query)
		assert.NotContains(t, res.Details, "s3cr", query)
		c.Expect, c.Values = httpcheck.Expect{}, map[string]string{"x": query}
		assert.NotContains(t, check(t, c).Details, "s3cr", query)
	}
}
