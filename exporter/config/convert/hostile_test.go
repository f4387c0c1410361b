package convert_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert"
)

func file(name, text string) convert.File { return convert.File{Name: name, Data: []byte(text)} }

// TestRefused holds what is no configuration at all, and what would cost too much to read.
func TestRefused(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		laughs += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 10), ", "))
	}
	wide := ""
	for _, u := range utf16.Encode([]rune("endpoints: []\n")) {
		wide += string([]byte{byte(u), byte(u >> 8)})
	}
	for name, tc := range map[string]struct{ text, want string }{
		"empty":                   {"", "f: is empty"},
		"blank":                   {" \n\t\n", "f: is empty"},
		"comments":                {"# nothing\n---\n# more\n", "f: is empty"},
		"null":                    {"null", "f: is empty"},
		"another format":          {"apiVersion: v1\nkind: Service\n", "f: is no configuration of blackbox_exporter, Prometheus or gatus, and no export of uptime-kuma"},
		"our own":                 {"checks: []\n", "f: is no configuration of"},
		"a page":                  {"<!DOCTYPE html>\n<p>Not found: try again</p>\n", "f:2: is not valid YAML"},
		"a word":                  {"hello", "f: is no configuration of"},
		"a list":                  {"[1, 2, 3]", "f: is no configuration of"},
		"binary":                  {"\x7fELF\x02\x01\x01\x00\x00", "f: is not text in UTF-8"},
		"latin 1":                 {"endpoints: [{name: Stra\xdfe}]", "f: is not text in UTF-8"},
		"UTF-16":                  {wide, "f: is not text in UTF-8"},
		"broken":                  {"endpoints:\n  - name: [\n", "f:"},
		"broken JSON":             {`{"monitorList": [`, "f:"},
		"two documents":           {"endpoints: []\n---\nendpoints: []\n", "f:2: has a second YAML document"},
		"a key twice":             {"endpoints: []\nendpoints: []\n", "for the second time on line 2"},
		"a key that is a list":    {"? [a]\n: b\n", "a key on line 1 that is no text"},
		"huge":                    {"endpoints: [" + strings.Repeat("a, ", convert.MaxSize/3) + "]", "f: is larger than 16 MiB"},
		"deep YAML":               {"endpoints: " + strings.Repeat("[", 200) + strings.Repeat("]", 200), "f: has more than 100 lists and mappings in each other"},
		"deep JSON":               {`{"endpoints": ` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "}", "f: has more than 100 lists and mappings in each other"},
		"a billion laughs":        {laughs + "endpoints: *a9\n", "f: has more than 1048576 values, repeated ones included"},
		"an alias within itself":  {"endpoints: &a [*a]\n", "f: has an alias within what it stands for"},
		"a merge within itself":   {"endpoints: []\nx: &a\n  <<: *a\n", "f: has an alias within what it stands for"},
		"merges that grow":        {growingMerges(), "f: has more than 1048576 values, repeated ones included"},
		"a merge of a text":       {"endpoints: []\nx: { <<: text }\n", "merges what is no mapping on line 2"},
		"an alias for nothing":    {"endpoints: *secret-password\n", "f:1: is not valid YAML"},
		"modules without targets": {"modules: {}\n", "its targets are in the configuration of Prometheus"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := convert.Convert([]convert.File{file("f", tc.text)}, convert.Options{})
			require.ErrorContains(t, err, tc.want)
			assert.NotContains(t, err.Error(), "secret")
			assert.Less(t, len(err.Error()), 200)
		})
	}
	_, err := convert.Convert(nil, convert.Options{})
	require.EqualError(t, err, "no file to import")
	_, err = convert.Convert([]convert.File{file("a.yml", "endpoints: []"), file("b.yml", "modules: {}")}, convert.Options{})
	require.EqualError(t, err, "b.yml: is a file of blackbox, while a.yml is one of gatus")
	_, err = convert.Convert([]convert.File{file("a.yml", "[]")}, convert.Options{From: convert.Gatus})
	require.EqualError(t, err, "a.yml: want a mapping, as gatus has it")
}

// growingMerges returns mappings of which each merges the one before twice.
func growingMerges() string {
	b := "endpoints: []\nm0: &m0 { a: b }\n"
	for i := range 40 {
		b += fmt.Sprintf("m%d: &m%d { <<: [*m%d, *m%d] }\n", i+1, i+1, i, i)
	}
	return b
}

// TestOfAnotherShape holds that files with the right keys and the wrong values are listed, not believed: each line is an
// input, and what must be listed.
func TestOfAnotherShape(t *testing.T) {
	for text, want := range map[string]string{
		`{ endpoints: 5 }`:                       "endpoints: want a mapping here",
		`{ endpoints: [text, [], { name: x }] }`: "endpoints[2]: it has no url with a scheme",
		`{ endpoints: [{ url: "https://x", conditions: { a: b }, interval: soon }] }`:                                            "endpoints[0].interval: want a duration such as 30s here",
		`{ endpoints: [{ url: "https://x", interval: [1] }] }`:                                                                   "endpoints[0].interval: want a text here",
		`{ endpoints: [{ url: "https://x", client: [] }] }`:                                                                      "endpoints[0].client: want a mapping here",
		`{ endpoints: [{ url: "gopher://x" }] }`:                                                                                 "endpoints[0]: there is no kind of check for gopher://",
		`{ endpoints: [{ url: "https://x", interval: 1ms }] }`:                                                                   "endpoints[0]: makes no valid check: interval: 1ms is not between",
		`{ monitorList: [7, { type: [] }] }`:                                                                                     "monitorList[0]: want a monitor here",
		`{ monitorList: [{ type: http, name: x, url: "https://x", interval: 1.0e+300 }] }`:                                       "monitorList[0].interval: want a number of seconds here",
		`{ monitorList: [{ type: http, name: x, url: "https://x", parent: 1, id: 1 }] }`:                                         "",
		`{ scrape_configs: [1, { metrics_path: /probe, relabel_configs: [{ action: keep, regex: "(" }], static_configs: [] }] }`: "scrape_configs[1]: its rule",
		`{ scrape_configs: [{ metrics_path: /probe, relabel_configs: [{ action: explode }], static_configs: [] }] }`:             "scrape_configs[0]: its rule",
		`{ scrape_configs: { metrics_path: /probe } }`:                                                                           "",
	} {
		r, err := convert.Convert([]convert.File{file("f", text)}, convert.Options{})
		require.NoError(t, err, text)
		assert.Contains(t, findings(r), want, text)
		load(t, r.YAML)
	}
}

// TestJSON holds what the parser of YAML would read otherwise: escaped characters beyond U+FFFF, tabs, a key twice.
func TestJSON(t *testing.T) {
	r, err := convert.Convert([]convert.File{file("f.json",
		"\ufeff{\n\t\"monitorList\": [\n\t\t{\"type\": \"http\", \"name\": \"\\ud83d\\ude80\", \"url\": \"https:\\/\\/a\", \"url\": \"https://b\"},\n\t\t{\"type\": \"ping\"}]}")},
		convert.Options{})
	require.NoError(t, err)
	cfg := load(t, r.YAML)
	require.Len(t, cfg.Checks, 1)
	assert.Equal(t, "🚀", cfg.Checks[0].Name)
	assert.Equal(t, "https://b", cfg.Checks[0].Target)
	require.Len(t, r.Listed, 1)
	assert.Equal(t, 4, r.Listed[0].Line)
}

// TestMany holds that an import is bounded, and that a faulty check costs nobody else theirs.
func TestMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("endpoints:\n")
	for i := range 1000 {
		url := "https://a.example.com"
		if i%7 == 0 {
			url = "https://a b"
		}
		fmt.Fprintf(&b, "- { name: same, url: %q, conditions: ['[STATUS] == 200'] }\n", url)
	}
	r, err := convert.Convert([]convert.File{file("f", b.String())}, convert.Options{})
	require.NoError(t, err)
	assert.Len(t, r.Listed, 143)
	assert.Equal(t, 857, r.Checks)
	assert.Len(t, load(t, r.YAML).Checks, 857)
}
