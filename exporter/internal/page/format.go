package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// formatAgo gives the two largest units of a distance into the past. What a clock that was set puts into the future is
// "just now".
func formatAgo(d time.Duration) string {
	if d < time.Second {
		return "just now"
	}
	return formatSpan(d) + " ago"
}

// formatSpan gives the two largest units of a time of at least a second, and so whole seconds.
func formatSpan(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd %dh", d/day, d%day/time.Hour)
}

// formatDuration gives three digits or so, which is what people compare.
func formatDuration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		d = d.Round(time.Microsecond)
	case d < 10*time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	case d < time.Second:
		d = d.Round(time.Millisecond)
	case d < time.Minute:
		d = d.Round(10 * time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// FormatValue writes a measured value for people, by the unit at the end of the measure's name; timestamps with their
// distance from now.
func FormatValue(name string, v float64, now time.Time) string {
	plain := strconv.FormatFloat(v, 'g', 6, 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		plain = strconv.FormatFloat(v, 'f', 0, 64)
	}
	const farthest = 100 * 365 * 24 * time.Hour // time.Duration ends at 292 years
	isSpan := v > 0 && v < farthest.Seconds()   // false for NaN
	switch {
	case isSpan && strings.HasSuffix(name, "_timestamp_seconds"):
		return formatTimestamp(time.Unix(0, 0).Add(seconds(v)), now)
	case isSpan && strings.HasSuffix(name, "_seconds"):
		return formatDuration(seconds(v))
	case strings.HasSuffix(name, "_bytes"):
		return formatBytes(v, plain)
	}
	return plain
}

func formatTimestamp(t, now time.Time) string {
	distance := formatAgo(now.Sub(t))
	if ahead := t.Sub(now); ahead >= time.Second {
		distance = "in " + formatSpan(ahead)
	}
	return t.UTC().Format(timeLayout) + " (" + distance + ")"
}

func seconds(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }

func formatBytes(v float64, plain string) string {
	const units = "KMGTPE"
	if !(math.Abs(v) >= 1024) || math.IsInf(v, 0) {
		return plain + " B"
	}
	i := -1
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + units[i:i+1] + "iB"
}

// grouped writes a count with a comma every three digits.
func grouped[T int | uint64](n T) string {
	s := strconv.FormatUint(uint64(max(n, 0)), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}

// shorten returns the beginning of s, of at most n bytes and whole runes, and whether there was more. What cannot be
// shown, as control characters and broken UTF-8, becomes U+FFFD.
func shorten(s string, n int) (short string, cut bool) {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s, cut = s[:n], true
	}
	return strings.Map(printable, s), cut
}

func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return utf8.RuneError
	}
	return r
}

// brief shortens what should be short anyway.
func brief(s string) string {
	short, cut := shorten(s, maxText)
	if cut {
		short += "…"
	}
	return short
}
