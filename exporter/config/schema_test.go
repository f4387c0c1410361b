package config_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/manual"
)

// compile returns a validator, which also looks whether the schema is one.
func compile(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource(manual.SchemaURL, doc))
	s, err := c.Compile(manual.SchemaURL)
	require.NoError(t, err)
	return s
}

// asEditor returns a YAML document as an editor hands it to a schema; false if it is none.
func asEditor(text string) (v any, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var root, second yaml.Node
	if decoder.Decode(&root) != nil || decoder.Decode(&second) == nil {
		return nil, false
	}
	return manual.Value(&root), true
}

func TestExamplesFitTheSchema(t *testing.T) {
	schema := compile(t, config.Schema())
	examples := map[string]string{
		"default.yml":                       string(config.DefaultYAML()),
		"default.yml with all its examples": exampleLine.ReplaceAllString(string(config.DefaultYAML()), "$1$2"),
	}
	for _, name := range []string{
		"docs/examples/agent-sdk/checks.yml", "deploy/compose/exporter/checks.yml", "deploy/kubernetes/base/checks.yml",
	} {
		examples[name] = read(t, name)
	}
	for _, name := range []string{"README.md", "docs/configuration.md", "deploy/README.md"} {
		for i, snippet := range regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```").FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(snippet[2], "endpoint:") {
				examples[name+" "+string(rune('1'+i))] = regexp.MustCompile("(?m)^"+snippet[1]).ReplaceAllString(snippet[2], "")
			}
		}
	}
	helm, err := filepath.Glob("../../deploy/helm/healthcheck-exporter/*values.yaml")
	require.NoError(t, err)
	more, err := filepath.Glob("../../deploy/helm/healthcheck-exporter/ci/*.yaml")
	require.NoError(t, err)
	for _, name := range slices.Concat(helm, more) {
		v, ok := asEditor(read(t, strings.TrimPrefix(name, "../../")))
		require.True(t, ok, name)
		if of, ok := v.(map[string]any)["config"]; ok {
			data, err := json.Marshal(of)
			require.NoError(t, err)
			examples[name] = string(data)
		}
	}
	assert.Greater(t, len(examples), 8)
	for name, text := range examples {
		v, ok := asEditor(text)
		require.True(t, ok, name)
		assert.NoError(t, schema.Validate(v), name)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../..", name))
	require.NoError(t, err)
	return string(data)
}

// TestEditorsFindTheSchema: what people copy tells their editor where it is.
func TestEditorsFindTheSchema(t *testing.T) {
	const line = "# yaml-language-server: $schema=" + manual.SchemaURL + "\n"
	assert.True(t, strings.HasPrefix(string(config.DefaultYAML()), line))
	_, _, found := strings.Cut(read(t, "README.md"), "```yaml\n"+line)
	assert.True(t, found, "README.md")
}

// unseen are the broken configurations that a schema takes, by what it knows nothing of.
var unseen = map[string][]string{
	"how a value is written; an editor's YAML parser tells most of it": {
		"delete character", "tag", "binary", "repeated key", "repeated keys below", "repeated checks", "octal",
	},
	"how long a duration is": {
		"timeout longer than the interval", "failing interval longer than the interval", "mistakes in windows for all are told once",
	},
	"other values":           {"endpoint taken", "dependencies", "circle", "contradictions in tls_config"},
	"a language of its own":  {"crontab expressions", "literal URL with a password", "password in a URL"},
	"the machine":            {"zones that are files", "variable not set", "file not there", "file is a folder", "variable is not UTF-8"},
	"what references become": {"references show no value"},
	"the code of the kind":   {"what the kind says", "what the kind says of the whole"},
}

func TestSchemaRefusesWhatIsBroken(t *testing.T) {
	m, err := manual.New(manual.Options{
		Kinds:  map[string]reflect.Type{"web": reflect.TypeFor[webConfig](), "noop": reflect.TypeFor[noopConfig]()},
		Config: testOptions(), Dir: ".",
	})
	require.NoError(t, err)
	text, err := m.Schema()
	require.NoError(t, err)
	schema := compile(t, text)
	unknown := make(map[string]string)
	for why, names := range unseen {
		for _, name := range names {
			unknown[name] = why
		}
	}
	told := 0
	for _, tc := range broken {
		v, ok := asEditor(tc.yaml)
		switch err := schema.Validate(v); {
		case !ok:
			assert.Empty(t, unknown[tc.name], tc.name)
		case err == nil:
			assert.NotEmpty(t, unknown[tc.name], "%s passes:\n%s", tc.name, tc.yaml)
		default:
			assert.Empty(t, unknown[tc.name], tc.name)
			told++
		}
		delete(unknown, tc.name)
	}
	assert.Empty(t, unknown, "there are no such tests")
	assert.Greater(t, told, 40)
}

var knownAre = regexp.MustCompile(`; known are: (.+)$`)

// TestSchemaHasTheKeysOfTheDecoder asks the decoder, at each mapping of the schema, which keys it knows there.
func TestSchemaHasTheKeysOfTheDecoder(t *testing.T) {
	var root map[string]any
	require.NoError(t, json.Unmarshal(config.Schema(), &root))
	defs := root["$defs"].(map[string]any)
	mappings := 0
	var walk func(s map[string]any, path string, wrap func(any) any)
	walk = func(s map[string]any, path string, wrap func(any) any) {
		name, _ := s["$ref"].(string)
		if def, ok := defs[strings.TrimPrefix(name, "#/$defs/")].(map[string]any); ok {
			walk(def, path, wrap)
		}
		if items, ok := s["items"].(map[string]any); ok {
			walk(items, path+"[0]", func(v any) any { return wrap([]any{v}) })
		}
		if values, ok := s["additionalProperties"].(map[string]any); ok {
			walk(values, path+".x", func(v any) any { return wrap(map[string]any{"x": v}) })
		}
		properties, ok := s["properties"].(map[string]any)
		if !ok || s["additionalProperties"] != false {
			return
		}
		mappings++
		assert.Equal(t, keysOf(properties), knownKeys(t, wrap(map[string]any{"qqqqqqqq": 1}), path), path)
		for key, of := range properties {
			walk(of.(map[string]any), strings.TrimPrefix(path+"."+key, "."), func(v any) any { return wrap(map[string]any{key: v}) })
		}
	}
	walk(root, "", func(v any) any { return v })
	assert.Greater(t, mappings, 30)
}

func keysOf(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// knownKeys returns the keys that the decoder says it knows at a path.
func knownKeys(t *testing.T, document any, path string) []string {
	t.Helper()
	data, err := json.Marshal(document)
	require.NoError(t, err)
	_, err = config.Parse("c.yml", data, config.Options{})
	require.Error(t, err)
	for line := range strings.Lines(err.Error()) {
		prefix := "c.yml:1: unknown key"
		if path != "" {
			prefix = "c.yml:1: " + path + ": unknown key"
		}
		if m := knownAre.FindStringSubmatch(strings.TrimSpace(line)); m != nil && strings.HasPrefix(line, prefix) {
			return slices.Sorted(slices.Values(strings.Split(m[1], ", ")))
		}
	}
	return []string{err.Error()}
}
