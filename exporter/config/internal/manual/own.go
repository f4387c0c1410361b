package manual

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
)

// ownFamilies returns the metrics that the packages of the exporter make of themselves, sorted by name. It reads their
// sources: a vector without series shows in no scrape.
func ownFamilies(root string) ([]collector.Family, error) {
	var all []collector.Family
	err := filepath.WalkDir(filepath.Join(root, "exporter"), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case slices.Contains([]string{"testdata", "bench", "e2e", "manual"}, d.Name()):
			return filepath.SkipDir
		}
		files, _ := goFiles(path) // none in a folder of folders
		constants := constantsOf(files)
		for _, f := range files {
			found, err := familiesIn(f, constants)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			all = append(all, found...)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b collector.Family) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// makers are the functions that make metrics, by the type of these.
var makers = map[string]string{
	"NewGauge": "gauge", "NewGaugeVec": "gauge", "NewGaugeFunc": "gauge", "NewCounter": "counter", "NewCounterVec": "counter",
	"NewCounterFunc": "counter", "NewHistogram": "histogram", "NewHistogramVec": "histogram",
}

func familiesIn(f *ast.File, constants map[string]string) (families []collector.Family, err error) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if calls(call, "version", "NewCollector") {
			if name, ok := text(call.Args[0], constants); ok {
				families = append(families, collector.Family{
					Name: name + "_build_info", Type: "gauge", Help: "What was built, from what and with what; always 1.",
					Labels: []string{"branch", "goarch", "goos", "goversion", "revision", "tags", "version"},
				})
			}
		}
		for maker, kind := range makers {
			if !calls(call, "prometheus", maker) {
				continue
			}
			family, ok := familyOf(call, constants)
			if !ok {
				err = fmt.Errorf("a call of prometheus.%s whose name and help are no constants", maker)
			}
			family.Type = kind
			families = append(families, family)
		}
		return true
	})
	return families, err
}

// familyOf reads the options and labels that a metric is made with.
func familyOf(call *ast.CallExpr, constants map[string]string) (f collector.Family, ok bool) {
	options, isLiteral := call.Args[0].(*ast.CompositeLit)
	if !isLiteral {
		return f, false
	}
	for _, e := range options.Elts {
		pair, _ := e.(*ast.KeyValueExpr)
		key, _ := pair.Key.(*ast.Ident)
		value, _ := text(pair.Value, constants)
		switch key.Name {
		case "Name":
			f.Name = value
		case "Help":
			f.Help = value
		}
	}
	for _, arg := range call.Args[1:] {
		if labels, isLiteral := arg.(*ast.CompositeLit); isLiteral {
			for _, e := range labels.Elts {
				label, _ := text(e, constants)
				f.Labels = append(f.Labels, label)
			}
		}
	}
	return f, f.Name != "" && f.Help != ""
}

// constantsOf returns the constant texts of a package.
func constantsOf(files []*ast.File) map[string]string {
	constants := make(map[string]string)
	for _, f := range files {
		for _, decl := range f.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				for i := range v.Values {
					if s, ok := text(v.Values[i], constants); ok {
						constants[v.Names[i].Name] = s
					}
				}
			}
		}
	}
	return constants
}

// text returns the value of a constant expression.
func text(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		s, ok := constants[e.Name]
		return s, ok
	case *ast.BinaryExpr:
		left, ok := text(e.X, constants)
		right, also := text(e.Y, constants)
		return left + right, ok && also && e.Op == token.ADD
	default:
		return "", false
	}
}
