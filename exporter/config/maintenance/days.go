package maintenance

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// days are the days of a crontab expression that the cron library does not know: the last of a month, and the first
// Monday, or the last, of one.
type days struct {
	clock    cron.Schedule // the times of the day, in the months, on every day
	dom, dow uint64        // bits of the other days; anyDay: all of them
	last     bool          // of the month
	nth      [7]uint8      // by day of the week: bit n for the n-th, bit 0 for the last
}

// anyDay is set by the library in the bits of a field that is not restricted.
const anyDay = 1 << 63

// farthest is how many years ahead a day is looked for: a fifth Monday of February comes every 28 years, and not in a
// century without a leap year.
const farthest = 40

// Next implements cron.Schedule.
func (d *days) Next(t time.Time) time.Time {
	for limit := t.Year() + farthest; t.Year() <= limit; {
		next := d.clock.Next(t)
		if next.IsZero() || d.match(next) {
			return next
		}
		year, month, day := next.Date()
		t = time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC).Add(-time.Second)
	}
	return time.Time{}
}

// match follows crontab(5): if both days are restricted, either may match.
func (d *days) match(t time.Time) bool {
	day, tomorrow := t.Day(), t.AddDate(0, 0, 1)
	ofMonth := d.dom&(1<<day) != 0 || d.last && tomorrow.Day() == 1
	nth := d.nth[t.Weekday()]
	ofWeek := d.dow&(1<<t.Weekday()) != 0 || nth&(1<<((day+6)/7)) != 0 || nth&1 != 0 && t.AddDate(0, 0, 7).Month() != t.Month()
	if d.dom&anyDay != 0 || d.dow&anyDay != 0 {
		return ofMonth && ofWeek
	}
	return ofMonth || ofWeek
}

// lastDay is the word for the last day of a month.
const lastDay = "L"

// takeLast takes the last day of the month out of the field for days of the month.
func (d *days) takeLast(field string) (rest string) {
	return takeItems(field, func(item string) bool {
		taken := strings.EqualFold(item, lastDay)
		d.last = d.last || taken
		return taken
	})
}

// takeNth takes days such as 1#1, the first Monday, and 5L, the last Friday, out of the field for days of the week.
func (d *days) takeNth(field string) (rest string) {
	return takeItems(field, func(item string) bool {
		match := nthDay.FindStringSubmatch(item)
		if match == nil {
			return false
		}
		n, _ := strconv.Atoi(match[2]) // 0 for the last
		d.nth[weekday(match[1])] |= 1 << n
		return true
	})
}

func (d *days) none() bool { return !d.last && d.nth == [7]uint8{} }

func takeItems(field string, take func(item string) bool) (rest string) {
	var left []string
	for item := range strings.SplitSeq(field, ",") {
		if !take(item) {
			left = append(left, item)
		}
	}
	return strings.Join(left, ",")
}

const weekdayNames = "sunmontuewedthufrisat"

var (
	nthDay   = regexp.MustCompile(`^(?i)([0-7]|sun|mon|tue|wed|thu|fri|sat)(?:#([1-5])|L)$`)
	toSunday = regexp.MustCompile(`^(?i)(?:([1-7]|mon|tue|wed|thu|fri|sat|sun)-)?(?:7|sun)(?:/([1-9][0-9]{0,2}))?$`)
)

// weekday returns the number of a day, 0 for Sunday.
func weekday(text string) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n % 7
	}
	return strings.Index(weekdayNames, strings.ToLower(text)) / 3
}

// sundayLast writes the field for days of the week without 7, which the library does not know for Sunday: 5-7 is
// 5,6,0.
func sundayLast(field string) string {
	items := strings.Split(field, ",")
	for i, item := range items {
		match := toSunday.FindStringSubmatch(item)
		if match == nil {
			continue
		}
		first, step := 7, 1
		if day := weekday(match[1]); match[1] != "" && day != 0 {
			first = day
		}
		if match[2] != "" {
			step, _ = strconv.Atoi(match[2])
		}
		var list []string
		for day := first; day <= 7; day += step {
			list = append(list, strconv.Itoa(day%7))
		}
		items[i] = strings.Join(list, ",")
	}
	return strings.Join(items, ",")
}
