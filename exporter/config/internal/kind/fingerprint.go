package kind

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"reflect"
	"slices"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/internal/settings"
)

// Fingerprint is a SHA-256 hash of the settings of a check.
type Fingerprint [sha256.Size]byte

// fingerprinter writes Go values in one canonical form, so that equal values have equal hashes. Its buffer is used
// again and again.
type fingerprinter struct{ buf []byte }

// sum returns the fingerprint of a check.
func (f *fingerprinter) sum(c *settings.Check) Fingerprint {
	f.buf = f.buf[:0]
	f.text(c.Endpoint)
	f.text(c.Name)
	f.text(c.Kind)
	f.text(c.Metrics)
	for _, n := range [...]int{
		int(c.Interval), int(c.Timeout), int(c.InitialDelay), int(c.FailingInterval), c.FailureThreshold, c.SuccessThreshold,
	} {
		f.buf = binary.AppendVarint(f.buf, int64(n))
	}
	f.bool(c.Optional)
	dependsOn := c.DependsOn
	if len(dependsOn) > 1 {
		dependsOn = slices.Sorted(slices.Values(dependsOn))
	}
	f.value(reflect.ValueOf(dependsOn), 0)
	f.value(reflect.ValueOf(c.Labels), 0)
	f.value(reflect.ValueOf(c.Windows), 0)
	f.value(reflect.ValueOf(c.Config).Elem(), 0)
	return sha256.Sum256(f.buf)
}

func (f *fingerprinter) text(s string) {
	f.buf = binary.AppendUvarint(f.buf, uint64(len(s)))
	f.buf = append(f.buf, s...)
}

func (f *fingerprinter) bool(b bool) {
	if b {
		f.buf = append(f.buf, 1)
	} else {
		f.buf = append(f.buf, 0)
	}
}

// value writes v. Types need no mark: the kind, which is written before, tells the type of everything. Unexported
// fields count, since some types decode themselves into nothing else.
func (f *fingerprinter) value(v reflect.Value, depth int) {
	const deepest = 64 // no configuration is as deep; a value that contains itself would have no end
	if depth > deepest {
		return
	}
	switch v.Kind() {
	case reflect.String:
		f.text(v.String())
	case reflect.Bool:
		f.bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f.buf = binary.AppendVarint(f.buf, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		f.buf = binary.AppendUvarint(f.buf, v.Uint())
	case reflect.Float32, reflect.Float64:
		f.buf = binary.BigEndian.AppendUint64(f.buf, math.Float64bits(v.Float()))
	case reflect.Pointer:
		f.bool(!v.IsNil())
		if !v.IsNil() {
			f.value(v.Elem(), depth+1)
		}
	case reflect.Interface:
		f.bool(!v.IsNil())
		if !v.IsNil() {
			f.text(v.Elem().Type().String())
			f.value(v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		f.buf = binary.AppendUvarint(f.buf, uint64(v.Len()))
		for i := range v.Len() {
			f.value(v.Index(i), depth+1)
		}
	case reflect.Map:
		f.mapping(v, depth)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); !field.IsZero() { // most are zero
				f.buf = binary.AppendUvarint(f.buf, uint64(i)+1)
				f.value(field, depth+1)
			}
		}
		f.buf = append(f.buf, 0)
	default: // functions and channels are not configuration
	}
}

// mapping writes the entries of a map, sorted by their canonical form.
func (f *fingerprinter) mapping(v reflect.Value, depth int) {
	start := len(f.buf)
	entries := make([][]byte, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		f.value(iter.Key(), depth+1)
		f.value(iter.Value(), depth+1)
		entries = append(entries, slices.Clone(f.buf[start:]))
		f.buf = f.buf[:start]
	}
	slices.SortFunc(entries, bytes.Compare)
	f.buf = binary.AppendUvarint(f.buf, uint64(len(entries)))
	for _, entry := range entries {
		f.buf = append(f.buf, entry...)
	}
}
