package collector

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// number is a sample's value: mantissa × 10^-scale where exact is set, else f. Most values are counts, or times in a
// known resolution; writing their digits takes a quarter of what strconv needs to find the shortest ones of a float.
type number struct {
	f        float64
	mantissa uint64
	scale    int8
	exact    bool
}

// maxMantissa bounds exact numbers: two decimals of up to 15 digits are never the same float64, so that the shortest
// digits of the float are those of the decimal.
const maxMantissa = 1e15

func float(f float64) number { return number{f: f} }

func flag(b bool) number {
	if b {
		return number{mantissa: 1, exact: true}
	}
	return number{exact: true}
}

func count(n uint64) number {
	if n >= maxMantissa {
		return float(float64(n))
	}
	return number{mantissa: n, exact: true}
}

// seconds is a duration to the nanosecond.
func seconds(d time.Duration) number {
	if d < 0 || d >= maxMantissa {
		return float(d.Seconds())
	}
	return number{mantissa: uint64(d), scale: 9, exact: true}
}

// unixTime is a time to the millisecond, as Prometheus itself keeps times.
func unixTime(t time.Time) number {
	ms := t.UnixMilli()
	if ms < 0 || ms >= maxMantissa {
		return float(float64(ms) / 1e3)
	}
	return number{mantissa: uint64(ms), scale: 3, exact: true}
}

var powers = [...]float64{0: 1, 3: 1e3, 9: 1e9}

// float returns the value as a float64.
func (n number) float() float64 {
	if !n.exact {
		return n.f
	}
	return float64(n.mantissa) / powers[n.scale]
}

// appendText appends the number as the text format of Prometheus has it: the shortest digits, with an exponent where
// strconv's format 'g' has one.
func (n number) appendText(b []byte) []byte {
	switch {
	case n.exact:
		return appendDecimal(b, n.mantissa, int(n.scale))
	case math.IsInf(n.f, 1):
		return append(b, "+Inf"...)
	case n.f == 0: // also -0
		return append(b, '0')
	}
	return strconv.AppendFloat(b, n.f, 'g', -1, 64) // NaN and -Inf are as wanted
}

// appendOpenMetrics appends the number as OpenMetrics has it: always with a point or an exponent.
func (n number) appendOpenMetrics(b []byte) []byte {
	at := len(b)
	b = n.appendText(b)
	if bytes.ContainsAny(b[at:], "e.Na") { // also NaN; Inf has an f
		return b
	}
	if math.IsInf(n.f, 0) {
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
