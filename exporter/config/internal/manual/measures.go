package manual

import (
	"go/ast"
	"go/build"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/healthcheck-exporter/healthcheck_exporter"

// measurers returns the kinds that have each measure, by its name: those whose packages make it, or import who does. What
// dials brings the measures of TLS along: kinds have them that can be told to use it.
func (m *Manual) measurers(root string) (map[string][]string, error) {
	kinds := make(map[string][]string)
	for _, n := range m.Kinds {
		seen := make(map[string]bool)
		secured := n.Name == "tls" || slices.ContainsFunc(n.Keys, func(key *Node) bool { return strings.HasPrefix(key.Name, "tls") && !key.Refused })
		if err := measuresOf(root, n.Shape.Type.PkgPath(), seen, func(measure string) {
			if !slices.Contains(kinds[measure], n.Name) && (secured || !strings.HasPrefix(measure, "tls_")) {
				kinds[measure] = append(kinds[measure], n.Name)
			}
		}); err != nil {
			return nil, err
		}
	}
	return kinds, nil
}

// measuresOf finds the measures of a package of the checks and of those that it imports.
func measuresOf(root, pkg string, seen map[string]bool, found func(string)) error {
	below, ok := strings.CutPrefix(pkg, module+"/")
	if seen[pkg] || !ok || !strings.HasPrefix(below, "healthcheck/checks/") {
		return nil
	}
	seen[pkg] = true
	dir := filepath.Join(root, filepath.FromSlash(below))
	files, err := goFiles(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && calls(call, "healthcheck", "NewMeasure") {
				if name, ok := text(call.Args[0], nil); ok {
					found(name)
				}
			}
			return true
		})
	}
	p, err := build.ImportDir(dir, 0)
	if err != nil {
		return err
	}
	for _, imported := range p.Imports {
		if err := measuresOf(root, imported, seen, found); err != nil {
			return err
		}
	}
	return nil
}

// calls reports whether a call is of a function of a package.
func calls(call *ast.CallExpr, pkg, function string) bool {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg && s.Sel.Name == function
}
