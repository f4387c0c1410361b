// Package dialog is what the kinds of checks share that talk to a peer step by step: what is sent, what is expected of
// the answer, what is taken out of it for later steps, over a stream or in datagrams.
//
// A kind has a list of [Step] among its settings, compiles it when a check is made, and has the dialog in each run:
//
//	chk.script = dialog.Compile(&m, "dialog", c.Dialog, dialog.Rules{})
//	chk.secrets = chk.script.Secrets(c.Target())
//
//	err := c.script.Talk(ctx, dialog.Conversation{Conn: conn, Peer: c.address.Label(), Secrets: c.secrets})
//
// What is read in a run is bounded, whatever the peer sends, and so is the time that expressions are tried for.
package dialog

import "slices"

// Step is a part of a dialog: first send, if there is something to send, then wait for the expected answer, if any,
// then begin TLS, if that is wanted. In a whole dialog at most 64 KiB are read, or 4 MiB in datagrams.
//
// A named group of an expectation captures what it matches, up to 4 KiB: "^220 .* <(?P<nonce>[^>]+)>$". Later steps
// send it where their text, or what they have in hexadecimal, says ${step.nonce}. A group that takes no part in the
// match captures nothing, which is sent as such.
type Step struct {
	// Send is sent as it is: line ends, where the protocol wants them, are part of it. It never shows in details, nor
	// do its words where a peer repeats them, other than those of the expectations. What an earlier step has captured
	// stands in it as ${step.NAME}; it must not hold a line end or a NUL byte then.
	Send string `yaml:"send" example:"QUIT\\r\\n"`
	// SendHex is sent as the bytes that it writes in hexadecimal, in either case and with any blanks between bytes. What
	// an earlier step has captured stands in it as ${step.NAME}, whatever bytes it has.
	SendHex string `yaml:"send_hex" example:"ffffffff 54 ${step.challenge}"`
	// SendBase64 is sent as the bytes that it writes in base64 (RFC 4648, section 4).
	SendBase64 string `yaml:"send_base64" example:"AGFubgBzZXNhbWU="`
	// Expect is a regular expression for one line of the answer, without its line end. Lines that do not match are
	// passed over. What comes before the peer closes the connection is a line too.
	Expect string `yaml:"expect" example:"^220 "`
	// ExpectBytes is a regular expression for all that has come since the last answer, tried whenever there is more:
	// for prompts and for protocols without lines. A byte that is not part of UTF-8 counts as the character U+FFFD. Of
	// datagrams it is tried on each as a whole.
	ExpectBytes string `yaml:"expect_bytes" example:"login: $"`
	// ExpectHex is what the answer begins with, in hexadecimal, with any blanks between bytes. A question mark stands
	// for any digit, and {NAME:4} for any 4 bytes, which it captures. An answer that begins in another way fails at once;
	// of datagrams it is passed over.
	ExpectHex string `yaml:"expect_hex" example:"ffffffff 41 {challenge:4}"`
	// Reject are regular expressions: as soon as a line matches one of them, or all that has come since the last answer
	// where no line is expected, the run fails, without waiting for what is expected. Lines behind the expected one are
	// not looked at.
	Reject []string `yaml:"reject" example:"['^[45]\\d\\d']"`
	// Secret are the names of what this step captures that must never show in details. They are 8 at most in a dialog. Where
	// the answer is not the expected one, none of it shows, since they may be there in another form, but for what is rejected.
	Secret []string `yaml:"secret" example:"[nonce]"`
	// StartTLS puts TLS over the connection when the step has had its answer. What the peer sends after the answer, but
	// before TLS, is refused: somebody on the way could have put it there (CVE-2011-0411).
	StartTLS bool `yaml:"starttls" default:"false"`
}

// HoldsStepReferences tells a loader of configurations to leave ${step.NAME} as it is.
func (Step) HoldsStepReferences() {}

// sends returns the fields with something to send.
func (s *Step) sends() (fields []string) {
	return given("send", s.Send, "send_hex", s.SendHex, "send_base64", s.SendBase64)
}

// expects returns the fields with something that is expected.
func (s *Step) expects() (fields []string) {
	return given("expect", s.Expect, "expect_bytes", s.ExpectBytes, "expect_hex", s.ExpectHex)
}

func given(pairs ...string) (fields []string) {
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			fields = append(fields, pair[0])
		}
	}
	return fields
}
