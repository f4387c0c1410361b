package execcheck_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

type perf map[string]float64

func parse(output string, cut bool) (string, perf) {
	text, values := execcheck.ParsePlugin([]byte(output), cut)
	got := perf{}
	for _, v := range values {
		if _, twice := got[v.Label]; !twice { // the first of a label wins
			got[v.Label] = v.Value
		}
	}
	return text, got
}

func TestParsePlugin(t *testing.T) {
	for name, tc := range map[string]struct {
		output string
		text   string
		perf   perf
	}{
		"empty":          {"", "", perf{}},
		"text":           {"OK - fine\n", "OK - fine", perf{}},
		"thresholds":     {"OK | time=0.02s;1;2;0;10 size=120B;;;0", "OK", perf{"time": 0.02, "size": 120}},
		"ranges":         {"OK | a=1;@10:20;~:5 b=2;10:", "OK", perf{"a": 1, "b": 2}},
		"no data":        {"OK |", "OK", perf{}},
		"data only":      {"|a=1", "", perf{"a": 1}},
		"CRLF":           {"\r\nOK | a=1\r\nlong\r\n", "OK", perf{"a": 1}},
		"long text":      {"OK | a=1\nlong | b=2\nc=3 d=4\n'e f'=5", "OK", perf{"a": 1, "b": 2, "c": 3, "d": 4, "e f": 5}},
		"only long text": {"OK\nb=2 is no data\n", "OK", perf{}},
		"quotes":         {`OK | 'a b'=1 'it''s'=2 'x=y'=3 '/'=4`, "OK", perf{"a b": 1, "it's": 2, "x=y": 3, "/": 4}},
		"windows":        {`OK | C:\=5GB 'C:\ Label'=6`, "OK", perf{`C:\`: 5e9, `C:\ Label`: 6}},
		"unicode":        {"OK | température=20", "OK", perf{"température": 20}},
		"seconds":        {"| a=2s b=250ms c=3us d=4µs e=5μs f=6ns", "", perf{"a": 2, "b": 0.25, "c": 3e-6, "d": 4e-6, "e": 5e-6, "f": 6e-9}},
		"bytes": {
			"| a=1B b=2KB c=3kB d=4MB e=5GB f=6TB g=7PB h=1KiB i=2MiB j=3GiB k=4TiB", "",
			perf{"a": 1, "b": 2e3, "c": 3e3, "d": 4e6, "e": 5e9, "f": 6e12, "g": 7e15, "h": 1 << 10, "i": 2 << 20, "j": 3 << 30, "k": 4 << 40},
		},
		"ratio":           {"| a=99% b=0.5% c=250%", "", perf{"a": 0.99, "b": 0.005, "c": 2.5}},
		"counter":         {"| in=123456789c", "", perf{"in": 123456789}},
		"other units":     {"| a=21C b=5W c=2MW d=3Kb e=7iB f=8XB g=9bits", "", perf{"a": 21, "b": 5, "c": 2, "d": 3, "e": 7, "f": 8, "g": 9}},
		"numbers":         {"| a=-1 b=+2 c=.5 d=3. e=1e3 f=2E-3s g=-0.0", "", perf{"a": -1, "b": 2, "c": 0.5, "d": 3, "e": 1000, "f": 0.002, "g": 0}},
		"exponent or not": {"| a=1e b=2es c=3EB", "", perf{"a": 1, "b": 2, "c": 3e18}},
		"unknown":         {"| a=U b=1 c=U;1;2", "", perf{"b": 1}},
		"no numbers":      {"| a= b=x c=NaN d=inf e=-Inf f=0x10 g=1,5 h=. i=- j=1_000 k=12:30 l=1e999 m=;1 n=9 o==1", "", perf{"n": 9}},
		"overflow":        {"| a=1e308EiB b=1", "", perf{"b": 1}},
		"no labels":       {"| =1 ''=2 b=3", "", perf{"b": 3}},
		"stray words":     {"| took 3 tries a=1 and then b=2 end", "", perf{"a": 1, "b": 2}},
		"open quote":      {"| a=1 'b=2 c=3", "", perf{"a": 1}},
		"odd quotes":      {"| 'a'b=1 c=2 d'=3 e'f=4", "", perf{"c": 2, "d'": 3, "e'f": 4}},
		"first wins":      {"| a=1 a=2", "", perf{"a": 1}},
		"control":         {"| 'a\x1b[0m'=1 b\x00=2 'c\td'=3 \xff=4 e=5", "", perf{"e": 5}},
		"no space":        {"OK|a=1;2;3  \t b=2", "OK", perf{"a": 1, "b": 2}},
		"garbage text":    {"\x00\xff\x1b]0;x\x07 | a=1", "\ufffd\ufffd\ufffd]0;x\ufffd", perf{"a": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			text, got := parse(tc.output, false)
			assert.Equal(t, tc.text, text)
			assert.Equal(t, tc.perf, got)
		})
	}
}

func TestParsePluginCutOff(t *testing.T) {
	text, got := parse("OK | a=1 b=23", true)
	assert.Equal(t, "OK", text)
	assert.Equal(t, perf{"a": 1}, got, "b may be 2345")

	_, got = parse("OK | a=1 b=23\n", true)
	assert.Equal(t, perf{"a": 1, "b": 23}, got)

	text, got = parse("nospace", true)
	assert.Empty(t, text)
	assert.Empty(t, got)
}

func TestPerformanceDataIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("OK |")
	for i := range 3 * execcheck.MaxPerformanceValues {
		b.WriteString(" v" + strconv.Itoa(i) + "=1")
	}
	_, got := parse(b.String(), false)
	assert.Len(t, got, execcheck.MaxPerformanceValues)
}

// Hostile output must not cost more than its size: each of these would take minutes if parsed in quadratic time.
func TestParsePluginIsLinear(t *testing.T) {
	for _, part := range []string{"'", "''", "'''", "' ", "'' ", "'a ''", "''''b ", "a ", "=", "= ", "a= ", "|", "\n", "'a' ", "'a b' ", " '''b"} {
		output := "OK | " + strings.Repeat(part, (512<<10)/len(part))
		began := time.Now()
		parse(output, false)
		parse(output+"=1", false)
		assert.Less(t, time.Since(began), 5*time.Second, "%q", part)
	}
}

func TestFirstLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		" \r\n\t\n":                    "",
		"one":                          "one",
		"\n\n  two \nthree":            "two",
		"progress\rdone":               "progress",
		"tab\tand\u00a0space":          "tab and space",
		"\x1b[31mred\x1b[0m":           "\ufffd[31mred\ufffd[0m",
		"right\u202eleft":              "right\ufffdleft",
		strings.Repeat("x", 200):       strings.Repeat("x", 200),
		strings.Repeat("x", 201):       strings.Repeat("x", 197) + "…",
		strings.Repeat("é", 101):       strings.Repeat("é", 98) + "…",
		strings.Repeat("\x80", 1e6):    strings.Repeat("\ufffd", 65) + "…",
		strings.Repeat(" ", 1e6) + "x": "x",
	} {
		assert.Equal(t, want, execcheck.FirstLine([]byte(in)))
	}
}

func FuzzParsePlugin(f *testing.F) {
	for _, seed := range []string{
		"PING OK - Packet loss = 0%, RTA = 0.80 ms|rta=0.800000ms;100.000000;500.000000;0.000000 pl=0%;20;60;0",
		"DISK OK - free space: / 3326 MB (56%);|/=2643MB;5948;5958;0;5968\n/boot 68 MB\n/home| /boot=68MB;88;93;0;98\n'/home x'=69357MB",
		"| 'it''s'=1 ''=2 '=3 a=U b=1e5 c=-.5%",
		"\xff|\x00=1\r\n\r\n|=|=||'''",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, output []byte, cut bool) {
		text, values := execcheck.ParsePlugin(output, cut)
		assertLine(t, text)
		assertLine(t, execcheck.FirstLine(output))
		require.LessOrEqual(t, len(values), execcheck.MaxPerformanceValues)
		for _, v := range values {
			require.False(t, math.IsNaN(v.Value) || math.IsInf(v.Value, 0), "%q is %v", v.Label, v.Value)
			require.NotEmpty(t, v.Label)
			require.True(t, utf8.ValidString(v.Label))

			again := "|'" + strings.ReplaceAll(v.Label, "'", "''") + "'=" + strconv.FormatFloat(v.Value, 'g', -1, 64)
			_, reread := execcheck.ParsePlugin([]byte(again), false)
			require.Len(t, reread, 1, again)
			require.Equal(t, v, reread[0], again)
		}
	})
}

func assertLine(t *testing.T, s string) {
	t.Helper()
	require.LessOrEqual(t, len(s), execcheck.MaxLine)
	require.True(t, utf8.ValidString(s))
	require.NotContains(t, s, "\n")
	require.Equal(t, strings.TrimSpace(s), s)
}
