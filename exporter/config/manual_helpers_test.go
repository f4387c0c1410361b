package config_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func toJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

func fromJSON(t *testing.T, data []byte) (v map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}

// describe returns what a checker holds as a text, without functions and channels, and each pointer once.
func describe(c healthcheck.Checker) string {
	seen := make(map[uintptr]bool)
	var text func(v reflect.Value, depth int) string
	text = func(v reflect.Value, depth int) string {
		switch v.Kind() {
		case reflect.Func, reflect.Chan, reflect.UnsafePointer:
			return fmt.Sprint(v.IsNil())
		case reflect.Pointer:
			if v.IsNil() || seen[v.Pointer()] || depth > 20 {
				return "-"
			}
			seen[v.Pointer()] = true
			return text(v.Elem(), depth+1)
		case reflect.Interface:
			if v.IsNil() {
				return "-"
			}
			return v.Elem().Type().String() + text(v.Elem(), depth+1)
		case reflect.Struct:
			s := v.Type().String() + "{"
			for i := range v.NumField() {
				s += text(v.Field(i), depth+1) + " "
			}
			return s + "}"
		case reflect.Slice, reflect.Array:
			s := "["
			for i := range v.Len() {
				s += text(v.Index(i), depth+1) + " "
			}
			return s + "]"
		default:
			return fmt.Sprint(v)
		}
	}
	return text(reflect.ValueOf(config.Unredacted(c)), 0)
}
