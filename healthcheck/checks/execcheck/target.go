package execcheck

import (
	"strconv"
	"strings"
	"unicode"
)

// Target returns the program, with its arguments if they are to be shown. Those with blanks or quotes are quoted, and none
// is cut, as the rest of a secret could not be told from anything else.
func (c Config) Target() string {
	target := c.program()
	if !c.ShowArgs || target == "" {
		return target
	}
	for _, arg := range c.Command[1:] {
		if arg == "" || strings.ContainsFunc(arg, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' }) {
			arg = strconv.Quote(arg)
		}
		if len(target)+len(arg) > maxTarget {
			return target + " …"
		}
		target += " " + arg
	}
	return target
}

func (c *Config) program() string {
	if len(c.Command) == 0 {
		return ""
	}
	return c.Command[0]
}

// maxTarget is how long a target with arguments is, in bytes: it is a label.
const maxTarget = 200

// HidesReferences reports whether the target has texts in which no reference is to be shown as what it stands for.
func (c Config) HidesReferences() bool { return c.ShowArgs }
