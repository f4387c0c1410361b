package manual

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
)

// ConfigurationPath is where the reference of keys is in the module.
const ConfigurationPath = "docs/configuration.md"

//go:embed intro.md
var intro string

// Configuration returns the reference of all keys, in Markdown.
func (m *Manual) Configuration() []byte {
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(intro, "SCHEMA", SchemaURL))
	b.WriteString("\n[The file](#the-file) · [A check](#a-check) · kinds:")
	for _, n := range m.Kinds {
		fmt.Fprintf(&b, " [%s](#%[1]s)", n.Name)
	}
	b.WriteString(" · shared:")
	for _, n := range m.Shared {
		fmt.Fprintf(&b, " [%s](#%[1]s)", n.Name)
	}
	b.WriteString("\n\n## The file\n")
	table(&b, m.File)
	b.WriteString("\n## A check\n\nAn item of `checks`, or what a template holds. Beside these keys it has one more, that of its [kind](#kinds).\n")
	table(&b, m.Check)
	b.WriteString("\n## Kinds\n\nEach check has exactly one of these keys, or its template has.\n")
	for _, n := range m.Kinds {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n", n.Name, strings.Join(n.Doc, " "))
		if example := exampleOf(n.Name); example != "" {
			fmt.Fprintf(&b, "\n```yaml\n%s```\n", example)
		}
		table(&b, n)
	}
	b.WriteString("\n## Shared settings\n\nWhat several keys hold.\n")
	for _, n := range m.Shared {
		fmt.Fprintf(&b, "\n### %s\n", n.Name)
		if len(n.Ways) > 0 {
			fmt.Fprintf(&b, "\nEither %s.\n", eitherOf(n.Ways))
		}
		table(&b, n)
	}
	return []byte(b.String())
}

func eitherOf(ways []Way) string {
	list := make([]string, 0, len(ways))
	for _, way := range ways {
		list = append(list, "`"+strings.Join(way.Keys, "` and `")+"`")
	}
	return strings.Join(list, ", or ")
}

// table writes a row for each key, those of mappings below by their paths.
func table(b *strings.Builder, n *Node) {
	b.WriteString("\n| key | type | default | example | |\n|---|---|---|---|---|\n")
	rows(b, "", n)
}

func rows(b *strings.Builder, prefix string, n *Node) {
	for _, k := range n.Keys {
		key := prefix + k.Name
		fallback, example := code(k.Default), code(k.Example)
		if k.Required {
			fallback = "**required**"
		}
		if example == "" && k.Shape.Sort == settings.SortBool && !k.Refused {
			example = code(fmt.Sprint(k.example()))
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", key, k.words(), fallback, example, cell(strings.Join(k.Doc[:min(2, len(k.Doc))], " ")))
		of := k
		if k.Elem != nil && k.Shape.Sort == settings.SortList {
			of, key = k.Elem, key+"[]"
		}
		if of.Shared == nil {
			rows(b, key+".", of)
		}
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.NewReplacer("|", `\|`, "\r", `\r`, "\n", `\n`).Replace(s) + "`"
}

// cell escapes what means something in a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`).Replace(s)
}

// words says what may stand in a node.
func (n *Node) words() string {
	switch {
	case n.Refused:
		return "refused"
	case n.Shared != nil:
		return fmt.Sprintf("[%s](#%[1]s)", n.Shared.Name)
	case n.Holds != nil && n.Named:
		return "mapping of names to [checks](#a-check)"
	case n.Holds != nil:
		return "list of [checks](#a-check)"
	case len(n.Choices) > 0:
		last := len(n.Choices) - 1
		return "`" + strings.Join(n.Choices[:last], "`, `") + "` or `" + n.Choices[last] + "`"
	}
	switch n.Shape.Sort {
	case settings.SortOwnText:
		if n.Shape.Type.Name() == "Bytes" {
			return "share or size"
		}
		return "share or number"
	case settings.SortBool:
		return "`true` or `false`"
	case settings.SortInteger:
		what := "number"
		if strings.HasSuffix(n.Name, "_bytes") {
			what = "number of bytes"
		}
		return what + n.bounds()
	case settings.SortNumber:
		return "number"
	case settings.SortDuration:
		return "duration" + n.bounds()
	case settings.SortTime:
		return "time"
	case settings.SortList:
		if n.MaxItems > 0 {
			return fmt.Sprintf("list of %s, at most %d", n.Elem.plural(), n.MaxItems)
		}
		return "list of " + n.Elem.plural()
	case settings.SortMap:
		return "mapping of names to " + n.Elem.plural()
	case settings.SortKeys:
		return "mapping"
	default:
		return "text"
	}
}

// plural is words for several.
func (n *Node) plural() string {
	words := n.words()
	for _, word := range []string{"text", "number", "mapping", "list", "duration"} {
		if rest, ok := strings.CutPrefix(words, word); ok {
			return word + "s" + rest
		}
	}
	return words
}

func (n *Node) bounds() string {
	switch {
	case n.Low != "" && n.High != "" && n.Zero && n.Low != "0" && n.Low != "0s":
		return fmt.Sprintf(", %s to %s, or 0", n.Low, n.High)
	case n.Low != "" && n.High != "":
		return fmt.Sprintf(", %s to %s", n.Low, n.High)
	case n.Low != "":
		return ", at least " + n.Low
	}
	return ""
}
