package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutation is one small change of a file.
type mutation struct {
	file       string // path from the root of the module
	line       int
	operator   string
	start, end int    // bytes of the file
	text       string // in their place
}

// apply returns source with the change.
func (m mutation) apply(source []byte) []byte {
	return slices.Concat(source[:m.start], []byte(m.text), source[m.end:])
}

// The operators. Text is not changed: what a help text or a message says, golden files know.
const (
	opNegate   = "condition negated"
	opLogic    = "and/or exchanged"
	opBoundary = "comparison off by one"
	opEqual    = "equality negated"
	opDrop     = "statement dropped"
	opConstant = "constant changed"
	opReturn   = "result changed"
	opArith    = "arithmetic changed"
	opBranch   = "break/continue exchanged"
)

var operatorOrder = []string{opNegate, opLogic, opBoundary, opEqual, opDrop, opConstant, opReturn, opArith, opBranch}

// exchange says what an operator of the language becomes.
var exchange = map[token.Token]struct{ operator, with string }{
	token.LSS: {opBoundary, "<="}, token.LEQ: {opBoundary, "<"}, token.GTR: {opBoundary, ">="}, token.GEQ: {opBoundary, ">"},
	token.EQL: {opEqual, "!="}, token.NEQ: {opEqual, "=="},
	token.LAND: {opLogic, "||"}, token.LOR: {opLogic, "&&"},
	token.ADD: {opArith, "-"}, token.SUB: {opArith, "+"}, token.MUL: {opArith, "/"}, token.QUO: {opArith, "*"}, token.REM: {opArith, "*"},
}

// find returns every mutation of the Go files of a package that are not tests, in the order of the files.
func find(root, pkg string) ([]mutation, error) {
	files, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutation
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return nil, err
		}
		found, err := findIn(name, source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func findIn(name string, source []byte) ([]mutation, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	f := &finder{name: name, source: source, fset: fset}
	ast.Inspect(file, f.visit)
	return f.found, nil
}

type finder struct {
	name   string
	source []byte
	fset   *token.FileSet
	stack  []ast.Node // from the file down to the node at hand
	found  []mutation
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}

func (f *finder) add(operator string, from, to token.Pos, text string) {
	f.found = append(f.found, mutation{
		file: f.name, line: f.fset.Position(from).Line, operator: operator, start: f.offset(from), end: f.offset(to), text: text,
	})
}

func (f *finder) replace(operator string, n ast.Node, text string) {
	f.add(operator, n.Pos(), n.End(), text)
}

func (f *finder) visit(n ast.Node) bool {
	if n == nil {
		f.stack = f.stack[:len(f.stack)-1]
		return true
	}
	f.stack = append(f.stack, n)
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field: // tags, sizes of arrays in signatures
		f.stack = f.stack[:len(f.stack)-1]
		return false
	case *ast.IfStmt:
		f.replace(opNegate, n.Cond, "!("+f.text(n.Cond)+")")
	case *ast.ForStmt:
		if n.Cond != nil {
			f.replace(opNegate, n.Cond, "!("+f.text(n.Cond)+")")
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			f.cases(n.Body)
		}
	case *ast.BinaryExpr:
		if x, ok := exchange[n.Op]; ok {
			f.add(x.operator, n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), x.with)
		}
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			f.replace(opConstant, n, strconv.FormatBool(n.Name == "false"))
		}
	case *ast.CallExpr:
		if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "min" || id.Name == "max") && len(n.Args) > 1 {
			f.replace(opArith, id, map[string]string{"min": "max", "max": "min"}[id.Name])
		}
	case *ast.BranchStmt:
		if with, ok := map[token.Token]string{token.BREAK: "continue", token.CONTINUE: "break"}[n.Tok]; ok && n.Label == nil {
			f.replace(opBranch, n, with)
		}
	case *ast.ExprStmt, *ast.SendStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt:
		f.drop(n)
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			f.drop(n)
		}
	case *ast.ReturnStmt:
		f.results(n)
	}
	return true
}

// cases negates the conditions of a switch without a tag.
func (f *finder) cases(body *ast.BlockStmt) {
	for _, s := range body.List {
		for _, cond := range s.(*ast.CaseClause).List {
			f.replace(opNegate, cond, "!("+f.text(cond)+")")
		}
	}
}

// drop takes a statement out of use, but leaves it there, so that what it uses is still used. It must stand in a block:
// the statements of a for or an if have no place for braces.
func (f *finder) drop(n ast.Node) {
	switch f.stack[len(f.stack)-2].(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		f.replace(opDrop, n, "if false { "+f.text(n)+" }")
	}
}

func (f *finder) literal(n *ast.BasicLit) {
	switch n.Kind {
	case token.INT:
		v, err := strconv.ParseInt(n.Value, 0, 64)
		if err != nil {
			return // a mask of 64 bits
		}
		f.replace(opConstant, n, strconv.FormatInt(v+1, 10))
	case token.FLOAT:
		f.replace(opConstant, n, "("+n.Value+" * 1.5)")
	case token.CHAR:
		f.replace(opConstant, n, "("+n.Value+" + 1)")
	}
}

// results changes what a function returns: each result by itself, as its type is written, and two of one type exchanged.
func (f *finder) results(n *ast.ReturnStmt) {
	types := f.signature()
	if len(types) != len(n.Results) { // a call that returns several, or named results
		return
	}
	for i, r := range n.Results {
		if text, ok := other(types[i], f.text(r)); ok {
			f.replace(opReturn, r, text)
		}
	}
	if len(types) == 2 && f.text(types[0]) == f.text(types[1]) {
		a, b := n.Results[0], n.Results[1]
		f.add(opReturn, a.Pos(), b.End(), f.text(b)+", "+f.text(a))
	}
}

// signature returns the type of each result of the function around the node at hand.
func (f *finder) signature() (types []ast.Expr) {
	for _, n := range slices.Backward(f.stack) {
		var t *ast.FuncType
		switch n := n.(type) {
		case *ast.FuncDecl:
			t = n.Type
		case *ast.FuncLit:
			t = n.Type
		default:
			continue
		}
		if t.Results == nil {
			return nil
		}
		for _, field := range t.Results.List {
			for range max(1, len(field.Names)) {
				types = append(types, field.Type)
			}
		}
		return types
	}
	return nil
}

// other returns another value of a type than the one that is written.
func other(t ast.Expr, value string) (string, bool) {
	zero := ""
	switch t := t.(type) {
	case *ast.StarExpr, *ast.MapType, *ast.FuncType, *ast.ChanType, *ast.InterfaceType:
		zero = "nil"
	case *ast.ArrayType:
		if t.Len == nil {
			zero = "nil"
		}
	case *ast.SelectorExpr:
		if x, ok := t.X.(*ast.Ident); ok && x.Name == "time" && t.Sel.Name == "Duration" {
			return "(" + value + ") + 1", true
		}
	case *ast.Ident:
		switch t.Name {
		case "bool":
			return "!(" + value + ")", value != "true" && value != "false" // those are constants
		case "error", "any":
			zero = "nil"
		case "string":
			zero = `""`
		case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64", "byte", "float64":
			return "(" + value + ") + 1", true
		}
	}
	return zero, zero != "" && value != zero
}
