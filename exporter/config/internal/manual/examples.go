package manual

import (
	"regexp"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

var (
	commentedExample = regexp.MustCompile(`(?m)^( *)#(\S| {2,})`) // as default.yml explains
	item             = regexp.MustCompile(`(?m)^  - `)
)

// exampleOf returns a configuration with a check of a kind: the longest example of default.yml, without what has nothing
// to do with the kind.
func exampleOf(kind string) string {
	text := commentedExample.ReplaceAllString(string(config.DefaultYAML()), "$1$2")
	_, text, _ = strings.Cut(text, "\nchecks:\n")
	longest := ""
	for _, check := range item.Split(text, -1)[1:] {
		if example := ofKind(check, kind); len(example) > len(longest) {
			longest = example
		}
	}
	if longest == "" {
		return ""
	}
	return "checks:\n" + longest
}

// ofKind returns the endpoint of a check and its kind; nothing if it is of another kind.
func ofKind(check, kind string) string {
	var b strings.Builder
	keep, found := true, false
	for i, line := range strings.Split(check, "\n") {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case i == 0:
			b.WriteString("  - " + line + "\n")
			continue
		case indent < 4: // blank, or the comment on the next check
			keep = false
		case indent == 4:
			key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
			keep = key == kind
			found = found || keep
		}
		if keep {
			b.WriteString(line + "\n")
		}
	}
	if !found || strings.ContainsAny(b.String(), "&*") && strings.Contains(b.String(), "<<") {
		return ""
	}
	return b.String()
}
