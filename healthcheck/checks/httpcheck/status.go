package httpcheck

import (
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

// statusSet is a set of ranges of status codes.
type statusSet []statusRange

type statusRange struct {
	low, high int
	text      string
}

func (s statusSet) has(code int) bool {
	for _, r := range s {
		if r.low <= code && code <= r.high {
			return true
		}
	}
	return false
}

// String returns the set as it was written.
func (s statusSet) String() string {
	texts := make([]string, len(s))
	for i := range s {
		texts[i] = s[i].text
	}
	return strings.Join(texts, " or ")
}

var defaultStatus = statusSet{{200, 299, "2xx"}}

func (b *builder) statusSet() statusSet {
	if len(b.Expect.Status) == 0 {
		return defaultStatus
	}
	var set statusSet
	for i, text := range b.Expect.Status {
		r, ok := parseStatus(text)
		if !ok {
			b.Add(field.Item("expect.status", i), "%q is not a status, want one like 200, 2xx or 200-299", text)
		}
		set = append(set, r)
	}
	return set
}

func parseStatus(text string) (statusRange, bool) {
	r := statusRange{text: text}
	if len(text) == 3 && strings.EqualFold(text[1:], "xx") {
		r.low = int(text[0]-'0') * 100
		r.high = r.low + 99
		return r, '1' <= text[0] && text[0] <= '9'
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	var lowOK, highOK bool
	r.low, lowOK = parseCode(low)
	r.high, highOK = parseCode(high)
	return r, lowOK && highOK && r.low <= r.high
}

func parseCode(text string) (code int, ok bool) {
	code, err := strconv.Atoi(strings.TrimSpace(text))
	return code, err == nil && code >= 100 && code <= 999
}
