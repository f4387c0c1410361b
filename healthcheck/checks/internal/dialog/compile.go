package dialog

import (
	"slices"
	"strings"
	"unicode"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// Rules say what a dialog may be.
type Rules struct {
	StartTLS  bool // there may be a step that begins TLS
	Datagrams bool // it is had in datagrams
	Silent    bool // nothing is expected, only rejected
}

// Script is a dialog made ready. It is not changed by runs, which may be concurrent.
type Script struct {
	steps    []step
	startTLS int  // the step that begins TLS; -1: none
	hears    bool // something is expected, where there is TLS after it has begun
	captures bool // there are secrets among what is captured

	public, texts, secrets []string // for the set of secrets
}

// step is a [Step] made ready.
type step struct {
	send     *payload     // nil: nothing is sent
	expect   *expectation // nil: nothing is expected
	startTLS bool
}

// maxSecrets bounds the captured secrets of a dialog: a set remembers so many of several runs.
const maxSecrets = 8

// Compile makes a dialog ready, and notes the mistakes in it. The name is that of the field with the list of steps. The
// script is of no use where there are mistakes.
func Compile(m *field.Mistakes, name string, steps []Step, rules Rules) *Script {
	c := compiler{m: m, rules: rules, script: &Script{startTLS: -1}}
	for i := range steps {
		c.name = field.Item(name, i)
		c.add(&steps[i])
	}
	if c.secrets > maxSecrets {
		m.Add(name, "has %d secrets: the most is %d", c.secrets, maxSecrets)
	}
	return c.script
}

// compiler is a [Script] while it is made.
type compiler struct {
	m        *field.Mistakes
	rules    Rules
	script   *Script
	name     string   // of the step
	captured []string // by the steps before
	secrets  int      // captured
}

func (c *compiler) add(s *Step) {
	sends, expects := s.sends(), s.expects()
	if len(sends) == 0 && len(expects) == 0 && len(s.Reject) == 0 && !s.StartTLS {
		c.m.Add(c.name, "is empty: give send, expect or expect_bytes")
	}
	if len(sends) > 1 {
		c.m.Add(c.name, "has both %s: make two steps of them", strings.Join(sends, " and "))
	}
	if len(expects) > 1 {
		c.m.Add(c.name, "has both %s: make two steps of them", strings.Join(expects, " and "))
	}
	out := step{send: c.payload(s), expect: c.expectation(s), startTLS: s.StartTLS}
	if c.rules.Datagrams && out.send != nil && out.send.size() > MaxDatagram {
		c.m.Add(c.name+"."+sends[0], "is longer than %d bytes, the most that a datagram carries", MaxDatagram)
	}
	switch {
	case c.rules.Silent && len(expects) > 0:
		c.m.Add(c.name+"."+expects[0], "must be empty where nothing is expected")
	case !c.rules.Silent && len(expects) == 0 && len(s.Reject) > 0:
		c.m.Add(c.name+".reject", "needs something that is expected: without, nobody waits for an answer")
	}
	if s.StartTLS {
		c.begin()
	} else if len(expects) > 0 {
		c.script.hears = true
	}
	c.remember(s, out)
}

// begin notes that TLS begins after this step.
func (c *compiler) begin() {
	switch {
	case !c.rules.StartTLS:
		c.m.Add(c.name+".starttls", "cannot be had here")
	case c.script.startTLS >= 0:
		c.m.Add(c.name+".starttls", "is there twice: TLS begins once")
	}
	c.script.startTLS, c.script.hears = len(c.script.steps), false
}

// remember adds the step, with what it captures, and what of it is secret and what is not.
func (c *compiler) remember(s *Step, out step) {
	if e := out.expect; e != nil {
		for i, name := range s.Secret {
			if !slices.Contains(e.captures(), name) {
				c.m.Add(field.Item(c.name+".secret", i), "is not the name of a group of this step")
			}
		}
		e.secret = s.Secret
		c.secrets += len(s.Secret)
		c.script.captures = c.secrets > 0
		c.captured = append(c.captured, e.captures()...)
	} else if len(s.Secret) > 0 {
		c.m.Add(c.name+".secret", "needs a step that captures something")
	}
	script := c.script
	script.steps = append(script.steps, out)
	script.public = append(script.public, s.Expect, s.ExpectBytes, s.ExpectHex)
	script.public = append(script.public, s.Reject...)
	script.secrets = append(script.secrets, s.SendHex, s.SendBase64)
	if out.send == nil {
		return
	}
	for _, p := range out.send.parts {
		if len(p.literal) > 0 {
			script.texts = append(script.texts, string(p.literal))
			if words := strings.Map(printable, string(p.literal)); words != string(p.literal) {
				script.texts = append(script.texts, words)
			}
		}
	}
}

// printable puts a blank in the place of what stands between words in binary protocols.
func printable(r rune) rune {
	if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
		return ' '
	}
	return r
}

// Hears reports whether the peer is heard of at the end, where there is TLS after that has begun.
func (s *Script) Hears() bool { return s.hears }

// Empty reports whether there are no steps.
func (s *Script) Empty() bool { return len(s.steps) == 0 }

// StartTLS reports whether a step begins TLS.
func (s *Script) StartTLS() bool { return s.startTLS >= 0 }

// Sends reports whether the first step sends something.
func (s *Script) Sends() bool { return len(s.steps) > 0 && s.steps[0].send != nil }

// Secrets returns what the dialog sends: passwords may be among it, and peers repeat what they do not understand. It
// returns nil where there is nothing to hide. The public texts, and all that is expected or rejected, are not hidden.
func (s *Script) Secrets(public ...string) *secret.Set {
	if len(s.texts) == 0 && !s.captures {
		return nil
	}
	set := secret.New(slices.Concat(public, s.public)...)
	set.AddText(s.texts...)
	set.Add(s.secrets...)
	return set
}
