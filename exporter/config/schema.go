package config

import (
	"bytes"
	_ "embed"
)

//go:generate go run ./internal/manual/generate

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of a configuration file. An editor that knows it completes and explains
// every key. The caller owns the copy.
func Schema() []byte { return bytes.Clone(schema) }
