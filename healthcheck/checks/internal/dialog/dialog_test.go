package dialog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/dialog"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
)

type steps = []dialog.Step

func TestCompileFindsEveryMistake(t *testing.T) {
	for _, tc := range []struct {
		what   string
		steps  steps
		rules  dialog.Rules
		fields string
	}{
		{"empty", steps{{}}, dialog.Rules{}, "d[0]"},
		{"two to send", steps{{Send: "hunter2", SendHex: "00"}}, dialog.Rules{}, "d[0]"},
		{"two to expect", steps{{ExpectBytes: "a", ExpectHex: "00"}}, dialog.Rules{}, "d[0]"},
		{"half a byte", steps{{SendHex: "00 f"}}, dialog.Rules{}, "d[0].send_hex"},
		{"no digits", steps{{SendHex: "hunter2!"}}, dialog.Rules{}, "d[0].send_hex"},
		{"no base64", steps{{SendBase64: "hunter2"}}, dialog.Rules{}, "d[0].send_base64"},
		{"half a byte expected", steps{{ExpectHex: "00 f"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"no digits expected", steps{{ExpectHex: "hunter2!"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"a byte in two", steps{{ExpectHex: "0 0"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"blanks expected", steps{{ExpectHex: "  "}}, dialog.Rules{}, "d[0].expect_hex"},
		{"open group", steps{{ExpectHex: "00 {hunter2:4"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"group without length", steps{{ExpectHex: "{hunter2}"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"group without name", steps{{ExpectHex: "{:4}"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"empty group", steps{{ExpectHex: "{a:0}"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"large group", steps{{ExpectHex: "{a:4097}"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"name twice", steps{{ExpectHex: "{a:1}{a:1}"}}, dialog.Rules{}, "d[0].expect_hex"},
		{"long", steps{{ExpectHex: strings.Repeat("??", 65537)}}, dialog.Rules{}, "d[0].expect_hex"},
		{"expression", steps{{Send: "a", Expect: "a", Reject: []string{"ok", "("}}}, dialog.Rules{}, "d[0].reject[1]"},
		{"rejects only", steps{{Send: "a", Reject: []string{"b"}}}, dialog.Rules{}, "d[0].reject"},
		{"not captured", steps{{Expect: "(?P<a>.)"}, {Send: "${step.b}"}}, dialog.Rules{}, "d[1].send"},
		{"captured later", steps{{Send: "${step.a}", Expect: "(?P<a>.)"}}, dialog.Rules{}, "d[0].send"},
		{"no name", steps{{Send: "${step.} hunter2"}}, dialog.Rules{}, "d[0].send"},
		{"no end", steps{{SendHex: "00${step.hunter2"}}, dialog.Rules{}, "d[0].send_hex"},
		{"secret of nobody", steps{{Send: "a", Secret: []string{"hunter2"}}}, dialog.Rules{}, "d[0].secret"},
		{"secret of another", steps{{Expect: "(?P<a>.)", Secret: []string{"a", "hunter2"}}}, dialog.Rules{}, "d[0].secret[1]"},
		{"many secrets", steps{{ExpectHex: "{a:1}{b:1}{c:1}{d:1}{e:1}{f:1}{g:1}{h:1}{i:1}", Secret: strings.Split("abcdefghi", "")}}, dialog.Rules{}, "d"},
		{"TLS", steps{{StartTLS: true}}, dialog.Rules{}, "d[0].starttls"},
		{"TLS twice", steps{{StartTLS: true}, {StartTLS: true}}, dialog.Rules{StartTLS: true}, "d[1].starttls"},
		{"silent", steps{{Send: "a", Expect: "b"}}, dialog.Rules{Silent: true}, "d[0].expect"},
		{"all at once", steps{{}, {SendHex: "x", ExpectHex: "x", Reject: []string{"("}}}, dialog.Rules{}, "d[0] d[1].send_hex d[1].reject[0] d[1].expect_hex"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			var m field.Mistakes
			dialog.Compile(&m, "d", tc.steps, tc.rules)
			assert.Equal(t, tc.fields, strings.Join(checktest.Mistakes(t, m.Err(), "hunter2"), " "), "%v", m.Err())
		})
	}
}

func TestScript(t *testing.T) {
	for _, tc := range []struct {
		what                    string
		steps                   steps
		hears, sends, tls, hide bool
	}{
		{"nothing", nil, false, false, false, false},
		{"hears", steps{{Expect: "a"}}, true, false, false, false},
		{"sends", steps{{SendHex: "00ff"}}, false, true, false, true},
		{"captures a secret", steps{{Expect: "(?P<a>.)", Secret: []string{"a"}}}, true, false, false, true},
		{"TLS at the end", steps{{Send: "a", Expect: "b", StartTLS: true}}, false, true, true, true},
		{"TLS in between", steps{{Expect: "b"}, {StartTLS: true}, {Expect: "c"}}, true, false, true, false},
	} {
		t.Run(tc.what, func(t *testing.T) {
			var m field.Mistakes
			s := dialog.Compile(&m, "d", tc.steps, dialog.Rules{StartTLS: true})
			require.NoError(t, m.Err())
			assert.Equal(t, tc.hears, s.Hears())
			assert.Equal(t, tc.sends, s.Sends())
			assert.Equal(t, tc.tls, s.StartTLS())
			assert.Equal(t, tc.hide, s.Secrets() != nil)
			assert.Equal(t, len(tc.steps) == 0, s.Empty())
		})
	}
}

// FuzzCompile: no text makes it panic, or an error that repeats it.
func FuzzCompile(f *testing.F) {
	f.Add("${step.a}", "00${step.a}", "(?P<a>.)", "{a:4} ?? 0f")
	f.Add("${step.", "${step.a", "(?P<a>.)(?P<a>.)", "{a:4")
	f.Fuzz(func(_ *testing.T, send, sendHex, expect, expectHex string) {
		var m field.Mistakes
		s := dialog.Compile(&m, "d", steps{{Expect: expect}, {ExpectHex: expectHex}, {Send: send}, {SendHex: sendHex}}, dialog.Rules{})
		if m.Err() == nil {
			s.Secrets(expect).Hide(send)
		}
	})
}
