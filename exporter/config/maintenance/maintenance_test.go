package maintenance_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // not every machine has a database of zones

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
)

func build(t testing.TB, windows ...maintenance.Window) func(time.Time) bool {
	t.Helper()
	var b maintenance.Builder
	contain, err := b.Build(windows)
	require.NoError(t, err)
	return contain
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return parsed
}

func nightly(spec, zone string, d time.Duration) maintenance.Window {
	return maintenance.Window{Cron: spec, Timezone: zone, Duration: d}
}

// TestBeginAndEnd names the first moments of windows and of the times in between, in order.
func TestBeginAndEnd(t *testing.T) {
	for _, tc := range []struct {
		name   string
		window maintenance.Window
		opens  []string // first moment in a window, first moment after it, and so on
	}{
		{"every Saturday", nightly("0 2 * * 6", "Europe/Berlin", 2*time.Hour), []string{
			"2026-07-04T00:00:00Z", "2026-07-04T02:00:00Z", "2026-07-11T00:00:00Z", "2026-07-11T02:00:00Z"}},
		{"UTC without a zone", nightly("30 1 * * *", "", 30*time.Minute), []string{
			"2026-07-04T01:30:00Z", "2026-07-04T02:00:00Z", "2026-07-05T01:30:00Z", "2026-07-05T02:00:00Z"}},
		{"over midnight and the end of the year", nightly("0 22 31 12 *", "", 5*time.Hour), []string{
			"2026-12-31T22:00:00Z", "2027-01-01T03:00:00Z", "2027-12-31T22:00:00Z"}},
		{"by name", nightly("@weekly", "", time.Hour), []string{
			"2026-07-05T00:00:00Z", "2026-07-05T01:00:00Z", "2026-07-12T00:00:00Z"}},
		{"overlapping itself", nightly("0 0,1,12 * * *", "", 90*time.Minute), []string{
			"2026-07-05T00:00:00Z", "2026-07-05T02:30:00Z", "2026-07-05T12:00:00Z", "2026-07-05T13:30:00Z", "2026-07-06T00:00:00Z"}},
		{"adjoining itself", nightly("0 1,2 * * *", "", time.Hour), []string{"2026-07-05T01:00:00Z", "2026-07-05T03:00:00Z", "2026-07-06T01:00:00Z"}},
		{"either day", nightly("0 0 13 * 5", "", time.Hour), []string{
			"2026-08-07T00:00:00Z", "2026-08-07T01:00:00Z", "2026-08-13T00:00:00Z", "2026-08-13T01:00:00Z", "2026-08-14T00:00:00Z", "2026-08-14T01:00:00Z"}},
		{"Sunday is 7 too", nightly("0 2 * * 7", "", time.Hour), []string{"2026-07-05T02:00:00Z", "2026-07-05T03:00:00Z", "2026-07-12T02:00:00Z"}},
		{"Friday to Sunday", nightly("0 2 * * 5-7", "", time.Hour), []string{
			"2026-07-03T02:00:00Z", "2026-07-03T03:00:00Z", "2026-07-04T02:00:00Z", "2026-07-04T03:00:00Z", "2026-07-05T02:00:00Z", "2026-07-05T03:00:00Z", "2026-07-10T02:00:00Z"}},
		{"every other day up to Sunday", nightly("0 2 * * tue-sun/2,7/3", "", time.Hour), []string{
			"2026-07-05T02:00:00Z", "2026-07-05T03:00:00Z", "2026-07-07T02:00:00Z", "2026-07-07T03:00:00Z", "2026-07-09T02:00:00Z", "2026-07-09T03:00:00Z",
			"2026-07-11T02:00:00Z", "2026-07-11T03:00:00Z", "2026-07-12T02:00:00Z"}},
		{"first Monday", nightly("0 2 * * 1#1", "", time.Hour), []string{
			"2026-06-01T02:00:00Z", "2026-06-01T03:00:00Z", "2026-07-06T02:00:00Z", "2026-07-06T03:00:00Z", "2026-08-03T02:00:00Z"}},
		{"second and last Sunday", nightly("0 2 * * 7#2,sunL", "", time.Hour), []string{
			"2026-05-10T02:00:00Z", "2026-05-10T03:00:00Z", "2026-05-31T02:00:00Z", "2026-05-31T03:00:00Z", "2026-06-14T02:00:00Z", "2026-06-14T03:00:00Z", "2026-06-28T02:00:00Z"}},
		{"last day", nightly("0 2 L * *", "Europe/Berlin", time.Hour), []string{
			"2028-01-31T01:00:00Z", "2028-01-31T02:00:00Z", "2028-02-29T01:00:00Z", "2028-02-29T02:00:00Z", "2028-03-31T00:00:00Z", "2028-03-31T01:00:00Z", "2028-04-30T00:00:00Z"}},
		{"last day or any Friday", nightly("0 2 15,L 2 5L", "", time.Hour), []string{
			"2026-02-15T02:00:00Z", "2026-02-15T03:00:00Z", "2026-02-27T02:00:00Z", "2026-02-27T03:00:00Z", "2026-02-28T02:00:00Z", "2026-02-28T03:00:00Z", "2027-02-15T02:00:00Z"}},
		{"fifth Monday of February", nightly("0 0 * 2 1#5", "", time.Hour), []string{"2044-02-29T00:00:00Z", "2044-02-29T01:00:00Z", "2072-02-29T00:00:00Z"}},
		{"leap day", nightly("0 0 29 2 *", "", time.Hour), []string{"2028-02-29T00:00:00Z", "2028-02-29T01:00:00Z", "2032-02-29T00:00:00Z"}},
		{"once", maintenance.Window{From: at(t, "2026-12-24T18:00:00+01:00"), To: at(t, "2026-12-27T06:00:00+01:00")}, []string{
			"2026-12-24T17:00:00Z", "2026-12-27T05:00:00Z"}},

		// Clocks in Berlin skip from 02:00 to 03:00 at 01:00Z.
		{"begins in the skipped hour", nightly("30 2 * * *", "Europe/Berlin", time.Hour), []string{
			"2026-03-28T01:30:00Z", "2026-03-28T02:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z", "2026-03-30T00:30:00Z", "2026-03-30T01:30:00Z"}},
		{"begins with the skipped hour", nightly("0 2 29 3 *", "Europe/Berlin", time.Hour), []string{"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", "2027-03-29T00:00:00Z"}},
		{"begins after the skipped hour", nightly("0 3 29 3 *", "Europe/Berlin", time.Hour), []string{"2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", "2027-03-29T01:00:00Z"}},
		{"lasts over the skipped hour", nightly("30 1 29 3 *", "Europe/Berlin", time.Hour), []string{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2027-03-28T23:30:00Z"}},
		{"every hour around the skipped one", nightly("15 * 29 3 *", "Europe/Berlin", 30*time.Minute), []string{
			"2026-03-29T00:15:00Z", "2026-03-29T00:45:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z", "2026-03-29T02:15:00Z"}},
		{"skipped and not skipped, in the wrong order", nightly("0,30 2,3 29 3 *", "Europe/Berlin", 10*time.Minute), []string{
			"2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z", "2026-03-29T01:30:00Z", "2026-03-29T01:40:00Z", "2027-03-29T00:00:00Z"}},

		// They are put back from 03:00 to 02:00 at 01:00Z.
		{"begins in the repeated hour", nightly("30 2 * * *", "Europe/Berlin", 20*time.Minute), []string{
			"2026-10-24T00:30:00Z", "2026-10-24T00:50:00Z", "2026-10-25T00:30:00Z", "2026-10-25T00:50:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:50:00Z", "2026-10-26T01:30:00Z"}},
		{"lasts over the repeated hour", nightly("30 1 25 10 *", "Europe/Berlin", 2*time.Hour), []string{"2026-10-24T23:30:00Z", "2026-10-25T01:30:00Z", "2027-10-24T23:30:00Z"}},
		{"begins after the repeated hour", nightly("0 3 25 10 *", "Europe/Berlin", time.Hour), []string{"2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z", "2027-10-25T01:00:00Z"}},

		{"half an hour skipped", nightly("15 2 4 10 *", "Australia/Lord_Howe", 5*time.Minute), []string{"2026-10-03T15:45:00Z", "2026-10-03T15:50:00Z"}},
		{"half an hour repeated", nightly("45 1 5 4 *", "Australia/Lord_Howe", 5*time.Minute), []string{
			"2026-04-04T14:45:00Z", "2026-04-04T14:50:00Z", "2026-04-04T15:15:00Z", "2026-04-04T15:20:00Z"}},
		{"after half an hour repeated", nightly("0 2 5 4 *", "Australia/Lord_Howe", 5*time.Minute), []string{"2026-04-04T15:30:00Z", "2026-04-04T15:35:00Z"}},
		{"midnight skipped", nightly("@daily", "America/Sao_Paulo", time.Hour), []string{
			"2018-11-03T03:00:00Z", "2018-11-03T04:00:00Z", "2018-11-04T03:00:00Z", "2018-11-04T04:00:00Z", "2018-11-05T02:00:00Z", "2018-11-05T03:00:00Z"}},
		{"a day skipped", nightly("0 2 30 12 *", "Pacific/Apia", time.Hour), []string{"2011-12-30T12:00:00Z", "2011-12-30T13:00:00Z", "2012-12-29T12:00:00Z"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kept := build(t, tc.window)
			for i, text := range tc.opens {
				first := at(t, text)
				opens := i%2 == 0
				// Backwards from each, the other way round, and with nothing remembered.
				for _, contain := range []func(time.Time) bool{kept, build(t, tc.window)} {
					assert.Equal(t, opens, contain(first), text)
					assert.Equal(t, !opens, contain(first.Add(-time.Nanosecond)), "before %s", text)
					assert.Equal(t, opens, contain(first.Add(time.Nanosecond).Local()), "after %s", text)
				}
			}
			// Nothing else begins or ends in between.
			for i := range tc.opens[1:] {
				from, to := at(t, tc.opens[i]), at(t, tc.opens[i+1])
				for n := range time.Duration(50) {
					moment := from.Add(to.Sub(from) / 50 * n)
					assert.Equal(t, i%2 == 0, kept(moment), moment)
				}
			}
		})
	}
}

// TestYearsWithoutWindow looks beyond the eight years around 2100 that have no leap day.
func TestYearsWithoutWindow(t *testing.T) {
	contain := build(t, nightly("0 0 29 2 *", "", time.Hour))
	for day := at(t, "2096-01-01T00:30:00Z"); day.Year() < 2105; day = day.AddDate(0, 0, 1) {
		assert.Equal(t, day.Month() == time.February && day.Day() == 29, contain(day), day)
	}
}

// TestLastDayOfLeapYears is the day for which package time tells the wrong end of a zone's offset.
func TestLastDayOfLeapYears(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland"} {
		contain := build(t, nightly("0 12 * * *", zone, time.Hour))
		location, err := time.LoadLocation(zone)
		require.NoError(t, err)
		for _, year := range []int{2028, 2040, 2048, 2096} {
			for day := range 4 {
				for hour := range 24 {
					now := time.Date(year, 12, 30+day, hour, 30, 0, 0, location)
					assert.Equal(t, hour == 12, contain(now), now)
				}
			}
		}
	}
}

// wallClock decides without a schedule: it looks at what the zone's clock has shown in every minute of the duration.
func wallClock(zone *time.Location, hour, minute int, d time.Duration, now time.Time) bool {
	for m := now.Truncate(time.Minute); now.Sub(m) < d; m = m.Add(-time.Minute) {
		if h, n, _ := m.In(zone).Clock(); h == hour && n == minute {
			return true
		}
	}
	return false
}

func TestRandomTimes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		for range 20 {
			// None begins where these zones skip something, which is what the table is for.
			hour, minute := 4+random.IntN(20), random.IntN(60)
			d := time.Duration(1+random.IntN(30*60)) * time.Minute
			contain := build(t, nightly(fmt.Sprintf("%d %d * * *", minute, hour), name, d))
			for range 50 {
				now := time.Unix(1_000_000_000+random.Int64N(3<<30), random.Int64N(1e9))
				require.Equal(t, wallClock(zone, hour, minute, d, now), contain(now), "%02d:%02d for %s in %s at %s", hour, minute, d, name, now.In(zone))
			}
		}
	}
}

func TestSeveralWindows(t *testing.T) {
	a, b := nightly("0 1 * * *", "", 2*time.Hour), nightly("0 2 * * *", "", 2*time.Hour)
	once := maintenance.Window{From: at(t, "2026-07-04T12:00:00Z"), To: at(t, "2026-07-04T13:00:00.5Z")}
	contain := build(t, a, once, b)
	for text, want := range map[string]bool{
		"2026-07-04T00:59:59Z": false, "2026-07-04T01:00:00Z": true, "2026-07-04T03:30:00Z": true, "2026-07-04T04:00:00Z": false,
		"2026-07-04T11:59:59Z": false, "2026-07-04T12:00:00Z": true, "2026-07-04T13:00:00Z": true, "2026-07-04T13:00:00.5Z": false,
		"2026-07-05T12:30:00Z": false, "2026-07-05T03:30:00Z": true,
	} {
		assert.Equal(t, want, contain(at(t, text)), text)
	}
	assert.Nil(t, build(t))
}

func TestMonotonicClockDoesNotCount(t *testing.T) {
	now := time.Now() // with a reading of the monotonic clock
	contain := build(t, maintenance.Window{From: now.Add(-time.Hour), To: now.Add(time.Hour)})
	assert.True(t, contain(now))
	assert.True(t, contain(now.Round(0)))
	assert.False(t, contain(now.Add(time.Hour)))
	assert.False(t, contain(now.Round(0).Add(-2*time.Hour)))
}

func TestConcurrentUse(t *testing.T) {
	contain := build(t, nightly("*/2 * * * *", "Europe/Berlin", time.Minute))
	start := at(t, "2026-03-29T00:00:00Z")
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 0))
			for range 5000 {
				now := start.Add(time.Duration(random.IntN(300)) * time.Second)
				assert.Equal(t, now.Minute()%2 == 0, contain(now), now)
			}
		})
	}
	wg.Wait()
}

func TestMistakes(t *testing.T) {
	var b maintenance.Builder
	times := maintenance.Window{From: at(t, "2026-07-04T12:00:00Z"), To: at(t, "2026-07-04T12:00:00Z")}
	_, err := b.Build([]maintenance.Window{
		nightly("@daily", "", time.Hour), {}, nightly("TZ=UTC", "No/where", time.Second), times, nightly("@every 1h", "UTC", 169*time.Hour),
		nightly("\xff\xff "+strings.Repeat("é", 200)+" * * *", "UTC", time.Hour),
	})
	require.EqualError(t, err, strings.Join([]string{
		`[1]: says not when: add cron and duration, or from and to`,
		`[2].duration: is not between 1m and 7d`,
		`[2].cron: has a = in it; give the time zone as timezone`,
		`[2].timezone: no time zone is named "No/where"; want a name such as Europe/Berlin, UTC or Local`,
		`[3].to: is not after from`,
		`[4].duration: is not between 1m and 7d`,
		`[4].cron: "@every 1h" is not one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually`,
		`[5].cron: "\xff\xff" is no minute; want 0 to 59, as *, lists (1,3), rising ranges (1-4) or steps (*/2)`,
	}, "\n"))
	_, err = b.Build(make([]maintenance.Window, maintenance.MaxWindows+1))
	require.EqualError(t, err, "more than 100 windows apply")
	for _, d := range []time.Duration{maintenance.MinDuration, maintenance.MaxDuration} {
		build(t, nightly("@hourly", "Local", d))
	}
}

func TestAskingAllocatesNothing(t *testing.T) {
	contain := build(t, nightly("0 2 * * 6", "Europe/Berlin", 2*time.Hour), nightly("30 1 * * *", "", 30*time.Minute))
	now := at(t, "2026-07-04T01:00:00Z")
	assert.Zero(t, testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Millisecond)
		contain(now)
	}))
}

// FuzzCron holds that no expression makes Build panic, and that a window of an accepted one opens and closes.
func FuzzCron(f *testing.F) {
	for _, spec := range []string{
		"0 2 * * 6", "@daily", "@every 1s", "TZ=", "CRON_TZ=UTC", "TZ= 0 0 * * *", "0 0 30 2 *", ", , , , ,", "*/7 1-3,5 1/2 jan-mar ?", "0 0 29 2 1", "+1 -1 * * *", "*-3/2 * * * *",
		"0/18446744073709551615 * * * *", "0 0 31 2,4 0-6/9", "0 2 L * 7", "0 2 * * 1#1,5L,5-7/2", "0 0 31,l 2 SUN#5", "0 0 , * 1#9", "0 0 L, * L",
	} {
		f.Add(spec, "Europe/Berlin", int64(time.Hour))
	}
	f.Add("0", strings.Repeat("\x89", 81), int64(time.Hour))
	f.Fuzz(func(t *testing.T, spec, zone string, d int64) {
		var b maintenance.Builder
		contain, err := b.Build([]maintenance.Window{nightly(spec, zone, time.Duration(d))})
		if err != nil {
			assert.Nil(t, contain)
			return
		}
		start := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
		for i := range 100 {
			now := start.Add(time.Duration(i*i) * 7 * time.Minute)
			fresh, err := b.Build([]maintenance.Window{nightly(spec, zone, time.Duration(d)), {From: start.AddDate(-2, 0, 0), To: start.AddDate(-1, 0, 0)}})
			require.NoError(t, err)
			assert.Equal(t, fresh(now), contain(now), now)
		}
	})
}

func BenchmarkContain(b *testing.B) {
	start := at(b, "2026-07-04T01:00:00Z")
	for _, n := range []int{1, 10, 100} {
		var windows []maintenance.Window
		for i := range n {
			windows = append(windows, nightly(fmt.Sprintf("%d 2 * * 6", i%60), "Europe/Berlin", time.Duration(i+1)*time.Minute))
		}
		contain := build(b, windows...)
		b.Run(fmt.Sprintf("same/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				contain(start)
			}
		})
		b.Run(fmt.Sprintf("boundary/%d", n), func(b *testing.B) { // each time in another window, so everything is worked out anew
			b.ReportAllocs()
			now := start
			for b.Loop() {
				now = now.AddDate(0, 0, 7)
				if now.Year() > 2090 {
					now = start
				}
				contain(now)
			}
		})
	}
}
