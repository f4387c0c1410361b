// Package tree reads a configuration in YAML or JSON into values that know their place and what became of them.
//
// Nothing of a configuration may be dropped silently. So each value has a fate: it was used, ignored for a reason, or
// listed for a reason, and [Node.Sweep] lists what nobody has looked at. A converter takes what it understands, ignores
// what it knows to have no meaning here, refuses what it cannot express, and sweeps.
package tree

import (
	"fmt"
	"strconv"
	"strings"
)

// Kind is what a value is.
type Kind uint8

// The kinds of values. A number or a truth in quotes is a Text.
const (
	Null Kind = iota
	Text
	Number
	Bool
	List
	Map
)

// Fate is what became of a value.
type Fate uint8

// The fates. Of a map or list that was used, each part has a fate of its own; those of one that was ignored or listed
// share its.
const (
	Unseen  Fate = iota
	Used         // it is in the output, or decided what is there
	Ignored      // it has no meaning here, for a known reason
	Listed       // it could not be taken over
)

// Node is a value. A nil Node is one that is not there: every method may be called.
type Node struct {
	Line int
	Kind Kind
	text string
	list []*Node
	keys []string // of the values in list, if this is a map
	fate Fate

	key    string // in the parent, a map
	index  int    // in the parent, a list
	parent *Node
	doc    *document
}

// document is what the nodes of one file have in common.
type document struct {
	file   string
	ledger *Ledger
}

// Note is a place in the input, and what there is to say of it.
type Note struct {
	File string
	Line int
	Path string // such as scrape_configs[2].params.module; empty for a whole file
	Text string
}

// String returns the note as "file:line: path: text".
func (n Note) String() string {
	if n.Path == "" {
		return fmt.Sprintf("%s:%d: %s", n.File, n.Line, n.Text)
	}
	return fmt.Sprintf("%s:%d: %s: %s", n.File, n.Line, n.Path, n.Text)
}

// Ledger is what was found in the input, in the order of the conversion.
type Ledger struct {
	Listed  []Note // what could not be taken over
	Ignored []Note // what has no meaning here
	place   *[]Note
}

// At makes what is listed from now on also part of place, where the output says it in a comment; nil for nowhere. It
// returns a function that goes back to the place before.
func (l *Ledger) At(place *[]Note) (back func()) {
	before := l.place
	l.place = place
	return func() { l.place = before }
}

// Note returns a note on the value.
func (n *Node) Note(format string, args ...any) Note {
	return Note{File: n.doc.file, Line: n.Line, Path: n.Path(), Text: fmt.Sprintf(format, args...)}
}

// Path returns where the value is in its file.
func (n *Node) Path() string {
	var steps []string
	for ; n.parent != nil; n = n.parent {
		steps = append(steps, n.step())
	}
	var path strings.Builder
	for i := len(steps) - 1; i >= 0; i-- {
		if path.Len() > 0 && steps[i][0] != '[' {
			path.WriteByte('.')
		}
		path.WriteString(steps[i])
	}
	return path.String()
}

// maxStep is how much of a key is shown in a path, in bytes.
const maxStep = 80

func (n *Node) step() string {
	if n.parent.Kind == List {
		return "[" + strconv.Itoa(n.index) + "]"
	}
	if n.key == "" || len(n.key) > maxStep || strings.ContainsFunc(n.key, func(r rune) bool { return r <= ' ' || r == '.' || r == '[' || r >= 0x7f }) {
		return fmt.Sprintf("[%.*q]", maxStep, n.key)
	}
	return n.key
}

// Fate returns what became of the value.
func (n *Node) Fate() Fate { return n.fate }

// Parts returns the values of a map or list, whatever their fate.
func (n *Node) Parts() []*Node {
	if n == nil {
		return nil
	}
	return n.list
}

// Walk calls f for the value and for all that is in it.
func (n *Node) Walk(f func(*Node)) {
	if n == nil {
		return
	}
	f(n)
	for _, part := range n.list {
		part.Walk(f)
	}
}

// Key returns the key that the value has in a map.
func (n *Node) Key() string { return n.key }

// Use says that the value decided something.
func (n *Node) Use() *Node {
	if n != nil && n.fate == Unseen {
		n.fate = Used
	}
	return n
}

// Ignore says that the value has no meaning here, and why.
func (n *Node) Ignore(format string, args ...any) {
	if n == nil || n.fate == Ignored || n.fate == Listed {
		return
	}
	n.fate = Ignored
	n.doc.ledger.Ignored = append(n.doc.ledger.Ignored, n.Note(format, args...))
}

// Refuse says that the value could not be taken over, and why.
func (n *Node) Refuse(format string, args ...any) {
	if n == nil || n.fate == Listed {
		return
	}
	n.fate = Listed
	n.enter(n.Note(format, args...))
}

// Remark lists something about a value that was used all the same.
func (n *Node) Remark(format string, args ...any) {
	if n != nil {
		n.Use().enter(n.Note(format, args...))
	}
}

func (n *Node) enter(note Note) {
	l := n.doc.ledger
	l.Listed = append(l.Listed, note)
	if l.place != nil {
		*l.place = append(*l.place, note)
	}
}

// Sweep lists what nobody has looked at in the value.
func (n *Node) Sweep() {
	switch {
	case n == nil || n.fate == Ignored || n.fate == Listed:
	case n.fate == Unseen && n.Kind == Null:
		n.Ignore("it has no value")
	case n.fate == Unseen:
		n.Refuse("is not known here")
	default:
		for _, part := range n.list {
			part.Sweep()
		}
	}
}
