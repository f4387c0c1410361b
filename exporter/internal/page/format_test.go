package page

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFormatAgo(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{-time.Hour, "just now"},
		{999 * time.Millisecond, "just now"},
		{59900 * time.Millisecond, "59s ago"},
		{3*time.Minute + 5*time.Second, "3m 5s ago"},
		{26 * time.Hour, "1d 2h ago"},
		{23*time.Hour + 59*time.Minute, "23h 59m ago"},
		{1000 * 24 * time.Hour, "1000d 0h ago"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, formatAgo(tt.d))
	}
}

func TestFormatDuration(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{1234 * time.Nanosecond, "1µs"},
		{1234567 * time.Nanosecond, "1.23ms"},
		{123456 * time.Microsecond, "123ms"},
		{1234 * time.Millisecond, "1.23s"},
		{30 * time.Second, "30s"},
		{10 * time.Minute, "10m"},
		{90 * time.Second, "1m30s"},
		{10 * time.Hour, "10h"},
		{time.Hour + time.Second, "1h0m1s"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, formatDuration(tt.d))
	}
}

func TestFormatValue(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		v    float64
		want string
	}{
		{"http_status_code", 503, "503"},
		{"value", 0.1 + 0.2, "0.3"},
		{"value", -12345678, "-12345678"},
		{"value", 1e300, "1e+300"},
		{"value", math.NaN(), "NaN"},
		{"value", math.Inf(1), "+Inf"},
		{"http_duration_seconds", 0.0123, "12ms"},
		{"http_duration_seconds", math.NaN(), "NaN"},
		{"http_duration_seconds", math.Inf(-1), "-Inf"},
		{"http_duration_seconds", 1e300, "1e+300"},
		{"tls_not_after_timestamp_seconds", float64(now.Add(49 * time.Hour).Unix()), "2026-03-03 13:00:00 UTC (in 2d 1h)"},
		{"tls_not_after_timestamp_seconds", float64(now.Add(-time.Hour).Unix()), "2026-03-01 11:00:00 UTC (1h 0m ago)"},
		{"tls_not_after_timestamp_seconds", 0, "0"},
		{"tls_not_after_timestamp_seconds", 1e18, "1e+18"},
		{"filesystem_free_bytes", 1000, "1000 B"},
		{"filesystem_free_bytes", 1536, "1.5 KiB"},
		{"filesystem_free_bytes", 170 * (1 << 30), "170.0 GiB"},
		{"filesystem_free_bytes", 1e30, "867361737988.4 EiB"},
		{"filesystem_free_bytes", math.Inf(1), "+Inf B"},
		{"filesystem_free_bytes", math.NaN(), "NaN B"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, FormatValue(tt.name, tt.v, now), "%s %v", tt.name, tt.v)
	}
}

func TestGrouped(t *testing.T) {
	var got []string
	for _, n := range []int{-1, 0, 999, 1000, 123456, 1234567} {
		got = append(got, grouped(n))
	}
	assert.Equal(t, []string{"0", "0", "999", "1,000", "123,456", "1,234,567"}, got)
}

func TestShortenKeepsRunesWhole(t *testing.T) {
	for n := range 9 {
		short, cut := shorten("aüß€", n)
		assert.Equal(t, n < 8, cut, "%d", n)
		assert.True(t, slices.Contains([]string{"", "a", "aü", "aüß", "aüß€"}, short), "%d: %q", n, short)
		assert.LessOrEqual(t, len(short), n)
	}
}
