package healthcheck

import (
	"encoding/binary"
	"math"
	"reflect"
	"unsafe"
)

// identity stands for a value that Go cannot compare, such as a struct with a slice, a map or a function. Two such values
// are the same when all that they hold, or point to, is the same: then closing one takes from the other what it needs.
type identity struct {
	of    reflect.Type
	holds string
}

// identityOf returns what tells v from others: v itself where it can be compared.
func identityOf(v any) any {
	value := reflect.ValueOf(v)
	if value.Comparable() {
		return v
	}
	addressable := reflect.New(value.Type()).Elem() // else a function could not be told from others of the same code
	addressable.Set(value)
	return identity{value.Type(), string(appendIdentity(nil, addressable))}
}

func appendIdentity(to []byte, v reflect.Value) []byte {
	word := func(n uint64) { to = binary.LittleEndian.AppendUint64(to, n) }
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			to = appendIdentity(to, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			to = appendIdentity(to, v.Index(i))
		}
	case reflect.Slice:
		word(uint64(v.Pointer()))
		word(uint64(v.Len()))
	case reflect.Map, reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		word(uint64(v.Pointer()))
	case reflect.Func, reflect.Interface: // one word, and two: of an interface the type and where its value is
		words := unsafe.Slice((*byte)(unsafe.Pointer(v.UnsafeAddr())), v.Type().Size()) //nolint:gosec // lives as long as v
		to = append(to, words...)
	case reflect.String:
		word(uint64(v.Len()))
		to = append(to, v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(to, 1)
		}
		return append(to, 0)
	case reflect.Float32, reflect.Float64:
		word(math.Float64bits(v.Float()))
	case reflect.Complex64, reflect.Complex128:
		word(math.Float64bits(real(v.Complex())))
		word(math.Float64bits(imag(v.Complex())))
	default:
		if v.CanInt() {
			word(uint64(v.Int()))
		} else {
			word(v.Uint())
		}
	}
	return to
}
