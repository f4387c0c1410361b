package gatus

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// condition is one that must hold, its placeholder on the left.
type condition struct {
	node            *tree.Node
	left, op, right string
	done            bool // it is in the output
}

// operators are looked for in the order in which gatus does it.
var (
	operators = []string{"==", "!=", "<=", ">=", ">", "<"}
	turned    = map[string]string{"==": "==", "!=": "!=", "<=": ">=", ">=": "<=", ">": "<", "<": ">"}
)

// parseCondition reads a condition. One that has a reference is refused: what the variable holds decides what it means.
func parseCondition(item *tree.Node) (condition, bool) {
	text, ok := item.Scalar()
	if !ok {
		return condition{}, false
	}
	if strings.Contains(text, "$") {
		out, refers := expand(text)
		if refers {
			item.Refuse("a condition with a variable cannot be taken over")
			return condition{}, false
		}
		text = strings.ReplaceAll(string(out), "$${", "${")
	}
	for _, op := range operators {
		left, right, found := strings.Cut(text, " "+op+" ")
		if !found {
			continue
		}
		left, right = strings.TrimSpace(left), strings.TrimSpace(right)
		if !placeholder(left) && placeholder(right) {
			left, op, right = right, turned[op], left
		}
		return condition{node: item, left: upper(left), op: op, right: right}, true
	}
	item.Refuse("is no condition")
	return condition{}, false
}

func placeholder(s string) bool {
	return strings.HasPrefix(s, "[") || strings.HasPrefix(s, "len(") || strings.HasPrefix(s, "has(") || strings.HasPrefix(s, "age(")
}

// upper returns what a placeholder is called in upper case, as gatus takes it; what follows in a path stays.
func upper(s string) string {
	open := strings.IndexByte(s, '[')
	end := strings.IndexByte(s, ']')
	if open < 0 || end < open {
		return s
	}
	return s[:open] + strings.ToUpper(s[open:end]) + s[end:]
}

// function returns what is within name(...).
func function(s, name string) (string, bool) {
	inner, ok := strings.CutPrefix(s, name+"(")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(inner, ")")
}

// options returns the values that the right side allows: one, or those of any(...).
func (c *condition) options() []string {
	inner, ok := function(c.right, "any")
	if !ok {
		return []string{c.right}
	}
	options := strings.Split(inner, ",")
	for i := range options {
		options[i] = strings.TrimSpace(options[i])
	}
	return options
}

// bodyPattern returns a regular expression for a condition on the whole body.
func (c *condition) bodyPattern() (string, bool) {
	if c.left != "[BODY]" || c.op != "==" && c.op != "!=" {
		return "", false
	}
	if glob, ok := function(c.right, "pat"); ok {
		return globPattern(glob)
	}
	return `^\s*` + alternatives(c.options()) + `\s*$`, true
}

// headerPattern returns a header and a regular expression for it.
func (c *condition) headerPattern() (name, pattern string, ok bool) {
	if inner, isHas := function(c.left, "has"); isHas && c.op == "==" && c.right == "true" {
		name, ok = strings.CutPrefix(inner, "[HEADER].")
		return name, ".*", ok
	}
	if name, ok = strings.CutPrefix(c.left, "[HEADER]."); !ok || c.op != "==" {
		return "", "", false
	}
	if glob, isPattern := function(c.right, "pat"); isPattern {
		pattern, ok = globPattern(glob)
		return name, pattern, ok
	}
	return name, "^" + alternatives(c.options()) + "$", true
}

// alternatives returns a pattern for one of several texts.
func alternatives(options []string) string {
	quoted := make([]string, len(options))
	for i, o := range options {
		quoted[i] = regexp.QuoteMeta(o)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return "(?:" + strings.Join(quoted, "|") + ")"
}

// globPattern returns a regular expression for the pattern of pat(...). Classes of characters are not taken over.
func globPattern(glob string) (string, bool) {
	var b strings.Builder
	inner := strings.TrimLeft(glob, "*")
	if inner == glob {
		b.WriteByte('^')
	}
	glob = inner
	inner = strings.TrimRight(glob, "*")
	open := inner != glob && !strings.HasSuffix(inner, `\`)
	if !open {
		inner = glob
	}
	anyText := false
	for i := 0; i < len(inner); {
		switch c := inner[i]; c {
		case '*':
			b.WriteString(".*")
			anyText = true
		case '?':
			b.WriteByte('.')
			anyText = true
		case '[':
			return "", false
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
			b.WriteString(regexp.QuoteMeta(inner[i : i+1]))
		default:
			n := strings.IndexAny(inner[i:], `*?[\`)
			if n < 0 {
				n = len(inner) - i
			}
			b.WriteString(regexp.QuoteMeta(inner[i : i+n]))
			i += n - 1
		}
		i++
	}
	if !open {
		b.WriteByte('$')
	}
	if anyText {
		return "(?s)" + b.String(), true
	}
	return b.String(), true
}

var topKey = regexp.MustCompile(`^\[BODY\]\.([A-Za-z0-9_-]+)$`)

// jsonPattern returns a regular expression for a key at the top of a JSON object. It matches where nothing but plain
// values stand before the key: what it takes for good is good, whatever else is in the body.
func (c *condition) jsonPattern() (string, bool) {
	m := topKey.FindStringSubmatch(c.left)
	if m == nil || c.op != "==" || strings.HasPrefix(c.right, "pat(") || strings.HasPrefix(c.right, "[") {
		return "", false
	}
	value := alternatives(c.options())
	return `^\s*\{(?:[^{}\[\]]*,)?\s*"` + regexp.QuoteMeta(m[1]) + `"\s*:\s*(?:"` + value + `"|` + value + `)\s*[,}]`, true
}

// unknown says of placeholders why they cannot be expected.
var unknown = []struct{ prefix, why string }{
	{"[CERTIFICATE_EXPIRATION]", "the shipped alert rules tell of certificates before they expire (healthcheck_tls_certificate_not_after_timestamp_seconds)"},
	{"[DOMAIN_EXPIRATION]", "when a domain expires is not known here"},
	{"[IP]", "the address that answers cannot be expected"},
	{"[CONTEXT]", "the context of a suite is not known here"},
	{"[BODY]", "a condition on parts of the body cannot be expected, other than that a key at the top of an object is equal to something"},
	{"[HEADER]", "this condition on a header cannot be expected"},
	{"age(", "ages cannot be expected"},
	{"len(", "lengths cannot be expected"},
	{"has(", "that something is there, or not, cannot be expected"},
}

// expectHTTP returns what makes an answer good.
func (e *endpoint) expectHTTP(follow bool) *draft.Settings {
	s := &draft.Settings{}
	status := newStatusSet()
	headers := &draft.Settings{}
	var matches, notMatches []string
	for i := range e.conditions {
		cond := &e.conditions[i]
		if cond.left == "[STATUS]" {
			cond.done = status.restrict(cond)
			continue
		}
		if name, pattern, ok := cond.headerPattern(); ok && headers.Get(name) == nil {
			headers.Set(name, pattern)
			cond.done = true
		} else if pattern, ok := cond.bodyPattern(); ok {
			cond.done = true
			if cond.op == "==" {
				matches = append(matches, pattern)
			} else {
				notMatches = append(notMatches, pattern)
			}
		} else if pattern, ok := cond.jsonPattern(); ok {
			cond.done = true
			matches = append(matches, pattern)
			cond.node.Remark("a regular expression stands for it, which wants the key before all lists and objects of the body")
		}
	}
	s.Set("status", status.texts(follow))
	s.Set("body_matches", matches)
	s.Set("body_not_matches", notMatches)
	s.Set("headers", headers)
	e.expectTimes(s)
	return s
}

// expectTimes takes the conditions on latency and connection, and says of others why they cannot be taken.
func (e *endpoint) expectTimes(s *draft.Settings) {
	for i := range e.conditions {
		cond := &e.conditions[i]
		switch {
		case cond.done:
		case cond.left == "[CONNECTED]" && cond.op == "==" && cond.right == "true":
			cond.done = true
		case cond.left == "[RESPONSE_TIME]" && (cond.op == "<" || cond.op == "<="):
			if d, ok := latency(cond.right); ok && s.Get("max_latency") == nil {
				s.Set("max_latency", d)
				cond.done = true
			}
		default:
			for _, u := range unknown {
				if strings.HasPrefix(cond.left, u.prefix) {
					cond.node.Refuse("%s", u.why)
					break
				}
			}
		}
	}
}

// latency reads a duration, or a number of milliseconds.
func latency(text string) (time.Duration, bool) {
	if ms, err := strconv.ParseInt(text, 0, 32); err == nil {
		return time.Duration(ms) * time.Millisecond, ms > 0
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}
