// Package amount reads thresholds as people write them: a share such as "10%", a size such as "5GiB", a count such as
// "10000".
package amount

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Bytes is a share of a whole ("10%") or a size in bytes: "5GiB", "1.5 TiB" (powers of 1024), "500MB" (powers of
// 1000), or a plain number. Units may be written in any case.
type Bytes string

// UnmarshalText sets b to text if that is an amount of bytes.
func (b *Bytes) UnmarshalText(text []byte) error {
	if _, err := Bytes(text).Limit(); err != nil {
		return err
	}
	*b = Bytes(text)
	return nil
}

// Limit parses b.
func (b Bytes) Limit() (Limit, error) {
	return parse(string(b), byteUnits, "a share such as 5% or a size such as 5GiB or 500MB")
}

// Pattern returns a regular expression, of those that all dialects know, for what [Bytes.UnmarshalText] takes.
func (Bytes) Pattern() string { return pattern(byteUnits) }

// Count is a share of a whole ("10%") or a plain number ("10000").
type Count string

// UnmarshalText sets c to text if that is a count.
func (c *Count) UnmarshalText(text []byte) error {
	if _, err := Count(text).Limit(); err != nil {
		return err
	}
	*c = Count(text)
	return nil
}

// Pattern returns a regular expression, of those that all dialects know, for what [Count.UnmarshalText] takes.
func (Count) Pattern() string { return pattern(countUnits) }

// Limit parses c.
func (c Count) Limit() (Limit, error) {
	return parse(string(c), countUnits, "a share such as 5% or a number such as 10000")
}

// Limit is a parsed amount. The zero Limit is 0 of anything.
type Limit struct {
	text  string
	value float64 // a percentage if share is set
	share bool
}

// Of returns how much the limit is where the whole is total.
func (l Limit) Of(total float64) float64 {
	if l.share {
		return total / 100 * l.value
	}
	return l.value
}

// IsZero reports whether the limit is 0 of anything, so that nothing is below it.
func (l Limit) IsZero() bool { return l.value == 0 }

// IsShare reports whether the limit is relative to the whole.
func (l Limit) IsShare() bool { return l.share }

// String returns the limit as it was written.
func (l Limit) String() string { return l.text }

const maxValue = 1 << 62 // more than any disk; far from what float64 and int64 cannot hold

var (
	countUnits = map[string]float64{"": 1}
	byteUnits  = map[string]float64{
		"": 1, "b": 1,
		"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15,
		"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50,
	}
)

// parse reads a decimal number and its unit, "%" or one of units. Signs, exponents, infinities and digits grouped by
// commas are no numbers here.
func parse(s string, units map[string]float64, want string) (Limit, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return Limit{}, errors.New("is empty; write " + want)
	}
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || s[end] == '.') {
		end++
	}
	unit := strings.ToLower(strings.TrimSpace(s[end:]))
	value, err := strconv.ParseFloat(s[:end], 64)
	scale, known := units[unit]
	share := unit == "%"
	switch {
	case err != nil || !known && !share:
		return Limit{}, fmt.Errorf("%.40q is not understood; write %s", s, want)
	case share && value > 100:
		return Limit{}, fmt.Errorf("%.40q is more than the whole", s)
	case share:
		return Limit{text: s, value: value, share: true}, nil
	case value*scale > maxValue:
		return Limit{}, fmt.Errorf("%.40q is too large", s)
	default:
		return Limit{text: s, value: value * scale}, nil
	}
}

// pattern returns a regular expression for what parse takes, but for what is too large.
func pattern(units map[string]float64) string {
	var names []string
	for _, unit := range slices.Sorted(maps.Keys(units)) {
		var b strings.Builder
		for _, r := range unit {
			fmt.Fprintf(&b, "[%c%c]", r, r-'a'+'A')
		}
		names = append(names, b.String())
	}
	const number, share = `(?:[0-9]+\.?[0-9]*|\.[0-9]+)`, `(?:0*(?:100(?:\.0*)?|[0-9]{1,2}(?:\.[0-9]*)?)|\.[0-9]+)`
	return `^\s*(?:` + number + `\s*(?:` + strings.Join(names, "|") + `)|` + share + `\s*%)\s*$`
}

// Format returns a number of bytes for people, in powers of 1024: "3.2 GiB".
func Format(bytes float64) string {
	const units = "KMGTPE"
	if math.Abs(bytes) < 1024 {
		return fmt.Sprintf("%.0f B", bytes)
	}
	i := -1
	for math.Abs(bytes) >= 1024 && i < len(units)-1 {
		bytes /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", bytes, units[i])
}
