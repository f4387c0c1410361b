package statuscheck_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/statuscheck"
)

func TestDecode(t *testing.T) {
	for file, want := range map[string]statuscheck.Document{
		"none.json": {Status: healthcheck.FAIL},
		"indented.json": {Name: "agent", Status: healthcheck.OK, Components: []statuscheck.Component{
			{Endpoint: "central", Name: "Amplify Central", Status: healthcheck.Status{Result: "WARN", Details: "token expires in 2h"}},
		}},
		"agent-fail.json": {Name: "payments-agent", Version: "1.4.2", Status: healthcheck.FAIL, Components: []statuscheck.Component{
			{Endpoint: "central", Name: "Amplify Central", Status: healthcheck.Status{Result: healthcheck.OK}},
			{Endpoint: "traceability", Name: "Traceability Ingestion", Status: healthcheck.Status{
				Result: healthcheck.FAIL, Details: "dial tcp 10.0.0.7:453: connect: connection refused",
			}},
			{Endpoint: "watchmanager", Name: `Watch <Manager> "gRPC"`, Status: healthcheck.Status{
				Result: healthcheck.FAIL, Details: "stream closed\nretry in 30s – später",
			}},
		}},
	} {
		t.Run(file, func(t *testing.T) {
			got, err := statuscheck.Decode(strings.NewReader(document(t, file)))
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	// with returns a document with one component, which is given.
	with := func(component string) string { return `{"status":"OK","statusChecks":{"db":` + component + `}}` }
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d":{"status":{"result":""}}`, i)
		}
		return `{"status":"OK","statusChecks":{` + b.String()[1:] + `}}`
	}
	for document, text := range map[string]string{
		"":                                       "is empty",
		" ":                                      "is not JSON: unexpected end of JSON input",
		"null":                                   "must be an object",
		"[]":                                     "must be an object",
		`"OK"`:                                   "must be an object",
		"{":                                      "is not JSON: unexpected end",
		"{}":                                     "has no status",
		`{"status":"","statusChecks":{}}`:        "has no status",
		`{"Status":"OK","statusChecks":{}}`:      "has no status",
		`{"status":"OK"}`:                        "has no statusChecks",
		`{"status":"OK","statusChecks":null}`:    `"statusChecks": must be an object`,
		`{"status":"OK","statusChecks":[]}`:      `"statusChecks": must be an object`,
		`{"status":1,"statusChecks":{}}`:         `"status": must be a string`,
		`{"status":null,"statusChecks":{}}`:      `"status": must be a string`,
		`{"status":{"a":"b"},"statusChecks":{}}`: `"status": must be a string`,
		`{"name":[],"status":"OK","statusChecks":{}}`:                                                   `"name": must be a string`,
		`{"version":2,"status":"OK","statusChecks":{}}`:                                                 `"version": must be a string`,
		`{"status":"FAIL","status":"OK","statusChecks":{}}`:                                             `"status" is there twice`,
		`{"status":"FAIL","stat\u0075s":"OK","statusChecks":{}}`:                                        `"status" is there twice`,
		`{"x":1,"x":1,"status":"OK","statusChecks":{}}`:                                                 `"x" is there twice`,
		`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"1":1,"status":"OK","statusChecks":{}}`: `"1" is there twice`,
		`{"1":1,"2":1,"3":1,"4":1,"5":1,"6":1,"7":1,"8":1,"9":1,"9":1,"status":"OK","statusChecks":{}}`: `"9" is there twice`,
		`{"status":"OK","statusChecks":{}}{}`:                                                           "is not JSON: invalid character '{' after top-level value",
		`{"status":"OK","statusChecks":{}}x`:                                                            "is not JSON: invalid character 'x' after top-level value",
		`{"status":"OK","statusChecks":{},}`:                                                            "is not JSON",
		`{"status":"OK" "statusChecks":{}}`:                                                             "is not JSON",
		`{"status":'OK',"statusChecks":{}}`:                                                             "is not JSON",
		"\xef\xbb\xbf{}":                                                                                "is not JSON",
		"{\"status\":\"\xff\",\"statusChecks\":{}}":                                                     "is not UTF-8",
		with(`"OK"`):                                  `"statusChecks": "db": must be an object`,
		with(`{}`):                                    `"statusChecks": "db": has no status`,
		with(`{"status":"OK"}`):                       `"statusChecks": "db": "status": must be an object`,
		with(`{"status":{}}`):                         `"statusChecks": "db": "status": has no result`,
		with(`{"status":{"result":true}}`):            `"statusChecks": "db": "status": "result": must be a string`,
		with(`{"status":{"result":1e999}}`):           `"statusChecks": "db": "status": "result": `,
		with(`{"status":{"result":"","details":[]}}`): `"details": must be a string`,
		with(`{"name":{},"status":{"result":""}}`):    `"name": must be a string`,
		with(`{"status":{"result":"OK"}},"db":{"status":{"result":"OK"}}`):              `"statusChecks": "db" is there twice`,
		`{"status":"OK","statusChecks":{"":{}}}`:                                        `"statusChecks": "": is a component without an endpoint`,
		`{"status":"OK","statusChecks":{"` + strings.Repeat("x", 257) + `":{}}}`:        `is an endpoint of more than 256 bytes`,
		many(statuscheck.MaxComponents + 1):                                             `is one of more than 200000 components`,
		strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000):                     "exceeded max depth",
		`{"x":` + strings.Repeat(`{"x":`, 100_000) + "1" + strings.Repeat("}", 100_001): "exceeded max depth",
		strings.Repeat(" ", statuscheck.MaxDocumentBytes) + "{}":                        "is longer than 16777216 bytes",
	} {
		_, err := statuscheck.Decode(strings.NewReader(document))
		if assert.Error(t, err, "%.80q", document) {
			assert.Contains(t, err.Error(), text, "%.80q", document)
			assert.Less(t, len(err.Error()), 400)
		}
	}
	t.Run("deep nesting in what is not known", func(t *testing.T) {
		nested := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
		_, err := statuscheck.Decode(strings.NewReader(`{"x":` + nested + `,"status":"OK","statusChecks":{}}`))
		require.NoError(t, err)
	})
	t.Run("reader that fails", func(t *testing.T) {
		broken := errors.New("broken")
		_, err := statuscheck.Decode(iotest.ErrReader(broken))
		require.ErrorIs(t, err, broken)
	})
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Add(`{"status":"OK","statusChecks":{"a":{"status":{"result":"FAIL"}},"a":{}}}`)
	f.Add(`{"status":"\ud800","x":[{}],"statusChecks":{}} `)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := statuscheck.Decode(strings.NewReader(text))
		if err != nil {
			return
		}
		require.True(t, json.Valid([]byte(text)))
		require.NotEmpty(t, d.Status)
		seen := make(map[string]bool)
		for _, c := range d.Components {
			require.NotEmpty(t, c.Endpoint)
			require.False(t, seen[c.Endpoint], "%q twice", c.Endpoint)
			seen[c.Endpoint] = true
		}
		again, err := json.Marshal(wire(&d))
		require.NoError(t, err)
		if len(again) <= statuscheck.MaxDocumentBytes { // quoting may have made it longer
			d2, err := statuscheck.Decode(bytes.NewReader(again))
			require.NoError(t, err)
			require.ElementsMatch(t, d.Components, d2.Components)
			require.Equal(t, d.Status, d2.Status)
		}
	})
}

// wire returns d in the form that encoding/json makes a status document of.
func wire(d *statuscheck.Document) any {
	checks := make(map[string]any)
	for _, c := range d.Components {
		checks[c.Endpoint] = map[string]any{"name": c.Name, "endpoint": c.Endpoint, "status": c.Status}
	}
	return map[string]any{"name": d.Name, "version": d.Version, "status": d.Status, "statusChecks": checks}
}
