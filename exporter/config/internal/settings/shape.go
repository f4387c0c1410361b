package settings

import (
	"errors"
	"fmt"
	"reflect"
)

// Shape is what the decoder takes for a Go type. It is for who describes configurations, and made of what the decoder
// itself goes by.
type Shape struct {
	// Type is the Go type, without pointers.
	Type reflect.Type
	Sort Sort
	// Elem is of the items of a list, or of the values of a mapping with keys of the user's choice.
	Elem *Shape
	// Keys are those of a mapping with keys of its own, in the order of their definition.
	Keys []Key
	// Others is of the values of all keys of such a mapping that are not in Keys; nil if there are no others.
	Others *Shape
	// Either is what a type may be given as that decodes itself: what it asks the decoder for.
	Either []*Shape
	// Null reports whether a key may be left without a value.
	Null bool
}

// Sort is the sort of a [Shape].
type Sort uint8

// The sorts of shapes.
const (
	SortNothing  Sort = iota // cannot be set
	SortNode                 // anything, read later
	SortOwn                  // decodes itself, see Either
	SortOwnText              // decodes itself from a text
	SortText                 // any scalar
	SortBool                 // true or false
	SortInteger              // a whole number
	SortNumber               // a number
	SortDuration             // a number with a unit of time
	SortTime                 // a time as in RFC 3339
	SortList                 // a list
	SortMap                  // a mapping with keys of the user's choice
	SortKeys                 // a mapping with keys of its own
)

var sorts = map[form]Sort{
	formNode: SortNode, formYAML: SortOwn, formText: SortOwnText, formDuration: SortDuration, formTime: SortTime,
	formString: SortText, formBool: SortBool, formInt: SortInteger, formUint: SortInteger, formFloat: SortNumber,
	formSlice: SortList, formMap: SortMap, formStruct: SortKeys,
}

// Key is a key of a mapping.
type Key struct {
	Name  string
	Owner reflect.Type // the struct that the field is of, which may be inlined
	Field reflect.StructField
	*Shape
}

// Types returns the types of a configuration file, and of a check in it without its kind.
func Types() (file, check reflect.Type) { return fileType, checkType }

var fileType, checkType = reflect.TypeFor[file](), reflect.TypeFor[check]()

// ShapeOf returns the shape of t. Shapes of types that contain themselves do too.
func ShapeOf(t reflect.Type) *Shape {
	s := shapes{make(typeSet), make(map[reflect.Type]*Shape)}
	return s.of(t)
}

type shapes struct {
	types typeSet
	known map[reflect.Type]*Shape
}

func (s shapes) of(t reflect.Type) *Shape {
	info := s.types.of(t)
	for info.form == formPointer {
		info = info.elem
	}
	if shape, ok := s.known[info.typ]; ok {
		return shape
	}
	shape := &Shape{Type: info.typ, Sort: sorts[info.form]}
	s.known[info.typ] = shape // before its parts
	switch info.form {
	case formSlice, formMap:
		shape.Elem = s.of(info.elem.typ)
	case formStruct:
		s.addKeys(shape, info)
	case formYAML:
		for _, t := range asked(info.typ) {
			shape.Either = append(shape.Either, s.of(t))
		}
	default:
	}
	return shape
}

func (s shapes) addKeys(shape *Shape, info *typeInfo) {
	shape.Null = info.inline == nil
	for _, f := range info.fields {
		owner := info.typ
		if parent := f.index[:len(f.index)-1]; len(parent) > 0 {
			owner = info.typ.FieldByIndex(parent).Type
		}
		shape.Keys = append(shape.Keys, Key{f.name, owner, info.typ.FieldByIndex(f.index), s.of(f.info.typ)})
	}
	if info.inline != nil {
		shape.Others = s.of(info.inline.info.typ).Elem
	}
}

// asked returns the types that a type which decodes itself asks the decoder for. It is told no each time, so that it
// goes on to what it would try next.
func asked(t reflect.Type) (types []reflect.Type) {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("%s cannot be asked what it takes: %v", t, p))
		}
	}()
	_ = reflect.New(t).Interface().(yamlUnmarshaler).UnmarshalYAML(func(target any) error {
		types = append(types, reflect.TypeOf(target).Elem())
		return errors.New("no")
	})
	return types
}
