package settings

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// form is the way in which a type is decoded.
type form uint8

const (
	formUnsupported form = iota
	formNode             // *yaml.Node: taken as it is
	formYAML             // decodes itself through UnmarshalYAML(func(any) error)
	formText             // decodes itself from a scalar
	formDuration
	formTime
	formString
	formBool
	formInt
	formUint
	formFloat
	formPointer
	formSlice
	formMap
	formStruct
)

// typeInfo is what the decoder needs to know of a type. It belongs to one decoder.
type typeInfo struct {
	typ     reflect.Type
	form    form
	setsDir bool      // has SetDirectory
	ofSteps bool      // has HoldsStepReferences: texts below it are templates
	elem    *typeInfo // of a pointer, slice or map

	// Of a struct: its keys. An index into fields, or, beyond its length, into extras.
	index  map[string]int
	fields []fieldInfo
	inline *fieldInfo // a map that takes all other keys
	extras []string   // keys that belong to the caller, who gets what is there through extra
	extra  func(name string, key, value *yaml.Node)
	// ignored, if not empty, begins keys that are there for people, and for anchors.
	ignored string
	// hint, if not nil, returns where else a key belongs that is unknown in the mapping.
	hint func(mapping *yaml.Node, key string) string
}

type fieldInfo struct {
	name  string
	index []int
	info  *typeInfo
}

// keys returns the keys of a struct in the order of its definition.
func (t *typeInfo) keys() []string {
	keys := make([]string, 0, len(t.index))
	for i := range t.fields {
		keys = append(keys, t.fields[i].name)
	}
	return append(keys, t.extras...)
}

// addExtras lets the caller take further keys of a struct.
func (t *typeInfo) addExtras(names []string, extra func(name string, key, value *yaml.Node)) {
	for _, name := range names {
		t.index[name] = len(t.fields) + len(t.extras)
		t.extras = append(t.extras, name)
	}
	t.extra = extra
}

type (
	yamlUnmarshaler interface {
		UnmarshalYAML(unmarshal func(any) error) error
	}
	directorySetter interface {
		SetDirectory(dir string)
	}
	stepReferenceHolder interface {
		HoldsStepReferences()
	}
)

var (
	yamlUnmarshalerType = reflect.TypeFor[yamlUnmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	directorySetterType = reflect.TypeFor[directorySetter]()
	stepHolderType      = reflect.TypeFor[stepReferenceHolder]()
	durationType        = reflect.TypeFor[time.Duration]()
	timeType            = reflect.TypeFor[time.Time]()
	nodeType            = reflect.TypeFor[*yaml.Node]()
)

// typeSet holds what is known of types. A type is looked at once.
type typeSet map[reflect.Type]*typeInfo

func (s typeSet) of(t reflect.Type) *typeInfo {
	if info, ok := s[t]; ok {
		return info
	}
	info := &typeInfo{typ: t, form: formOf(t)}
	s[t] = info // before its parts: a type may contain itself
	pointer := reflect.PointerTo(t)
	info.setsDir = t.Kind() != reflect.Pointer && pointer.Implements(directorySetterType)
	info.ofSteps = t.Kind() != reflect.Pointer && pointer.Implements(stepHolderType)
	switch info.form {
	case formPointer, formSlice, formMap:
		info.elem = s.of(t.Elem())
	case formStruct:
		info.index = make(map[string]int)
		s.addFields(info, t, nil)
	default:
	}
	return info
}

func formOf(t reflect.Type) form {
	pointer := reflect.PointerTo(t)
	switch {
	case t == nodeType:
		return formNode
	case t == durationType:
		return formDuration
	case t == timeType:
		return formTime
	case t.Kind() != reflect.Pointer && pointer.Implements(yamlUnmarshalerType):
		return formYAML
	case t.Kind() != reflect.Pointer && pointer.Implements(textUnmarshalerType):
		return formText
	}
	switch t.Kind() {
	case reflect.String:
		return formString
	case reflect.Bool:
		return formBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return formInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return formUint
	case reflect.Float32, reflect.Float64:
		return formFloat
	case reflect.Pointer:
		return formPointer
	case reflect.Slice:
		return formSlice
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return formMap
		}
		return formUnsupported
	case reflect.Struct:
		return formStruct
	default:
		return formUnsupported
	}
}

// addFields adds the fields of t, found below index, under the names that package yaml would give them.
func (s typeSet) addFields(info *typeInfo, t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		at := slices.Concat(index, []int{i})
		switch {
		case name == "-":
		case options != "" && strings.Contains(","+options+",", ",inline,") && f.Type.Kind() == reflect.Struct:
			s.addFields(info, f.Type, at)
		case !f.IsExported():
		case strings.Contains(","+options+",", ",inline,") && f.Type.Kind() == reflect.Map:
			info.inline = &fieldInfo{index: at, info: s.of(f.Type)}
		default:
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			info.index[name] = len(info.fields)
			info.fields = append(info.fields, fieldInfo{name: name, index: at, info: s.of(f.Type)})
		}
	}
}

// newTypeInfo returns what is known of a struct, to be added to by the caller.
func newTypeInfo(s typeSet, t reflect.Type) *typeInfo {
	info := *s.of(t)
	info.index = maps.Clone(info.index)
	return &info
}

// Unsupported returns the Go types below t that cannot be filled.
func Unsupported(t reflect.Type) []string { return make(typeSet).unsupported(t) }

// unsupported returns the Go types below t that the decoder cannot fill.
func (s typeSet) unsupported(t reflect.Type) []string {
	var found []string
	seen := make(map[*typeInfo]bool)
	var walk func(path string, info *typeInfo)
	walk = func(path string, info *typeInfo) {
		if seen[info] {
			return
		}
		seen[info] = true
		if info.form == formUnsupported || len(info.fields) > maxKeys {
			found = append(found, fmt.Sprintf("%s (%s)", path, info.typ))
		}
		if info.elem != nil {
			walk(path+"[]", info.elem)
		}
		for i := range info.fields {
			walk(path+"."+info.fields[i].name, info.fields[i].info)
		}
	}
	walk(t.String(), s.of(t))
	return found
}
