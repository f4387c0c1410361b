package secret_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"mime/quotedprintable"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// encoders are the ways in which a peer may send back what it got.
var encoders = map[string]func(string) string{
	"as it is":         func(s string) string { return s },
	"query":            url.QueryEscape,
	"path":             url.PathEscape,
	"user information": func(s string) string { return url.UserPassword("", s).String() },
	"every byte":       func(s string) string { return each(s, "%%%02X") },
	"lower case":       func(s string) string { return each(s, "%%%02x") },
	"twice":            func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
	"JSON":             func(s string) string { return quoteJSON(s, true) },
	"JSON, not HTML":   func(s string) string { return quoteJSON(s, false) },
	"JSON in JSON":     func(s string) string { return quoteJSON(quoteJSON(s, true), true) },
	"JSON of Python": func(s string) string {
		quoted := strconv.QuoteToASCII(s)
		return quoted[1 : len(quoted)-1]
	},
	"Go":            func(s string) string { return fmt.Sprintf("%q", s) },
	"HTML":          html.EscapeString,
	"HTML, numbers": func(s string) string { return runes(s, "&#%d;") },
	"HTML, hex":     func(s string) string { return runes(s, "&#x%X;") },
	"HTML twice":    func(s string) string { return html.EscapeString(html.EscapeString(s)) },
	"C":             func(s string) string { return each(s, `\x%02x`) },
	"octal":         func(s string) string { return each(s, `\%03o`) },
	"zone file":     func(s string) string { return each(s, `\%03d`) },
	"shell": func(s string) string {
		return strings.NewReplacer(`$`, `\$`, ` `, `\ `, `&`, `\&`, `\`, `\\`).Replace(s)
	},
	"JavaScript":      func(s string) string { return runes(s, `\u{%x}`) },
	"mail":            quotedPrintable,
	"hex":             func(s string) string { return hex.EncodeToString([]byte(s)) },
	"HEX":             func(s string) string { return each(s, "%02X") },
	"hex dump":        func(s string) string { return each(s, "%02x ") },
	"hex, colons":     func(s string) string { return strings.TrimSuffix(each(s, "%02x:"), ":") },
	"base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64, raw":     func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
	"base64url":       func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
	"base64url, raw":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"basic":           func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+s)) },
	"basic, other":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("anna:" + s + "!!")) },
	"basic, another":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("annie:" + s + "!")) },
	"base64, escaped": func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("x" + s))) },
	"base64 in JSON": func(s string) string {
		return strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(s)), "/", `\/`)
	},
	"base64 in lines": func(s string) string { return lines(base64.StdEncoding.EncodeToString([]byte("ab"+s)), "\r\n") },
	"bearer":          func(s string) string { return "Bearer " + s },
	"in quotes":       func(s string) string { return `"` + s + `"` },
}

func each(s, format string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

func runes(s, format string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, format, r)
	}
	return b.String()
}

func quoteJSON(s string, escapeHTML bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(escapeHTML)
	_ = e.Encode(s)
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

func quotedPrintable(s string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func lines(s, end string) string {
	var b strings.Builder
	for len(s) > 8 {
		b.WriteString(s[:8] + end)
		s = s[8:]
	}
	return b.String() + s
}

var values = []string{
	"correct-horse", "abcd", `pa"ss\word(`, "a/b%zz:c@d", "open sesame & co", "ü(ö[", "p<a>ss'w", `\\\\`, "🔑key🔑", "+/+/+/", "100%25",
	"hunter2hunter2hunter2", "line one\nline two", "\x01\x02control", "eyJhbGciOiJub25lIn0.e30.", "aaaaaaaaaaaaaaaa", "\xff\xfebytes",
}

func TestHidesWhateverTheSpelling(t *testing.T) {
	for _, v := range values {
		s := secret.New()
		s.Add(v)
		for name, encode := range encoders {
			encoded := encode(v)
			for _, text := range []string{encoded, "said " + encoded + " again: " + encoded + ".", `{"got":"` + encoded + `"}`} {
				for what, got := range map[string]string{
					"hide": s.Hide(text), "quoted": s.HideQuoted(text, 1), "excerpt": s.Excerpt([]byte(text), 500), "fail": s.Fail(errors.New(text)).Details,
				} {
					assert.NotContains(t, got, encoded, "%s of %q %s: %q", what, v, name, text)
					assert.NotContains(t, got, v, "%s of %q %s", what, v, name)
					assert.Contains(t, got, secret.Mark)
					assert.Less(t, len(got), len("said  again: .\"\"{got:}")+2*len("Basic YW5u……")+40, "%s of %q %s: %q", what, v, name, got)
				}
			}
		}
	}
}

// TestACutShowsNothing: wherever a text is cut, by the one who reads it or by the excerpt, nobody sees four characters
// of a secret.
func TestACutShowsNothing(t *testing.T) {
	for _, v := range []string{"correct-horse", "qzjv", "ü(ö[kwz%", "qwk vjx", strings.Repeat("long ", 8)} {
		s := secret.New()
		s.Add(v)
		for name, encode := range encoders {
			text := "11111 " + encode(v) + " 22222"
			part := strings.TrimRight(encode(string([]rune(v)[:4])), `"=`)
			for cut := range len(text) {
				for _, got := range []string{s.Excerpt([]byte(text[:cut]), 200), s.Excerpt([]byte(text), cut)} {
					if strings.Contains(got, string([]rune(v)[:4])) || strings.Contains(got, part) {
						assert.Fail(t, "shows a part", "%s of %q: %q", name, v, got)
					}
				}
			}
		}
	}
}

func TestLeavesTheRestAlone(t *testing.T) {
	s := secret.New("https://db.example.org/health", "^220 ready")
	s.Add("hunter2hunter2", "7", "abc", "example", "ready", "  \t ")
	for _, text := range []string{
		"", "no secret here", "7 of 17", "abcd, xabc, abc_", "hunter2", "https://db.example.org/health", `"^220 ready" \ % & = +`,
		"hunter3hunter3", "%", `\`, "&amp", "&#", "=", "%2", `\u`, `\u{`, strings.Repeat(`\`, 50), strings.Repeat("&amp;", 50), "\xff",
	} {
		assert.Equal(t, text, s.Hide(text))
		assert.Equal(t, text, s.HideQuoted(text, 4))
	}
	assert.Equal(t, "the … is short, abcd is another", s.Hide("the abc is short, abcd is another"))
	var none *secret.Set
	assert.Equal(t, "hunter2", none.Hide("hunter2"))
	assert.Equal(t, `"hunter2"`, none.HideQuoted(`"hunter2"`, 1))
	assert.Equal(t, "hunter2", none.Excerpt([]byte(" hunter2\n"), 10))
	none.Learn("hunter2")
	assert.Equal(t, "text", new(secret.Set).Hide("text"))
}

func TestAs(t *testing.T) {
	s := secret.New()
	s.AddAs("correct-horse\nbattery-staple", "${file:a\nb}")
	s.AddAs("http://u:hunter2@h/", "http://u:${PW}@h/")
	s.AddAs("hunter2", "${PW}")
	for text, want := range map[string]string{
		"got hunter2!":                       "got ${PW}!",
		"at http://u:hunter2@h/x":            "at http://u:${PW}@h/x",
		"line battery-staple":                "line ${file:a\nb}",
		"missing ]: `hunt`":                  "missing ]: `${PW}`",
		`invalid "r2@h"`:                     `invalid "http://u:${PW}@h/"`,
		`scheme "http" of "elsewhere"`:       `scheme "http" of "elsewhere"`,
		"hunter2hunter2":                     "${PW}${PW}",
		`"" is empty, and "hunter2" is not.`: `"" is empty, and "${PW}" is not.`,
	} {
		assert.Equal(t, want, s.HideQuoted(text, 1))
	}
}

// TestDerived: what a value is made of, and what it decodes to, is secret too.
func TestDerived(t *testing.T) {
	for _, tc := range []struct {
		value  string
		hidden []string
	}{
		{"Bearer tok-en-1", []string{"Bearer tok-en-1", "tok-en-1"}},
		{"Basic YW5uOmh1bnRlcjI=", []string{"YW5uOmh1bnRlcjI=", "YW5uOmh1bnRlcjI", "hunter2", "ann:hunter2"}},
		{"AGFubgBodW50ZXIy", []string{"hunter2", "AGFubgBodW50ZXIy"}},
		{"a%20b%2Fc", []string{"a b/c", "a%20b%2Fc", "a+b%2fc"}},
		{"first line\r\nsecond line\r\n", []string{"first line", "second line"}},
		{" hunter2\n", []string{"hunter2"}},
	} {
		for _, learn := range []bool{false, true} {
			s := secret.New()
			if learn {
				s.Learn(tc.value)
			} else {
				s.Add(tc.value)
			}
			for _, h := range tc.hidden {
				assert.Equal(t, "a … b", s.Hide("a "+h+" b"), tc.value)
			}
		}
	}
}

func TestText(t *testing.T) {
	s := secret.New("PONG")
	s.AddText(`{"user":"ann.smith","password":"hunter2"}`, "AUTH PLAIN AGFubgBjb3JyZWN0\r\nPONG", "grant_type=x&key=a%40b-c", "token: 'quoted'")
	for _, h := range []string{"hunter2", "ann.smith", "AGFubgBjb3JyZWN0", "correct", "a%40b-c", "a@b-c", "quoted", `{"user":"ann.smith","password":"hunter2"}`} {
		assert.Equal(t, "a … b", s.Hide("a "+h+" b"))
	}
	assert.Equal(t, "PONG", s.Hide("PONG"))
	big := secret.New()
	big.AddText(strings.Repeat("word7 ", 1<<20), strings.Repeat("x", 8<<20))
	assert.Equal(t, "… it", big.Hide("word7 it"))
	assert.Equal(t, "…", big.Excerpt([]byte(strings.Repeat("x", 100000)), 200))
}

func TestBasic(t *testing.T) {
	s := secret.New()
	s.AddBasic("ann", "pw3")
	s.AddBasic("key-as-user", "")
	s.AddBasic("", "")
	s.LearnBasic("bob", "xyz7")
	assert.Equal(t, "ann … …", s.Hide("ann pw3 "+base64.StdEncoding.EncodeToString([]byte("ann:pw3"))))
	assert.Equal(t, "… …", s.Hide("key-as-user a2V5LWFzLXVzZXI6"))
	assert.Equal(t, "bob …", s.Hide("bob "+base64.StdEncoding.EncodeToString([]byte("bob:xyz7"))))
}

// TestTakesNoTime: texts that nobody writes, of values that repeat themselves, are hidden, though not looked through.
func TestTakesNoTime(t *testing.T) {
	for _, value := range []string{strings.Repeat("a", 1<<14), strings.Repeat(`\`, 1<<14), strings.Repeat("%25", 1<<13), strings.Repeat(" &amp;", 1<<12) + "x"} {
		s := secret.New()
		s.Add(value)
		assert.Equal(t, "…", s.Hide(value[:len(value)-1] + "z")[:len("…")])
	}
}

func TestExcerpt(t *testing.T) {
	s := secret.New()
	s.Add("hunter2")
	long := strings.Repeat("x", 300)
	for text, want := range map[string]string{
		"":                                    "",
		" \r\n":                               "",
		" a\r\n\tb  ":                         "a b",
		"<\x1b[31m\xff>":                      "<?[31m?>",
		"über\u202e\u00a0x":                   "über? x",
		long:                                  long[:100] + "…",
		long[:100]:                            long[:100],
		long[:100] + "\n":                     long[:100],
		long[:95] + "hunter2":                 long[:95] + "…",
		long[:98] + "hunter2":                 long[:98] + "…",
		"hunter2hunter2 hunter2":              "… …",
		"a hunt":                              "a …",
		"a hu":                                "a hu",
		"a" + strings.Repeat(" ", 5000) + "b": "a…",
		strings.Repeat("ü", 60):               strings.Repeat("ü", 50) + "…",
		strings.Repeat("ü", 5000):             strings.Repeat("ü", 50) + "…",
	} {
		assert.Equal(t, want, s.Excerpt([]byte(text), 100))
	}
}

func TestFail(t *testing.T) {
	s := secret.New()
	s.Add("hunter2hunter2")
	r := s.Fail(healthcheck.Errorf(healthcheck.ReasonAuth, `parse "x?hunter2hunter2": odd "hunter"`))
	assert.Equal(t, healthcheck.ReasonAuth, r.Reason)
	assert.Equal(t, `parse "x?…": odd "…"`, r.Details)
	assert.False(t, s.Fail(nil).Failed())
}

// TestLearnedAreForgotten: a set of a check that runs for years with tokens of an hour does not grow.
func TestLearnedAreForgotten(t *testing.T) {
	s := secret.New()
	s.Add("fixed-one")
	for i := range 1000 {
		s.Learn("Bearer token-"+strconv.Itoa(i), "same-one")
	}
	assert.Equal(t, "… … … token-1", s.Hide("fixed-one token-999 token-990 token-1"))
	assert.Equal(t, "token-5", s.Hide("token-5"))
}

type fetcher struct {
	text string
	err  error
}

func (f fetcher) Fetch(context.Context) (string, error) { return f.text, f.err }
func (fetcher) Description() string                     { return "a file" }
func (fetcher) Immutable() bool                         { return false }

func TestWatch(t *testing.T) {
	s := secret.New()
	text, err := s.Watch(fetcher{text: "hunter2"}).Fetch(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "hunter2", text)
	assert.Equal(t, "…", s.Hide("hunter2"))
	_, err = s.Watch(fetcher{err: errors.ErrUnsupported}).Fetch(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.Equal(t, "a file", s.Watch(fetcher{}).Description())
}

func TestConcurrentUse(t *testing.T) {
	s := secret.New()
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			for j := range 100 {
				token := fmt.Sprintf("token-%d-%d", i, j%3) // no more than are remembered
				s.Learn(token)
				assert.NotContains(t, s.Hide("got "+token), token)
				s.Add("fixed-" + token)
				assert.Equal(t, "…", s.Excerpt([]byte("fixed-"+token), 100))
			}
		})
	}
	done.Wait()
}

// TestHidePanic holds that a panic goes on: as it is, or hidden, and from where it came.
func TestHidePanic(t *testing.T) {
	s := secret.New()
	s.Add("hunter2")
	fault := errors.New("index out of range")
	for _, tc := range []struct {
		set       *secret.Set
		val, want any
	}{
		{s, "no route to hunter2", "no route to …"},
		{s, fmt.Errorf("no route to %q", "hunter2"), `no route to "…"`},
		{s, fault, fault},
		{nil, fault, fault},
	} {
		var stack []byte
		got := func() (p any) {
			defer func() {
				p = recover()
				stack = debug.Stack()
			}()
			defer tc.set.HidePanic()
			panicWith(tc.val)
			return nil
		}()
		assert.Equal(t, tc.want, got)
		assert.Contains(t, string(stack), "panicWith")
	}
	func() {
		defer s.HidePanic()
	}()
}

//go:noinline
func panicWith(p any) { panic(p) }

// A set for one run hides what its outer one does, learns without bound, and tells nobody.
func TestWithin(t *testing.T) {
	outer := secret.New("public-word")
	outer.Add("outer-secret")
	run := outer.Within()
	run.Add("added-in-run", "public-word")
	for i := range 100 {
		run.Learn(fmt.Sprintf("learned-%03d-in-run", i))
	}
	outer.Learn("later-in-outer")
	const text = "outer-secret added-in-run learned-000-in-run later-in-outer public-word"
	assert.Equal(t, "… … … … public-word", run.Hide(text))
	assert.Equal(t, "… added-in-run learned-000-in-run … public-word", outer.Hide(text))
	var none *secret.Set
	run = none.Within()
	run.Add("added-in-run")
	assert.Equal(t, "… here", run.Hide("added-in-run here"))
}
