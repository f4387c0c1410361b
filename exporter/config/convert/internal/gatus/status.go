package gatus

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
)

// The statuses that an answer may have.
const (
	firstStatus = 100
	firstFinal  = 200
	lastStatus  = 999
)

// redirects are followed where there is a Location, so that they are never the status of the last answer. One that is
// expected here is not followed.
var redirects = []int{301, 302, 303, 307, 308}

// statusSet is the statuses for which all conditions hold, by status.
type statusSet [lastStatus + 1]bool

func newStatusSet() *statusSet {
	s := &statusSet{}
	for code := firstStatus; code <= lastStatus; code++ {
		s[code] = true
	}
	return s
}

// restrict leaves the statuses for which a condition holds. It returns false, and leaves the set as it is, for one that
// it does not understand or that holds for none.
func (s *statusSet) restrict(c *condition) bool {
	holds := c.statusTest()
	if holds == nil {
		return false
	}
	left, none := *s, true
	for code := range left {
		left[code] = left[code] && holds(code)
		none = none && !left[code]
	}
	if none {
		return false
	}
	*s = left
	return true
}

// statusTest returns the condition as a function of the status, or nil.
func (c *condition) statusTest() func(code int) bool {
	var equal func(code int) bool
	if glob, ok := function(c.right, "pat"); ok {
		pattern, ok := globPattern(glob)
		re, err := regexp.Compile(pattern)
		if !ok || err != nil {
			return nil
		}
		equal = func(code int) bool { return re.MatchString(strconv.Itoa(code)) }
	} else {
		var numbers []int
		for _, option := range c.options() {
			n, err := strconv.ParseInt(option, 0, 32)
			if err != nil {
				return nil
			}
			numbers = append(numbers, int(n))
		}
		equal = func(code int) bool { return slices.Contains(numbers, code) }
		limit := numbers[0]
		switch {
		case len(numbers) > 1:
		case c.op == "<":
			return func(code int) bool { return code < limit }
		case c.op == "<=":
			return func(code int) bool { return code <= limit }
		case c.op == ">":
			return func(code int) bool { return code > limit }
		case c.op == ">=":
			return func(code int) bool { return code >= limit }
		}
	}
	switch c.op {
	case "==":
		return equal
	case "!=":
		return func(code int) bool { return !equal(code) }
	}
	return nil
}

// texts returns the set as the key status has it. Where redirects are followed, they are left out, unless nothing else is
// there.
func (s *statusSet) texts(follow bool) draft.Flow {
	set := *s
	if !slices.Contains(set[firstStatus:firstFinal], false) { // no last answer has such a status
		clear(set[firstStatus:firstFinal])
	}
	if follow {
		for _, code := range redirects {
			set[code] = false
		}
		if !slices.Contains(set[:], true) {
			set = *s
		}
	}
	var texts []string
	for low := firstStatus; low <= lastStatus; low++ {
		if !set[low] {
			continue
		}
		high := low
		for high < lastStatus && set[high+1] {
			high++
		}
		switch {
		case high-low < 2:
			for code := low; code <= high; code++ {
				texts = append(texts, strconv.Itoa(code))
			}
		case low%100 == 0 && high == low+99:
			texts = append(texts, fmt.Sprintf("%dxx", low/100))
		default:
			texts = append(texts, fmt.Sprintf("%d-%d", low, high))
		}
		low = high
	}
	return draft.Words(texts)
}
