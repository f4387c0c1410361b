package manual

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// comments reads the doc comments of packages, each once.
type comments struct {
	dir      string // to look for packages from
	packages map[string]*source
}

// source is what the comments of one package say.
type source struct {
	synopsis string                       // of the package, without its name
	fields   map[string]map[string]string // by type and field
	keys     map[string]string            // the key of each field, by its name and as "Field.Of" of it
}

func newComments(dir string) *comments {
	return &comments{dir: dir, packages: make(map[string]*source)}
}

// of returns what the package of a type says.
func (c *comments) of(path string) (*source, error) {
	if s, ok := c.packages[path]; ok {
		return s, nil
	}
	if path == "" || strings.HasSuffix(path, "_test") {
		return &source{}, nil // has no name, or no sources that can be found by it
	}
	pkg, err := build.Import(path, c.dir, build.FindOnly)
	if err != nil {
		return nil, fmt.Errorf("the source of %s: %w", path, err)
	}
	s, err := parse(pkg.Dir)
	if err != nil {
		return nil, err
	}
	c.packages[path] = s
	return s, nil
}

func parse(dir string) (*source, error) {
	s := &source{fields: make(map[string]map[string]string), keys: make(map[string]string)}
	files, err := goFiles(dir)
	for _, f := range files {
		if f.Doc != nil && s.synopsis == "" {
			s.synopsis = new(doc.Package).Synopsis(f.Doc.Text())
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if t, ok := n.(*ast.TypeSpec); ok {
				if structure, ok := t.Type.(*ast.StructType); ok {
					s.add(t.Name.Name, structure)
				}
			}
			return true
		})
	}
	return s, err
}

// goFiles returns the Go files of a folder without its tests.
func goFiles(dir string) ([]*ast.File, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: %w", dir, fs.ErrNotExist)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, err
}

func (s *source) add(name string, t *ast.StructType) {
	fields := make(map[string]string)
	s.fields[name] = fields
	for _, f := range t.Fields.List {
		text := f.Doc.Text()
		if text == "" {
			text = f.Comment.Text()
		}
		for _, n := range f.Names {
			fields[n.Name] = text
			if f.Tag == nil {
				continue
			}
			if key, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("yaml"), ","); key != "" {
				s.keys[n.Name] = key
			}
		}
	}
}

// sentences returns the sentences of the first paragraph of the comment on a field, with keys in place of the names of
// fields, between backquotes.
func (s *source) sentences(owner, field string) []string {
	text := s.fields[owner][field]
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return nil
	}
	text = s.withKeys(text, field)
	if !strings.ContainsAny(text[len(text)-1:], ".!?") {
		text += "."
	}
	var list []string
	for text != "" {
		end := len(text)
		if m := sentenceEnd.FindStringSubmatchIndex(text); m != nil {
			end = m[3]
		}
		if sentence := capital(strings.TrimSpace(text[:end])); sentence != "It is required." { // which is told otherwise
			list = append(list, sentence)
		}
		text = text[end:]
	}
	return list
}

var (
	sentenceEnd = regexp.MustCompile(`([.!?]\)?) +(?:\p{Lu}|[0-9` + "`" + `"])`)
	link        = regexp.MustCompile(`\[([A-Z][\w.]*)\]`)
	leading     = regexp.MustCompile(`^([A-Z]\w*) (\w+)`)
	within      = regexp.MustCompile(`[\p{Ll}\d,;:)'] (?:[A-Z]\w*\.)?[A-Z]\w*\b(?:'s)?`)
	camel       = regexp.MustCompile(`\b(?:[A-Z]\w*\.)?[A-Z]\w*(?:[a-z]\w*[A-Z]|[A-Z]\w*[a-z])\w*\b`)
)

// withKeys replaces the names of fields in the comment on one of them.
func (s *source) withKeys(text, field string) string {
	text = link.ReplaceAllString(text, "$1")
	if m := leading.FindStringSubmatch(text); m != nil && m[1] == field && (m[2] == "are" || strings.HasSuffix(m[2], "s")) {
		text = strings.TrimSpace(text[len(field):])
		text = strings.TrimPrefix(strings.TrimPrefix(text, "is "), "are ")
	}
	text = camel.ReplaceAllStringFunc(text, s.key)
	text = within.ReplaceAllStringFunc(text, func(found string) string {
		_, size := utf8.DecodeRuneInString(found)
		name, own := strings.CutSuffix(found[size+1:], "'s")
		if own {
			return found[:size+1] + s.key(name) + "'s"
		}
		return found[:size+1] + s.key(name)
	})
	text = strings.ReplaceAll(text, "Nil means ", "Left out, it means ")
	return strings.ReplaceAll(text, "zero means ", "0 means ")
}

// key returns the key of a field, which may be one of a field, in backquotes, or the name as it is.
func (s *source) key(name string) string {
	outer, inner, nested := strings.Cut(name, ".")
	key, ok := s.keys[outer]
	if name == strings.ToUpper(name) || !ok && (!nested || outer != "Config") {
		return name // TLS and URL are words
	}
	if !nested {
		return "`" + key + "`"
	}
	of, known := s.keys[inner]
	switch {
	case outer == "Config" && known:
		return "`" + of + "`"
	case known:
		return "`" + key + "." + of + "`"
	case ok:
		return "`" + key + "." + snake(inner) + "`"
	}
	return name
}

// capital begins a sentence with a capital letter, unless it begins with a key.
func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
