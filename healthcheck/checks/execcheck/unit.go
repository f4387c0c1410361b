package execcheck

import (
	"math"
	"strconv"
	"strings"
)

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
