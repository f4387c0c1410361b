package httpcheck_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/httpcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// What was extracted as a secret is not shown by any later step, wherever it was sent, whatever the peer does with it and
// whatever else it makes us learn.
func TestFlowShowsNoSecret(t *testing.T) {
	const token = `sesame/"of the"+day%2F`
	spell := map[string]func(string) string{
		"plain": func(s string) string { return s }, "query": url.QueryEscape, "path": url.PathEscape,
		"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"json":   func(s string) string { b, _ := json.Marshal(s); return string(b) },
	}
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/issue":
			w.Header().Set("X-Token", token)
			_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
		case "/cookies":
			for i := range 600 { // more than a set remembers
				http.SetCookie(w, &http.Cookie{Name: fmt.Sprint("c", i), Value: fmt.Sprint("a-cookie-of-no-use-", i)})
			}
		default:
			w.Header().Set("X-Echo", spell["path"](token))
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, spell[req.URL.Query().Get("as")](token))
		}
	})
	uses := map[string]httpcheck.Step{
		"path":   {URL: "/use/${step.token}?as=PLAIN"},
		"query":  {URL: "/use?as=PLAIN&x=${step.token}"},
		"header": {URL: "/use?as=PLAIN", Headers: map[string]string{"X-Key": "Bearer ${step.token}"}},
		"body":   {URL: "/use?as=PLAIN", Method: "POST", Body: "token=${step.token}"},
		"unused": {URL: "/use?as=PLAIN"},
		"final":  {URL: "/use/${step.token}?as=PLAIN", Expect: httpcheck.Expect{Status: []string{"418"}, FinalURL: "never"}},
		"echo":   {URL: "/use?as=PLAIN", Expect: httpcheck.Expect{Status: []string{"418"}, Headers: map[string]string{"X-Echo": "never"}}},
		"json":   {URL: "/use?as=PLAIN", Expect: httpcheck.Expect{Status: []string{"418"}, JSON: []string{"."}}},
	}
	for name, use := range uses {
		for as := range spell {
			for _, from := range []httpcheck.Extract{{JQ: ".token", Secret: true}, {Header: "X-Token", Secret: true}, {Header: "X-Token", Regex: "(.+)", Secret: true}} {
				use.Name, use.URL = "use", strings.Replace(uses[name].URL, "PLAIN", as, 1)
				res := check(t, httpcheck.Config{URL: server.URL, Steps: []httpcheck.Step{
					{Name: "issue", URL: "/issue", Extract: map[string]httpcheck.Extract{"token": from}},
					{Name: "cookies", URL: "/cookies"}, {Name: "cookies again", URL: "/cookies"},
					use,
				}})
				require.True(t, strings.HasPrefix(res.Details, `step "use": `), res.Details)
				for _, part := range []string{"sesame", "day%", "day2", "c2VzYW"} {
					assert.NotContains(t, res.Details, part, "%s as %s", name, as)
				}
			}
		}
	}
}

// The answer that a secret is extracted from shows it nowhere, found or not.
func TestExtractingShowsNoSecret(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Also", "sesame-of-the-day")
		_, _ = io.WriteString(w, `{"access_token":"sesame-of-the-day","token":7,"role":"guest sesame-of-the-day"}`)
	})
	for name, s := range map[string]httpcheck.Step{
		"status":        {Expect: httpcheck.Expect{Status: []string{"201"}}},
		"body":          {Expect: httpcheck.Expect{BodyMatches: []string{"admin"}}},
		"jq":            {Expect: httpcheck.Expect{JSON: []string{".role"}}},
		"header":        {Expect: httpcheck.Expect{Headers: map[string]string{"X-Also": "x"}}},
		"header not":    {Expect: httpcheck.Expect{HeadersNotMatch: map[string]string{"X-Also": "."}}},
		"value":         {Values: map[string]string{"role": ".role"}},
		"size":          {Expect: httpcheck.Expect{BodySize: httpcheck.BodySize{Min: "1KiB"}}},
		"only the find": {},
	} {
		for _, from := range []httpcheck.Extract{{JQ: ".access_token"}, {JQ: ".none"}, {JQ: ".role.x"}, {JQ: ".role", Regex: "(admin)"}, {Regex: "(admin)"}, {Header: "X-None"}} {
			from.Secret = true
			s.Name, s.Extract = "login", map[string]httpcheck.Extract{"token": from, "a_role": {JQ: ".role.y"}}
			res := check(t, httpcheck.Config{URL: server.URL, Steps: []httpcheck.Step{s}})
			require.Equal(t, name != "status", res.Reason == healthcheck.ReasonBody, res.Details)
			assert.NotContains(t, res.Details, "sesame", "%s %v", name, from)
		}
	}
}

// What a peer gives us stays a part of what it is put into.
func TestFlowKeepsTheStructure(t *testing.T) {
	var given string
	type request struct{ uri, header, body string }
	var got *request
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/give" {
			_ = json.NewEncoder(w).Encode(map[string]string{"x": given})
			return
		}
		body, _ := io.ReadAll(req.Body)
		got = &request{req.RequestURI, req.Header.Get("X-A"), string(body)}
	})
	run := func(s httpcheck.Step) healthcheck.Result {
		s.Name, got = "use", nil
		return check(t, httpcheck.Config{URL: server.URL + "/base/", Steps: []httpcheck.Step{{Name: "give", URL: "/give", Extract: map[string]httpcheck.Extract{"x": {JQ: ".x"}}}, s}})
	}
	for _, tt := range []struct {
		given string
		step  httpcheck.Step
		want  request
	}{
		{"a/../b?c#d&e=f;g%2F", httpcheck.Step{URL: "/p/${step.x}/q?r=${step.x}&s=1#frag"}, request{uri: "/p/a%2F..%2Fb%3Fc%23d&e=f%3Bg%252F/q?r=a%2F..%2Fb%3Fc%23d%26e%3Df%3Bg%252F&s=1"}},
		{"http://evil.example/", httpcheck.Step{URL: "${step.x}"}, request{uri: "/base/http:%2F%2Fevil.example%2F"}},
		{"//evil.example", httpcheck.Step{URL: "/${step.x}"}, request{uri: "/%2F%2Fevil.example"}},
		{"a\r\nX-B: y", httpcheck.Step{URL: "x?q=${step.x}"}, request{uri: "/base/x?q=a%0D%0AX-B%3A+y"}},
		{"ü reference", httpcheck.Step{URL: "/reference/${step.x}"}, request{uri: "/reference/%C3%BC%20reference"}},
		{"...", httpcheck.Step{URL: "/${step.x}"}, request{uri: "/..."}},
		{".", httpcheck.Step{URL: "/a${step.x}${step.x}?x=${step.x}"}, request{uri: "/a..?x=."}},
		{`a"b`, httpcheck.Step{Method: "PUT", Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"x":"${step.x}"}`}, request{uri: "/base/", body: `{"x":"a\"b"}`}},
		{`a"&b=c`, httpcheck.Step{Method: "PUT", Headers: map[string]string{"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, Body: `a=${step.x}`}, request{uri: "/base/", body: `a=a%22%26b%3Dc`}},
		{`a"&b`, httpcheck.Step{Method: "PUT", Body: `$${step.x}=${step.x}`}, request{uri: "/base/", body: `${step.x}=a"&b`}},
		{"a; b", httpcheck.Step{Headers: map[string]string{"x-a": "<${step.x}>, $${step.no}"}}, request{uri: "/base/", header: "<a; b>, ${step.no}"}},
	} {
		given = tt.given
		checktest.RequireOK(t, run(tt.step))
		require.NotNil(t, got)
		assert.Equal(t, tt.want, *got)
	}
	for _, tt := range []struct {
		given, details string
		step           httpcheck.Step
	}{
		{"a\r\nX-B: y", `step "use": header X-A gets characters that a header cannot hold from ${step.x}`, httpcheck.Step{Headers: map[string]string{"x-a": "${step.x}"}}},
		{"a\x00", `step "use": header X-A gets characters that a header cannot hold from ${step.x}`, httpcheck.Step{Headers: map[string]string{"x-a": "${step.x}"}}},
		{"a/b", `step "use": header Host is no host with ${step.x} in it`, httpcheck.Step{Headers: map[string]string{"host": "${step.x}"}}},
		{"..", `step "use": the path of the URL would get a part "." or ".." from ${step.x}`, httpcheck.Step{URL: "/p/${step.x}"}},
		{".", `step "use": the path of the URL would get a part "." or ".." from ${step.x} or ${step.x}`, httpcheck.Step{URL: "/p/${step.x}${step.x}/q"}},
		{"", `step "give": extract "x": it is empty`, httpcheck.Step{URL: "/p/${step.x}"}},
		{strings.Repeat("x", 16<<10+1), `step "give": extract "x": it is longer than 16384 bytes`, httpcheck.Step{URL: "/p/${step.x}"}},
	} {
		given = tt.given
		res := run(tt.step)
		assert.Equal(t, tt.details, res.Details)
		assert.Equal(t, healthcheck.ReasonBody, res.Reason)
		assert.Nil(t, got, "nothing was sent")
	}
}

func TestFlowMistakes(t *testing.T) {
	steps := func(list ...httpcheck.Step) httpcheck.Config {
		return httpcheck.Config{URL: "http://example.test/a/", Steps: list}
	}
	x := map[string]httpcheck.Extract{"x": {JQ: ".x"}}
	many := make([]httpcheck.Step, 21)
	for _, tt := range []struct {
		config httpcheck.Config
		want   []string
	}{
		{steps(httpcheck.Step{}), []string{"steps[0].name: is missing: name the step"}},
		{steps(httpcheck.Step{Name: "a"}, httpcheck.Step{Name: "a"}, httpcheck.Step{Name: "b\n"}), []string{`steps[1].name: "a" is the name of a step before`, "steps[2].name: is not up to 100 printable characters"}},
		{steps(many...), []string{"steps: more than 20 steps"}},
		{httpcheck.Config{Steps: []httpcheck.Step{{Name: "a", URL: "/b"}}}, []string{"url: is missing"}},
		{
			httpcheck.Config{URL: "http://a", Method: "PUT", Body: "x", Expect: httpcheck.Expect{Status: []string{"200"}}, Values: map[string]string{"a": "."}, Steps: []httpcheck.Step{{Name: "a"}}},
			[]string{"method: is there beside steps", "body: is there beside steps", "expect: is there beside steps", "values: is there beside steps"},
		},
		{
			steps(httpcheck.Step{Name: "a", URL: "ftp://b", Method: "a b", Headers: map[string]string{"a b": "", "X-A": "\n"}, Expect: httpcheck.Expect{Status: []string{"x"}, JSON: []string{"("}}}),
			[]string{"steps[0].url: has not the scheme http or https", "steps[0].method: ", `steps[0].headers: "a b"`, "steps[0].headers.X-A: has a value", "steps[0].expect.status[0]: ", "steps[0].expect.json[0]: "},
		},
		{
			steps(httpcheck.Step{Name: "a", URL: "/${step.x}", Extract: x}, httpcheck.Step{Name: "b", Body: "${step.y}", Headers: map[string]string{"X-A": "${step.z}"}}),
			[]string{"steps[0].url: refers to ${step.x}, which no step before extracts", "steps[1].body: refers to ${step.y}, which", "steps[1].headers.X-A: refers to ${step.z}"},
		},
		{
			steps(httpcheck.Step{Name: "a", Extract: x}, httpcheck.Step{Name: "b", URL: "http://${step.x}/"}, httpcheck.Step{Name: "c", URL: "http://b/#${step.x}"},
				httpcheck.Step{Name: "d", URL: "http://${step.x}:x@b/"}, httpcheck.Step{Name: "e", URL: "http://a:${step.x}/"}, httpcheck.Step{Name: "f", URL: "//${step.x}/b?${step.x}"},
				httpcheck.Step{Name: "g", URL: "/${step.x}/../b"}, httpcheck.Step{Name: "h", URL: "${step.x}://b"}),
			[]string{
				"steps[1].url: has a reference to a step elsewhere than in its path and its query", "steps[2].url: has a reference", "steps[3].url: has a reference",
				"steps[4].url: is not a valid URL", "steps[5].url: has a reference", "steps[6].url: has a reference", "steps[7].url: has a reference", "steps[7].url: has not the scheme",
			},
		},
		{
			steps(httpcheck.Step{Name: "a", URL: "/${step.", Body: "${step.}", Headers: map[string]string{"X-A": "${step.a b}"}}),
			[]string{`steps[0].url: has a "${step." without`, "steps[0].body: has a reference to a step that is none", "steps[0].headers.X-A: has a reference to a step that is none"},
		},
		{steps(httpcheck.Step{Name: "a ${step.x}"}, httpcheck.Step{Name: "b", Expect: httpcheck.Expect{BodyMatches: []string{"${step.x}"}}}), []string{"steps[0]: has a reference to a step elsewhere", "steps[1]: has a reference to a step elsewhere"}},
		{
			steps(httpcheck.Step{Name: "a", Extract: map[string]httpcheck.Extract{
				"a b": {JQ: "."}, "c": {}, "d": {JQ: ".", Header: "X"}, "e": {Regex: "x"}, "f": {Regex: "("}, "g": {JQ: "("}, "h": {Header: "a b"},
			}}),
			[]string{
				`steps[0].extract: "a b" is no name`, "steps[0].extract: has a name without one of jq, header and regex", "steps[0].extract.d: has jq and header", "steps[0].extract.e.regex: has no group",
				"steps[0].extract.f.regex: error parsing", "steps[0].extract.g.jq: ", "steps[0].extract.h.header: ",
			},
		},
		{steps(httpcheck.Step{Name: "a", Method: "HEAD", Extract: map[string]httpcheck.Extract{"x": {JQ: "."}, "y": {Header: "X"}}}), []string{"steps[0].extract.x: the answer to HEAD has no body"}},
		{steps(httpcheck.Step{Name: "a", Values: map[string]string{"v": "."}}, httpcheck.Step{Name: "b", Values: map[string]string{"v": "."}}), []string{"steps[1].values.v: is a value of a step before"}},
		{httpcheck.Config{URL: "http://a", KeepAlive: true, Steps: []httpcheck.Step{{Name: "a", Method: "POST"}}}, []string{`keep_alive: needs a method that can be repeated when the kept connection is lost, POST of step "a" cannot`}},
		{steps(httpcheck.Step{Name: "a", URL: "http://ann:sesame@b", Headers: map[string]string{"Authorization": "x"}}), []string{"steps[0].headers.Authorization: is given beside the user information of the URL"}},
	} {
		_, err := httpcheck.New(tt.config)
		assert.Len(t, checktest.Mistakes(t, err, "sesame"), len(tt.want), "%s", err)
		for _, want := range tt.want {
			assert.ErrorContains(t, err, want)
		}
	}
}

// A secret that is cut out of JSON as it is written there is not shown as what it means.
func TestEscapedSecretIsNotShown(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/login" {
			_, _ = io.WriteString(w, `{"token":"k7Jw\/2Qp9\u0058z4"}`)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "bad token k7Jw/2Qp9Xz4 for you")
	})
	res := check(t, httpcheck.Config{URL: server.URL, Steps: []httpcheck.Step{
		{Name: "login", URL: "/login", Extract: map[string]httpcheck.Extract{"token": {Regex: `"token":"([^"]+)"`, Secret: true}}},
		{Name: "use", URL: "/use"},
	}})
	assert.Equal(t, `step "use": status 500, want 2xx: bad token … for you`, res.Details)
}

// What a body that was cut has at its end is the beginning of a secret, which is not taken for the whole, nor is the rest shown.
func TestCutSecretIsNotExtracted(t *testing.T) {
	const token = "k7Jw2Qp9Xz4Lm8Rt6Vb3"
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/login" {
			_, _ = io.WriteString(w, "token="+token+";")
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, token)
	})
	c := httpcheck.Config{URL: server.URL, MaxBodyBytes: 15, Steps: []httpcheck.Step{
		{Name: "login", URL: "/login", Extract: map[string]httpcheck.Extract{"token": {Regex: `token=(\w+)`, Secret: true}}},
		{Name: "use", URL: "/use"},
	}}
	res := check(t, c)
	assert.Equal(t, `step "login": extract "token": it may go on after the 15 bytes of the body that were read (max_body_bytes)`, res.Details)
	c.MaxBodyBytes = 27
	assert.Equal(t, `step "use": status 500, want 2xx: …`, check(t, c).Details)
}

// A secret that a peer writes where a name should be, in a header that we read, is not shown, nor a part of it.
func TestSecretInContentCoding(t *testing.T) {
	token := strings.Repeat("Sesame-Of-The-Day.", 20)
	server := serve(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Encoding", strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
		_, _ = io.WriteString(w, "text")
	})
	res := check(t, httpcheck.Config{URL: server.URL, Headers: map[string]string{"Authorization": "Bearer " + token}, Expect: httpcheck.Expect{BodyMatches: []string{"^text$"}}})
	assert.True(t, res.Failed())
	assert.Equal(t, healthcheck.ReasonBody, res.Reason)
	assert.Equal(t, "body has a content coding that is not known", res.Details)
}

// Mistakes are told in the same order each time.
func TestMistakesHaveAnOrder(t *testing.T) {
	c := httpcheck.Config{URL: "http://localhost", Steps: []httpcheck.Step{{Name: "a", Method: "HEAD", Values: map[string]string{"n": ".n"}, Expect: httpcheck.Expect{
		BodyMatches: []string{"x"}, BodyNotMatches: []string{"y"}, JSON: []string{"."}, BodySHA256: strings.Repeat("a", 64),
	}}}, Method: "GET", Body: "x", Values: map[string]string{"n": ".n"}}
	_, first := httpcheck.New(c)
	require.Error(t, first)
	for range 20 {
		_, err := httpcheck.New(c)
		require.EqualError(t, err, first.Error())
	}
}
