package tree

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// Has reports whether a map has a key with a value. The fate of the value stays as it is.
func (n *Node) Has(key string) bool { return n.peek(key) != nil }

func (n *Node) peek(key string) *Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for i, k := range n.keys {
		if k == key && n.list[i].Kind != Null {
			return n.list[i]
		}
	}
	return nil
}

// Peek returns the text of a scalar in a map without a change of its fate.
func (n *Node) Peek(key string) string {
	return n.peek(key).PeekSelf()
}

// PeekSelf returns the text of a scalar without a change of its fate.
func (n *Node) PeekSelf() string {
	if n == nil || !n.scalar() {
		return ""
	}
	return n.text
}

// At returns the value of a key of a map, whatever its fate. It is nil where there is none.
func (n *Node) At(key string) *Node { return n.peek(key) }

// Get returns the value of a key of a map, and uses it. It is nil where there is none.
func (n *Node) Get(key string) *Node { return n.peek(key).Use() }

// IgnoreKeys ignores the values of keys that nobody has looked at, for one reason.
func (n *Node) IgnoreKeys(reason string, keys ...string) {
	for _, key := range keys {
		if v := n.peek(key); v != nil && v.fate == Unseen {
			v.Ignore("%s", reason)
		}
	}
}

// RefuseKeys refuses the values of keys, for one reason.
func (n *Node) RefuseKeys(reason string, keys ...string) {
	for _, key := range keys {
		n.peek(key).Refuse("%s", reason)
	}
}

// Map returns the value if it is a map, with its key used; else it refuses it.
func (n *Node) Map(key string) *Node { return n.getKind(key, Map, "a mapping") }

// List returns the items of a list, all used. One value alone counts as a list of it.
func (n *Node) List(key string) []*Node {
	v := n.Get(key)
	if v == nil {
		return nil
	}
	if v.Kind != List {
		return []*Node{v}
	}
	for _, item := range v.list {
		item.Use()
	}
	return v.list
}

func (n *Node) getKind(key string, kind Kind, what string) *Node {
	v := n.Get(key)
	if v == nil {
		return nil
	}
	if v.Kind != kind {
		v.Refuse("want %s here", what)
		return nil
	}
	return v
}

// Entries returns the values of a map, all used, in their order.
func (n *Node) Entries() []*Node {
	if n == nil || n.Kind != Map {
		return nil
	}
	for _, v := range n.list {
		v.Use()
	}
	return n.list
}

func (n *Node) scalar() bool { return n.Kind == Text || n.Kind == Number || n.Kind == Bool }

// Scalar returns the text of a scalar, which may be a number or a truth. It refuses all else.
func (n *Node) Scalar() (string, bool) {
	switch {
	case n == nil || n.fate == Listed:
		return "", false
	case !n.scalar():
		n.Refuse("want a text here")
		return "", false
	}
	return n.Use().text, true
}

// Text returns the text at a key of a map, empty where there is none.
func (n *Node) Text(key string) string {
	text, _ := n.Get(key).Scalar()
	return text
}

// Texts returns the texts of a list.
func (n *Node) Texts(key string) []string {
	var texts []string
	for _, item := range n.List(key) {
		if text, ok := item.Scalar(); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// Bool returns the truth at a key of a map, and whether there is one.
func (n *Node) Bool(key string) (value, ok bool) {
	v := n.Get(key)
	text, ok := v.Scalar()
	if !ok {
		return false, false
	}
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	v.Refuse("want true or false here")
	return false, false
}

// Int returns the whole number at a key of a map, and whether there is one. Its size is at most 2^53, as in JSON.
func (n *Node) Int(key string) (int, bool) {
	v := n.Get(key)
	text, ok := v.Scalar()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		v.Refuse("want a whole number here")
		return 0, false
	}
	return int(f), true
}

// Seconds returns the duration that a key of a map gives as a number of seconds.
func (n *Node) Seconds(key string) (time.Duration, bool) {
	v := n.Get(key)
	text, ok := v.Scalar()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(f) < 1e9) {
		v.Refuse("want a number of seconds here")
		return 0, false
	}
	return time.Duration(f * float64(time.Second)), true
}

// Duration returns the duration at a key of a map, written as in Go or in Prometheus, and whether there is one that is
// not zero.
func (n *Node) Duration(key string) (time.Duration, bool) {
	v := n.Get(key)
	text, ok := v.Scalar()
	if !ok {
		return 0, false
	}
	if d, err := time.ParseDuration(text); err == nil {
		return d, d != 0
	}
	d, err := model.ParseDuration(text)
	if err != nil {
		v.Refuse("want a duration such as 30s here")
		return 0, false
	}
	return time.Duration(d), d != 0
}
