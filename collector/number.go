package collector

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"time"
)

// number is a sample's value: mantissa × 10^-scale, or a float64. Most values are counts, or times in a known resolution;
// writing their digits takes a quarter of what strconv needs to find the shortest ones of a float.
type number struct {
	mantissa uint64 // or the bits of the float64
	scale    int8   // isFloat for a float64
}

const isFloat = -1

// maxMantissa bounds exact numbers: two decimals of up to 15 digits are never the same float64, so that the shortest
// digits of the float are those of the decimal.
const maxMantissa = 1e15

func float(f float64) number { return number{math.Float64bits(f), isFloat} }

func flag(b bool) number {
	if b {
		return number{mantissa: 1}
	}
	return number{}
}

func count(n uint64) number {
	if n >= maxMantissa {
		return float(float64(n))
	}
	return number{mantissa: n}
}

// seconds is a duration to the nanosecond.
func seconds(d time.Duration) number {
	if d < 0 || d >= maxMantissa {
		return float(d.Seconds())
	}
	return number{uint64(d), 9}
}

// unixTime is a time to the millisecond, as Prometheus itself keeps times.
func unixTime(t time.Time) number {
	ms := t.UnixMilli()
	if ms < 0 || ms >= maxMantissa {
		return float(float64(ms) / 1e3)
	}
	return number{uint64(ms), 3}
}

var powers = [...]float64{0: 1, 3: 1e3, 9: 1e9}

// float returns the value as a float64.
func (n number) float() float64 {
	if n.scale == isFloat {
		return math.Float64frombits(n.mantissa)
	}
	return float64(n.mantissa) / powers[n.scale]
}

// appendText appends the number as the text format of Prometheus has it: the shortest digits, with an exponent where
// strconv's format 'g' has one.
func (n number) appendText(b []byte) []byte {
	if n.scale != isFloat {
		return appendDecimal(b, n.mantissa, int(n.scale))
	}
	switch f := n.float(); {
	case math.IsInf(f, 1):
		return append(b, "+Inf"...)
	case f == 0: // also -0
		return append(b, '0')
	default:
		return strconv.AppendFloat(b, f, 'g', -1, 64) // NaN and -Inf are as wanted
	}
}

// appendEnd appends the end of a line: a space, the number as one of the text formats has it, and a newline.
func (n number) appendEnd(b []byte, openMetrics bool) []byte {
	b = append(b, ' ')
	if openMetrics {
		b = n.appendOpenMetrics(b)
	} else {
		b = n.appendText(b)
	}
	return append(b, '\n')
}

// appendOpenMetrics appends the number as OpenMetrics has it: always with a point or an exponent.
func (n number) appendOpenMetrics(b []byte) []byte {
	at := len(b)
	b = n.appendText(b)
	if bytes.ContainsAny(b[at:], "e.Na") { // also NaN; Inf has an f
		return b
	}
	if n.scale == isFloat && math.IsInf(n.float(), 0) {
		return b
	}
	return append(b, ".0"...)
}

// appendDecimal appends m × 10^-scale as strconv.AppendFloat(f, 'g', -1, 64) would, for m below maxMantissa.
func appendDecimal(b []byte, m uint64, scale int) []byte {
	if m < 10 && scale == 0 {
		return append(b, byte('0'+m))
	}
	if m == 0 {
		return append(b, '0')
	}
	var digits [20]byte
	d := strconv.AppendUint(digits[:0], m, 10)
	for d[len(d)-1] == '0' {
		d = d[:len(d)-1]
		scale--
	}
	point := len(d) - scale // where the decimal point stands in d, or before or behind it
	switch exp := point - 1; {
	case exp < -4 || exp >= 6:
		return appendExponent(b, d, exp)
	case point <= 0:
		b = append(b, "0.000"[:2-point]...)
		return append(b, d...)
	case point >= len(d):
		b = append(b, d...)
		return append(b, "00000"[:point-len(d)]...)
	default:
		b = append(b, d[:point]...)
		b = append(b, '.')
		return append(b, d[point:]...)
	}
}

func appendExponent(b, digits []byte, exp int) []byte {
	b = append(b, digits[0])
	if len(digits) > 1 {
		b = append(b, '.')
		b = append(b, digits[1:]...)
	}
	sign := byte('+')
	if exp < 0 {
		sign, exp = '-', -exp
	}
	return append(b, 'e', sign, byte('0'+exp/10), byte('0'+exp%10))
}

// numberText is the end of the last line, from the value on. From check to check most values of a family are the same,
// or times that are not far apart: for those, patching the last digits takes a quarter of writing all.
type numberText struct {
	number number
	b      [numberSpace]byte // a space, the digits and a newline
	len    int
}

// numberSpace has room for any number: 24 digits and signs at most.
const numberSpace = 32

// append is number.appendEnd. All of the array is copied, which takes one instruction or two,
// where few bytes would take a call.
func (t *numberText) append(b []byte, n number, openMetrics bool) []byte {
	if n != t.number || t.len == 0 {
		if !t.patch(n) {
			t.len = len(n.appendEnd(t.b[:0], openMetrics))
		}
		t.number = n
	}
	start := len(b)
	b = slices.Grow(b, numberSpace)[:start+numberSpace]
	*(*[numberSpace]byte)(b[start:]) = t.b
	return b[:start+t.len]
}

// Times are milliseconds of 13 digits (until the year 2286), shown as d.dddddddddddde+09.
const (
	timeEnd     = "e+09\n"
	timeLeast   = 1e12
	timePatched = 1e5 // the last five digits, 100 s, are those that are patched
	timeKept    = len(" d.ddddddd")
)

// patch makes the text that of n, if it differs from the last one in the last digits of a time.
func (t *numberText) patch(n number) bool {
	if n.scale != 3 || t.number.scale != 3 || n.mantissa < timeLeast || n.mantissa/timePatched != t.number.mantissa/timePatched {
		return false
	}
	low := n.mantissa % timePatched
	if low == 0 || t.len <= timeKept+len(timeEnd) { // the end of what is kept, too, depends on it
		return false
	}
	b := t.b[:timeKept]
	for unit := uint64(timePatched / 10); low > 0; unit /= 10 {
		b = append(b, byte('0'+low/unit))
		low %= unit
	}
	t.len = len(append(b, timeEnd...))
	return true
}
