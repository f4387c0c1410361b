package manual

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
)

// SchemaURL is where editors find the schema.
const SchemaURL = "https://raw.githubusercontent.com/healthcheck-exporter/healthcheck_exporter/main/" + SchemaPath

// SchemaPath is where the schema is in the module.
const SchemaPath = "exporter/config/schema.json"

// object is a JSON object.
type object = map[string]any

// Schema returns the JSON Schema of the configuration, draft 2020-12.
func (m *Manual) Schema() ([]byte, error) {
	root := m.mapping(m.File)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = SchemaURL
	root["title"] = "Configuration of healthcheck_exporter"
	root["patternProperties"] = object{"^" + settings.Ignored: object{"description": "For people, and for anchors; ignored."}}
	defs := object{
		"text":      object{"type": []string{"string", "number", "boolean"}, "pattern": wellFormed, "patternErrorMessage": referenceAdvice},
		"reference": object{"type": "string", "pattern": withReference},
		"duration": object{"anyOf": []any{
			object{
				"type": "string", "minLength": 1, "pattern": duration, "examples": []string{"500ms", "30s", "1m30s", "2h", "1d"},
				"patternErrorMessage": "A duration has a unit, such as 500ms, 30s, 1m30s, 2h or 1d.",
			},
			object{"const": 0}, ref("reference"),
		}},
		"time": object{"anyOf": []any{
			object{"type": "string", "pattern": moment, "patternErrorMessage": "A time has a date and an offset, such as 2026-12-24T18:00:00+01:00."},
			ref("reference"),
		}},
		"body": m.body(), "template": m.template(), "check": m.check(),
	}
	for _, n := range m.Kinds {
		defs[n.Name] = m.mapping(n)
		delete(defs[n.Name].(object), "required") // which a template may have, so that the check asks for it
	}
	for _, n := range m.Shared {
		defs[n.Name] = m.mapping(n)
	}
	root["$defs"] = defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(root)
	return b.Bytes(), err
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// body is what a check and a template may hold.
func (m *Manual) body() object {
	b := m.mapping(m.Check)
	delete(b, "required")
	properties := b["properties"].(object)
	for _, n := range m.Kinds {
		properties[n.Name] = described(ref(n.Name), n)
	}
	return b
}

func (m *Manual) template() object {
	t := ref("body")
	t["not"] = object{"required": []string{"template"}}
	t["type"] = "object"
	return t
}

// check is a body with one kind, unless a template may have it.
func (m *Manual) check() object {
	var one, anyTwo []any
	complete := object{}
	for _, n := range m.Kinds {
		has := object{"required": []string{n.Name}}
		one = append(one, has)
		if needed := requiredKeys(n); len(needed) > 0 {
			complete[n.Name] = object{"type": "object", "required": needed}
		}
		for _, other := range m.Kinds {
			if other.Name > n.Name {
				anyTwo = append(anyTwo, object{"required": []string{n.Name, other.Name}})
			}
		}
	}
	c := ref("body")
	c["type"] = "object"
	c["required"] = requiredKeys(m.Check)
	c["if"] = object{"required": []string{"template"}}
	if len(anyTwo) > 0 {
		c["then"] = object{"not": object{"anyOf": anyTwo}}
	}
	c["else"] = object{"oneOf": one, "properties": complete}
	return c
}

func requiredKeys(n *Node) []string {
	var keys []string
	for _, k := range n.Keys {
		if k.Required {
			keys = append(keys, k.Name)
		}
	}
	return keys
}

// mapping is the schema of a mapping with keys of its own.
func (m *Manual) mapping(n *Node) object {
	properties := object{}
	for _, k := range n.Keys {
		properties[k.Name] = described(m.schema(k), k)
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if n.Others != nil {
		s["additionalProperties"] = m.schema(n.Others)
	}
	if needed := requiredKeys(n); len(needed) > 0 {
		s["required"] = needed
	} else if n.Shape.Null {
		s["type"] = []string{"object", "null"}
	}
	if len(n.Ways) > 0 {
		s["type"] = "object"
		s["oneOf"] = n.ways()
	}
	return s
}

// ways asks for the keys of exactly one way, and none of another.
func (n *Node) ways() []any {
	var list []any
	for i, way := range n.Ways {
		var others []any
		for j, other := range n.Ways {
			for _, key := range slices.Concat(other.Keys, other.Also) {
				if i != j {
					others = append(others, object{"required": []string{key}})
				}
			}
		}
		list = append(list, object{"required": way.Keys, "not": object{"anyOf": others}})
	}
	return list
}

// described adds what is told of a key to its schema.
func described(s object, n *Node) object {
	s = maps.Clone(s)
	if len(n.Doc) > 0 {
		s["description"] = strings.ReplaceAll(n.Doc[0], "`", "")
	}
	if n.Refused {
		return object{"description": s["description"], "not": object{}}
	}
	if n.Default != "" {
		s["default"] = n.Value(n.Default)
	}
	if n.Example != "" {
		s["examples"] = []any{n.Value(n.Example)}
	}
	return s
}

// schema is what may stand in a node.
func (m *Manual) schema(n *Node) object {
	switch {
	case n.Shared != nil:
		return ref(n.Shared.Name)
	case n.Holds != nil && n.Named:
		return object{"type": []string{"object", "null"}, "additionalProperties": ref("template")}
	case n.Holds != nil:
		return object{"type": "array", "items": ref("check")}
	}
	switch n.Shape.Sort {
	case settings.SortText, settings.SortOwnText:
		return n.text()
	case settings.SortBool:
		return orReference(object{"type": "boolean"})
	case settings.SortInteger:
		return orReference(n.integer())
	case settings.SortNumber:
		return orReference(object{"type": "number"})
	case settings.SortDuration:
		return ref("duration")
	case settings.SortTime:
		return ref("time")
	case settings.SortList:
		list := object{"type": "array", "items": m.schema(n.Elem)}
		if n.MaxItems > 0 {
			list["maxItems"] = n.MaxItems
		}
		return list
	case settings.SortMap:
		return n.free(m.schema(n.Elem))
	case settings.SortKeys:
		return m.mapping(n)
	case settings.SortOwn:
		var list []any
		for _, either := range n.Either {
			list = append(list, m.schema(either))
		}
		return object{"anyOf": list}
	default:
		return object{}
	}
}

func orReference(s object) object { return object{"anyOf": []any{s, ref("reference")}} }

func (n *Node) text() object {
	switch {
	case n.Choices != nil:
		either := []any{object{"enum": n.Choices}}
		if n.AnyCase {
			either = append(either, object{"type": "string", "pattern": anyCase(n.Choices)})
		}
		return object{"anyOf": append(either, ref("reference"))}
	case n.Pattern != "":
		s := object{"type": []string{"string", "number", "boolean"}, "pattern": n.Pattern}
		if n.Shape.Sort == settings.SortOwnText { // an amount
			s["type"], s["minimum"] = []string{"string", "number"}, 0
		}
		if n.MaxLength > 0 {
			s["maxLength"] = n.MaxLength
		}
		return orReference(s)
	default:
		return ref("text")
	}
}

// anyCase returns a regular expression for words in any case.
func anyCase(words []string) string {
	var b strings.Builder
	for i, word := range words {
		b.WriteString([]string{"^(?:", "|"}[min(i, 1)])
		for _, r := range word {
			if lower, upper := strings.ToLower(string(r)), strings.ToUpper(string(r)); lower != upper {
				b.WriteString("[" + upper + lower + "]")
			} else {
				b.WriteRune(r)
			}
		}
	}
	return b.String() + ")$"
}

func (n *Node) integer() object {
	s := object{"type": "integer"}
	low, high := limits(n.Shape.Type)
	if n.Shape.Type.Bits() < 64 {
		s["minimum"], s["maximum"] = low, high
	}
	if bound, err := strconv.ParseInt(n.Low, 10, 64); err == nil {
		s["minimum"] = bound
		if n.Zero {
			s["minimum"] = min(bound, 0)
		}
	} else if low == 0 {
		s["minimum"] = 0
	}
	if bound, err := strconv.ParseInt(n.High, 10, 64); err == nil {
		s["maximum"] = bound
	}
	return s
}

// free is the schema of a mapping with keys of the user's choice.
func (n *Node) free(values object) object {
	names := object{"not": object{"pattern": `\$\{`}}
	if n.NamePattern != "" {
		names = object{"pattern": n.NamePattern, "not": object{"enum": slices.Clone(n.NotNames)}}
	}
	s := object{"type": "object", "propertyNames": names, "additionalProperties": values}
	if n.Elem.Shape.Sort == settings.SortNothing {
		s["maxProperties"] = 0
	}
	return s
}
