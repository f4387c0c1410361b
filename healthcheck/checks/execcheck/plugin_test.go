package execcheck_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

type perf map[string]float64

func parse(output string, cut bool) (text string, got perf, note string) {
	text, values, note := execcheck.ParsePlugin([]byte(output), cut)
	got = perf{}
	for _, v := range values {
		got[v.Label] = v.Value
	}
	return text, got, note
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
		"lines of both":  {"OK | a=1\n[0] x OK - x: 741\n[1] y OK - y: 10| b=2 \nmore | c=3", "OK", perf{"a": 1, "b": 2, "c": 3}},
		"quotes":         {`OK | 'a b'=1 'it''s'=2 'x=y'=3 '/'=4 'p|q'=5`, "OK", perf{"a b": 1, "it's": 2, "x=y": 3, "/": 4, "p|q": 5}},
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
		"unknown":         {"| a=U b=1 c=U;1;2 d= U", "", perf{"b": 1}},
		"only unknown":    {"OK | a=U", "OK", perf{}},
		"no space":        {"OK|a=1;2;3  \t b=2", "OK", perf{"a": 1, "b": 2}},
		"garbage text":    {"\x00\xff\x1b]0;x\x07 | a=1", "???]0;x?", perf{"a": 1}},

		// What strict parsers lose and Icinga takes.
		"commas":              {"OK | a/s=0, b/s=5,c/s=13ms,", "OK", perf{"a/s": 0, "b/s": 5, "c/s": 0.013}},
		"semicolons":          {"OK | 'Physical Memory Used'=120Bytes; 'Utilisation'=94%;80;90; ;", "OK", perf{"Physical Memory Used": 120, "Utilisation": 0.94}},
		"blanks around equal": {"OK | 'CPU Utilization' = 12.5%;10.0;20.0 load =1 x= -2", "OK", perf{"CPU Utilization": 0.125, "load": 1, "x": -2}},
		"blanks, no quotes": {
			`OK | c:\ Used Space=10.5GB;90.00;95.00;0.00;100.00 Memory usage=19MB 5 min avg Load=59%;80;90;0;100`, "OK",
			perf{`c:\ Used Space`: 10.5e9, "Memory usage": 19e6, "5 min avg Load": 0.59},
		},
		"check_logfiles": {
			"OK - no errors|some space_lines=0 some space_warnings=0", "OK - no errors",
			perf{"some space_lines": 0, "some space_warnings": 0},
		},
		"open quote":           {"| a=1 'b=2 c=3 'd e=4", "", perf{"a": 1, "b": 2, "c": 3, "d e": 4}},
		"odd quotes":           {"| 'a'b=1 c=2 d'=3 e'f=4", "", perf{"a'b": 1, "c": 2, "d'": 3, "e'f": 4}},
		"line break in quotes": {"OK | 'a\nb'=1 c=2\nlong", "OK", perf{"a b": 1, "c": 2}},
		"control":              {"| 'a\x1b[0m'=1 'c\td'=3 \xff=4 e=5", "", perf{"a\ufffd[0m": 1, "c d": 3, "\ufffd": 4, "e": 5}},
		"check_multi": {"| web::check_http::time=1 size=2 db::check_tcp::time=3 size=4", "", perf{
			"web::check_http::time": 1, "web::check_http::size": 2, "db::check_tcp::time": 3, "db::check_tcp::size": 4,
		}},
		"pipe at the end": {"OK | a=1 |  \nlong", "OK", perf{"a": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			text, got, note := parse(tc.output, false)
			assert.Equal(t, tc.text, text)
			assert.Equal(t, tc.perf, got)
			assert.Empty(t, note)
		})
	}
}

// TestParsePluginDrops: what is not used is told, and no words of a message become labels.
func TestParsePluginDrops(t *testing.T) {
	long := strings.Repeat("x", execcheck.MaxLabel)
	for name, tc := range map[string]struct {
		output  string
		text    string
		perf    perf
		dropped string // none: nothing is told
	}{
		"no numbers": {
			"OK | a= b=x c=NaN d=inf e=-Inf f=0x10 g=1,5 h=. i=- j=1_000 k=12:30 l=1e999 m=;1 n=9 o==1", "OK", perf{"n": 9},
			"a=, b=x, c=NaN and 11 more",
		},
		"overflow":          {"OK | a=1e308EiB b=1", "OK", perf{"b": 1}, "a=1e308EiB"},
		"no labels":         {"OK | =1 ''=2 b=3", "OK", perf{"b": 3}, "=1, =2"},
		"first wins":        {"OK | a=1 a=2", "OK", perf{"a": 1}, "another a"},
		"longest label":     {"OK | " + long + "=1", "OK", perf{long: 1}, ""},
		"too long":          {"OK | x" + long + "=1 b=2", "OK", perf{"b": 2}, strings.Repeat("x", 40) + "…"},
		"stray words":       {"OK | took 3 tries a=1 and then b=2 end", "OK | took 3 tries a=1 and then b=2 end", perf{}, "took 3 tries a=1, and then b=2"},
		"words and data":    {"OK | a=1 OK", "OK", perf{"a": 1}, ""},
		"words only":        {"OK | all is well", "OK | all is well", perf{}, ""},
		"log line":          {"CRITICAL - ERROR | job id=123 done", "CRITICAL - ERROR | job id=123 done", perf{}, "job id=123"},
		"log line of user":  {"CRITICAL | user=joe session id=5", "CRITICAL | user=joe session id=5", perf{}, "user=joe, session id=5"},
		"log line of order": {"CRITICAL | order 47113 total=5", "CRITICAL | order 47113 total=5", perf{}, "order 47113 total=5"},
		"log line of time":  {"CRITICAL | 12:00:01 ERROR count=5", "CRITICAL | 12:00:01 ERROR count=5", perf{}, "12:00:01 ERROR count=5"},
		"log line of many":  {"CRITICAL | a b c d e f=5", "CRITICAL | a b c d e f=5", perf{}, "a b c d e f=5"},
		"log line and data": {
			"CRITICAL - GET /a|b?user=42 took=7 | errors=1;0", "CRITICAL - GET /a|b?user=42 took=7", perf{"errors": 1},
			"what is before the last pipe",
		},
		"pipes and data": {"CRITICAL - a|b | c | errors=1", "CRITICAL - a|b | c", perf{"errors": 1}, ""},
		"log in long text": {
			"OK | a=1\n2026-11-25 12:00:01 | job 4711 took=5 s\n12:00:02 | done=1 x", "OK", perf{"a": 1, "done": 1}, "job 4711 took=5",
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, got, note := parse(tc.output, false)
			assert.Equal(t, tc.text, text)
			assert.Equal(t, tc.perf, got)
			want := ""
			if tc.dropped != "" {
				want = "(dropped of the performance data: " + tc.dropped + ")"
			}
			assert.Equal(t, want, note)
		})
	}
}

func TestParsePluginCutOff(t *testing.T) {
	const cut = "(dropped of the performance data: what was cut off)"
	text, got, note := parse("OK | a=1 b=23", true)
	assert.Equal(t, "OK", text)
	assert.Equal(t, perf{"a": 1}, got, "b may be 2345")
	assert.Equal(t, cut, note)

	_, got, note = parse("OK | a=1 b=23\n", true)
	assert.Equal(t, perf{"a": 1, "b": 23}, got)
	assert.Equal(t, cut, note)

	text, got, _ = parse("nospace", true)
	assert.Empty(t, text)
	assert.Empty(t, got)
}

func TestPerformanceDataIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("OK |")
	for i := range 3 * execcheck.MaxPerformanceValues {
		b.WriteString(" v" + strconv.Itoa(i) + "=1")
	}
	_, got, note := parse(b.String(), false)
	assert.Len(t, got, execcheck.MaxPerformanceValues)
	assert.Equal(t, "(dropped of the performance data: v500, v501, v502 and 997 more)", note)
}

// TestLabelsAreBounded: labels that are new in each run do not make ever more series.
func TestLabelsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var labels execcheck.Labels
		names := func(prefix string, n int) []string {
			all := make([]string, n)
			for i := range all {
				all[i] = prefix + strconv.Itoa(i)
			}
			return all
		}
		n, note := labels.Admit(names("a", 500)...)
		assert.Equal(t, 500, n)
		assert.Empty(t, note)
		n, _ = labels.Admit(names("b", 499)...)
		assert.Equal(t, 499, n)
		n, note = labels.Admit("new", "one too many", "a7", "b8")
		assert.Equal(t, 3, n, "the known stay")
		assert.Equal(t, "(dropped of the performance data: too many labels: one too many)", note)

		time.Sleep(23 * time.Hour)
		n, _ = labels.Admit(append(names("a", 10), "one too many")...)
		assert.Equal(t, 10, n)
		time.Sleep(2 * time.Hour)
		n, _ = labels.Admit(append(names("a", 10), names("c", 491)...)...)
		assert.Equal(t, 501, n, "what nobody has seen for a day makes room")
		n, _ = labels.Admit(names("d", execcheck.MaxLabels)...)
		assert.Equal(t, execcheck.MaxLabels-501, n)
	})
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
		"\x1b[31mred\x1b[0m":           "?[31mred?[0m",
		"right\u202eleft":              "right?left",
		strings.Repeat("x", 200):       strings.Repeat("x", 200),
		strings.Repeat("x", 201):       strings.Repeat("x", 200) + "…",
		strings.Repeat("é", 101):       strings.Repeat("é", 100) + "…",
		strings.Repeat("\x80", 1e6):    strings.Repeat("?", 200) + "…",
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
		text, values, _ := execcheck.ParsePlugin(output, cut)
		assertLine(t, text)
		assertLine(t, execcheck.FirstLine(output))
		require.LessOrEqual(t, len(values), execcheck.MaxPerformanceValues)
		for _, v := range values {
			require.False(t, math.IsNaN(v.Value) || math.IsInf(v.Value, 0), "%q is %v", v.Label, v.Value)
			require.NotEmpty(t, v.Label)
			require.LessOrEqual(t, len(v.Label), execcheck.MaxLabel)
			require.True(t, utf8.ValidString(v.Label))

			again := "|'" + strings.ReplaceAll(v.Label, "'", "''") + "'=" + strconv.FormatFloat(v.Value, 'g', -1, 64)
			_, reread, _ := execcheck.ParsePlugin([]byte(again), false)
			require.Len(t, reread, 1, again)
			require.Equal(t, v, reread[0], again)
		}
	})
}

func assertLine(t *testing.T, s string) {
	t.Helper()
	require.LessOrEqual(t, len(s), execcheck.MaxLine+len("…"))
	require.True(t, utf8.ValidString(s))
	require.NotContains(t, s, "\n")
	require.Equal(t, strings.TrimSpace(s), s)
}
