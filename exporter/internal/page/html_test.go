package page

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	markup    = regexp.MustCompile(`<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*)>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
	styles    = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	rows      = regexp.MustCompile(`(?s)<tr class="([a-z]+)">(.*?)</tr>`)
	endpoints = regexp.MustCompile(`<code><bdi>([^<]*)</bdi></code></a></p>`)
	spaces    = regexp.MustCompile(`\s+`)
)

// requireHTML holds a page to a strict subset of HTML: every tag is one the template has, closed and nested as it
// should be, every attribute is quoted, every link stays on this server, and no other angle bracket is left.
func requireHTML(t testing.TB, body string) {
	t.Helper()
	known := strings.Fields("html head meta title link style body header div p span h1 h2 small bdi time br strong nav ul li " +
		"a b form input label button main section table thead tbody tr th td code i details summary dl dt dd footer")
	void := []string{"meta", "link", "br", "input"}
	body, found := strings.CutPrefix(body, "<!DOCTYPE html>\n")
	require.True(t, found, "document type")
	body = styles.ReplaceAllString(body, "")
	var open []string
	for _, m := range markup.FindAllStringSubmatch(body, -1) {
		tag := m[2]
		if !slices.Contains(known, tag) {
			require.Fail(t, "unexpected tag", "%s", m[0])
		}
		for _, a := range attribute.FindAllStringSubmatch(m[3], -1) {
			if !harmless(tag, a[1], html.UnescapeString(a[2])) {
				require.Fail(t, "unexpected attribute", "%s", m[0])
			}
		}
		switch last := len(open) - 1; {
		case m[1] == "" && !slices.Contains(void, tag):
			open = append(open, tag)
		case m[1] == "":
		case last < 0 || open[last] != tag:
			require.Fail(t, "wrong closing tag", "</%s> within %v", tag, open)
		default:
			open = open[:last]
		}
	}
	require.Empty(t, open, "tags left open")
	rest := markup.ReplaceAllString(body, "")
	if i := strings.IndexAny(rest, "<>"); i >= 0 {
		require.Fail(t, "stray bracket", "%q", rest[max(0, i-60):min(len(rest), i+60)])
	}
}

// harmless reports whether an attribute neither runs nor loads anything, and leads nowhere else.
func harmless(tag, name, value string) bool {
	switch {
	case name == "style", name == "src", strings.HasPrefix(name, "on"):
		return false
	case name == "href" && tag == "link":
		return strings.HasPrefix(value, "data:image/svg+xml,")
	case name == "href", name == "action":
		return strings.HasPrefix(value, "./")
	}
	return true
}

// textOf returns what a reader sees of a piece of HTML, on one line.
func textOf(s string) string {
	s = markup.ReplaceAllString(styles.ReplaceAllString(s, ""), " ")
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(s), " "))
}

// rowTexts returns the text of each row, after its class.
func rowTexts(body string) []string {
	var texts []string
	for _, m := range rows.FindAllStringSubmatch(body, -1) {
		texts = append(texts, m[1]+" | "+textOf(m[2]))
	}
	return texts
}

func endpointsOf(body string) []string {
	var list []string
	for _, m := range endpoints.FindAllStringSubmatch(body, -1) {
		list = append(list, html.UnescapeString(m[1]))
	}
	return list
}
