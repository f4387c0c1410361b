package amount_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/amount"
)

func TestBytes(t *testing.T) {
	const total = 2000.0
	for text, want := range map[string]float64{
		"0":         0,
		"0%":        0,
		"10%":       200,
		"12.5 %":    250,
		"100%":      2000,
		"1048576":   1 << 20,
		"7b":        7,
		"1kB":       1000,
		"500MB":     500e6,
		"2GB":       2e9,
		"1TB":       1e12,
		"1PB":       1e15,
		"64KiB":     64 << 10,
		"512MiB":    512 << 20,
		" 5 gib ":   5 << 30,
		"1.5TiB":    1.5 * (1 << 40),
		"3PiB":      3 << 50,
		"0.1B":      0.1,
		"007":       7,
		"4096PiB":   1 << 62,
		"99.99999%": 1999.9998,
	} {
		limit, err := amount.Bytes(text).Limit()
		if assert.NoError(t, err, text) {
			assert.InDelta(t, want, limit.Of(total), 1e-9*max(want, 1), text)
			assert.Equal(t, strings.TrimSpace(text), limit.String())
			assert.Equal(t, strings.Contains(text, "%"), limit.IsShare(), text)
			assert.Equal(t, want == 0, limit.IsZero(), text)
		}
	}
}

func TestBytesRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "is empty",
		"  ":                     "is empty",
		"%":                      "not understood",
		"GiB":                    "not understood",
		"5G":                     "5GiB or 500MB",
		"5 percent":              "not understood",
		"-1":                     "not understood",
		"+1":                     "not understood",
		"1e9":                    "not understood",
		"0x10":                   "not understood",
		"1_000":                  "not understood",
		"1,5GiB":                 "not understood",
		"1.2.3":                  "not understood",
		".":                      "not understood",
		"NaN":                    "not understood",
		"inf":                    "not understood",
		"100.1%":                 "more than the whole",
		"5000PiB":                "too large",
		strings.Repeat("9", 400): "not understood",
		"5%%":                    "not understood",
		"\x00":                   "not understood",
	} {
		_, err := amount.Bytes(text).Limit()
		if assert.ErrorContains(t, err, want, text) {
			assert.Less(t, len(err.Error()), 200, "the error does not repeat a long text")
		}
	}
}

func TestCount(t *testing.T) {
	limit, err := amount.Count("10000").Limit()
	require.NoError(t, err)
	assert.InDelta(t, 10000, limit.Of(5), 0)

	limit, err = amount.Count("5%").Limit()
	require.NoError(t, err)
	assert.InDelta(t, 10, limit.Of(200), 1e-9)

	for _, text := range []string{"5GiB", "1k", "", "many"} {
		_, err := amount.Count(text).Limit()
		assert.Error(t, err, text)
	}
}

func TestUnmarshalText(t *testing.T) {
	b, c := amount.Bytes("1%"), amount.Count("2%")
	require.NoError(t, b.UnmarshalText([]byte("5GiB")))
	require.NoError(t, c.UnmarshalText([]byte("7")))
	assert.Equal(t, amount.Bytes("5GiB"), b)
	assert.Equal(t, amount.Count("7"), c)

	require.Error(t, b.UnmarshalText([]byte("5 apples")))
	require.Error(t, c.UnmarshalText([]byte("5GiB")))
	assert.Equal(t, amount.Bytes("5GiB"), b, "a refused text changes nothing")
	assert.Equal(t, amount.Count("7"), c, "a refused text changes nothing")
}

func TestZeroLimit(t *testing.T) {
	var l amount.Limit
	assert.True(t, l.IsZero())
	assert.Zero(t, l.Of(1e9))
}

func TestFormat(t *testing.T) {
	for bytes, want := range map[float64]string{
		0:       "0 B",
		1023:    "1023 B",
		1024:    "1.0 KiB",
		1536:    "1.5 KiB",
		5 << 30: "5.0 GiB",
		1 << 60: "1.0 EiB",
		1 << 72: "4096.0 EiB",
		-2048:   "-2.0 KiB",
	} {
		assert.Equal(t, want, amount.Format(bytes))
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"10%", "5GiB", "1.5 TB", "0", "", "-1", "1e999", "5%%", "٣%", "9.", ".5", "1 k i b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limit, err := amount.Bytes(text).Limit()
		if err != nil {
			assert.Zero(t, limit)
			return
		}
		const total = 1 << 40
		got := limit.Of(total)
		assert.False(t, math.IsNaN(got) || math.IsInf(got, 0), "%q is %v", text, got)
		assert.GreaterOrEqual(t, got, 0.0)
		if limit.IsShare() {
			assert.LessOrEqual(t, got, float64(total))
		}
		again, err := amount.Bytes(limit.String()).Limit()
		require.NoError(t, err, "what a limit prints, it reads")
		assert.Equal(t, limit, again)
	})
}
