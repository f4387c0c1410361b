package execcheck

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const maxPerformanceValues = 500 // of one run; the rest is dropped

// pluginState returns what an exit code means by the Monitoring Plugins guidelines, nothing for 0.
func pluginState(exitCode int) string {
	switch exitCode {
	case 0:
		return ""
	case 1:
		return "warning"
	case 2:
		return "critical"
	case 3:
		return "unknown"
	default:
		return "exit code " + strconv.Itoa(exitCode)
	}
}

// plugin is what the output of a monitoring plugin says.
type plugin struct {
	text   string // the first line, without performance data
	values []healthcheck.Value
}

// parsePlugin reads the output of a plugin:
//
//	TEXT | PERFORMANCE DATA
//	LONG TEXT
//	LONG TEXT | PERFORMANCE DATA
//	PERFORMANCE DATA
//
// What is malformed is skipped. If the output was cut off, so is what may be half of a value.
func parsePlugin(output []byte, cut bool) plugin {
	text := strings.TrimLeft(string(output), "\r\n")
	if cut {
		text = text[:strings.LastIndexAny(text, " \t\r\n")+1]
	}
	first, rest, _ := strings.Cut(text, "\n")
	words, perf, _ := strings.Cut(first, "|")
	_, more, _ := strings.Cut(rest, "|")
	return plugin{
		text:   printable([]byte(words)),
		values: appendPerformance(appendPerformance(nil, perf), more),
	}
}

// appendPerformance appends the values in performance data: label=value[unit][;warn[;crit[;min[;max]]]] and so on, with
// spaces between. A label with spaces or an equals sign is in single quotes, a quote in it doubled.
func appendPerformance(values []healthcheck.Value, perf string) []healthcheck.Value {
	for len(values) < maxPerformanceValues {
		label, rest, ok := cutLabel(strings.TrimSpace(perf))
		if rest == "" {
			break
		}
		field := rest
		if end := strings.IndexFunc(rest, unicode.IsSpace); end >= 0 {
			field = rest[:end]
		}
		perf = rest[len(field):]
		if !ok {
			continue
		}
		number, _, _ := strings.Cut(field, ";")
		if v, ok := performanceValue(number); ok {
			values = append(values, healthcheck.Value{Measure: MeasureValue, Label: label, Value: v})
		}
	}
	return values
}

// cutLabel splits performance data into the first label and what follows its equals sign. It returns false for a label
// that cannot be used, with the text after whose next space to go on.
func cutLabel(perf string) (label, rest string, ok bool) {
	if !strings.HasPrefix(perf, "'") {
		label, rest, ok = strings.Cut(perf, "=")
		if i := strings.LastIndexFunc(label, unicode.IsSpace); i >= 0 {
			label = strings.TrimSpace(label[i:]) // words that belong to nothing
		}
		return label, rest, ok && validLabel(label)
	}
	var b strings.Builder
	for i := 1; i < len(perf); i++ {
		switch {
		case perf[i] != '\'':
			b.WriteByte(perf[i])
		case strings.HasPrefix(perf[i:], "''"):
			b.WriteByte('\'')
			i++
		case strings.HasPrefix(perf[i:], "'="):
			return b.String(), perf[i+2:], validLabel(b.String())
		default:
			return "", perf, false
		}
	}
	return "", "", false // the quote is never closed
}

// validLabel reports whether s is printable text.
func validLabel(s string) bool {
	return s != "" && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// performanceValue parses a number and its unit, and returns it in base units. "U" stands for a value that the plugin
// could not find out.
func performanceValue(s string) (float64, bool) {
	end := numberLen(s)
	v, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, false
	}
	unit := s[end:]
	if strings.ContainsAny(unit, "0123456789'\",") {
		return 0, false
	}
	v = baseUnits(v, unit)
	return v, !math.IsInf(v, 0)
}

// numberLen returns the length of the decimal number that s begins with, with or without an exponent.
func numberLen(s string) int {
	digits := func(i int) int {
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i
	}
	sign := func(i int) int {
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
		return i
	}
	end := digits(sign(0))
	if end < len(s) && s[end] == '.' {
		end = digits(end + 1)
	}
	if end < len(s) && (s[end] == 'e' || s[end] == 'E') {
		if start := sign(end + 1); digits(start) > start {
			end = digits(start)
		}
	}
	return end
}

func baseUnits(v float64, unit string) float64 {
	switch unit {
	case "%":
		return v / 100
	case "ms":
		return v / 1e3
	case "us", "µs", "μs": // micro sign, Greek mu
		return v / 1e6
	case "ns":
		return v / 1e9
	}
	prefix, isBytes := strings.CutSuffix(unit, "B")
	base := 1000.0
	if p, ok := strings.CutSuffix(prefix, "i"); ok {
		prefix, base = p, 1024
	}
	if power, ok := powers[prefix]; ok && isBytes {
		return v * math.Pow(base, power)
	}
	return v
}

var powers = map[string]float64{"k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
