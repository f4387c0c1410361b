package draft

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
)

// Nobody can know what is secret in a text; a name that one goes by can be known. It is better to hide too much: who
// reads the output sees which variable to set.
var (
	secretName  = regexp.MustCompile(`(?i)pass|pwd|secret|token|auth|credential|cookie|session|signature|jwt|key$|^key|^sig$|^sid$`)
	secretWord  = regexp.MustCompile(`(?i)passw|passphrase|\bpwd\b|secret|token|api[-_]?key|credential|authorization`)
	secretSpeak = regexp.MustCompile(`(?i)^\s*(?:\S+\s+)?(?:PASS|AUTH|LOGIN|IDENTIFY|OPER)\s+\S`)
	noSecret    = regexp.MustCompile(`(?i)^\s*AUTH\s+(?:TLS|SSL)\s*$`)
	schemeWord  = regexp.MustCompile(`^(?i)(?:Basic|Bearer|Token|Digest|ApiKey|Negotiate)\s+`)
	references  = regexp.MustCompile(`\$\{[^{}]*\}`)
	noVariable  = regexp.MustCompile(`[^A-Z0-9]+`)
	query       = regexp.MustCompile(`([?&;])([^=&;#?]*)=([^&;#]*)`)
)

// Secret returns what stands for a secret of the input: a reference to a variable that is named for its owner and field.
// A text that consists of references stays.
func (d *Draft) Secret(owner, field string, from *tree.Node, text Raw) Secret {
	if text == "" || d.withSecrets || refersOnly(text) {
		return Secret{Text: text}
	}
	name := d.variable(owner, field, from, text)
	return Secret{Text: Raw("${" + name + "}"), comment: "set " + name}
}

// refersOnly reports whether a text has references, and beside them nothing but names and separators, such as
// "session=${SESSION}".
func refersOnly(text Raw) bool {
	protected := protect(string(text))
	rest := references.ReplaceAllString(protected, "")
	return rest != protected && strings.Trim(named.ReplaceAllString(rest, ""), " ;,&") == ""
}

var named = regexp.MustCompile(`[A-Za-z0-9_.-]+[=:]`)

// Reserve keeps a name of a variable for the input, which refers to it.
func (d *Draft) Reserve(name string) { d.taken[name] = true }

// variable returns the name of the variable for a secret. What has been seen before has one.
func (d *Draft) variable(owner, field string, from *tree.Node, text Raw) string {
	if name, ok := d.names[string(text)]; ok {
		return name
	}
	base := strings.Trim(noVariable.ReplaceAllString(strings.ToUpper(owner+"_"+field), "_"), "_")
	if base == "" || base[0] <= '9' {
		base = "CHECK_" + base
	}
	name := base
	for n := 2; d.taken[name]; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	d.taken[name] = true
	d.names[string(text)] = name
	d.Variables = append(d.Variables, Variable{name, from.Note("holds a secret: set %s to it", name)})
	return name
}

// Header returns the value of a header, a secret if its name says so. The word before a credential stays.
func (d *Draft) Header(owner, name string, from *tree.Node, value Raw) Secret {
	if !secretName.MatchString(name) {
		return Secret{Text: value}
	}
	word := schemeWord.FindString(string(value))
	s := d.Secret(owner, name, from, value[len(word):])
	s.Text = Raw(word) + s.Text
	return s
}

// Body returns a text that is sent, a secret if words in it say so.
func (d *Draft) Body(owner, field string, from *tree.Node, text Raw) Secret {
	if secretWord.MatchString(string(text)) || secretSpeak.MatchString(string(text)) && !noSecret.MatchString(string(text)) {
		return d.Secret(owner, field, from, text)
	}
	return Secret{Text: text}
}

// Line returns the text with an end of line.
func (s Secret) Line() Secret {
	s.Text += "\n"
	return s
}

// URL returns a URL, with references in place of a password and of those values of the query that are secrets by their
// names.
func (d *Draft) URL(owner string, from *tree.Node, text Raw) Secret {
	out := Secret{Text: text}
	var comments []string
	hide := func(field string, secret Raw) Raw {
		s := d.Secret(owner, field, from, secret)
		if s.comment != "" {
			comments = append(comments, s.comment)
		}
		return s.Text
	}
	out.Text = hideUserInfo(out.Text, hide)
	out.Text = Raw(query.ReplaceAllStringFunc(string(out.Text), func(part string) string {
		m := query.FindStringSubmatch(part)
		if !secretName.MatchString(m[2]) {
			return part
		}
		return m[1] + m[2] + "=" + string(hide(m[2], Raw(m[3])))
	}))
	out.comment = strings.Join(comments, ", ")
	return out
}

// hideUserInfo hides the password of a URL, or the user where that is all there is: then it is a token.
func hideUserInfo(text Raw, hide func(field string, secret Raw) Raw) Raw {
	before, rest, ok := strings.Cut(string(text), "://")
	if !ok {
		return text
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return text
	}
	user, password, found := strings.Cut(rest[:at], ":")
	if found {
		user += ":" + string(hide("password", Raw(password)))
	} else {
		user = string(hide("user", Raw(user)))
	}
	return Raw(before + "://" + user + rest[at:])
}
