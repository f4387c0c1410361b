// Package secret hides what a check must not show.
//
// A peer may send back all that it was sent: passwords, tokens, headers, in whatever spelling it likes. So does a
// program with its arguments, and a library in its errors. A check has a [Set] of what is secret in it, and lets every
// text that somebody else had a hand in through the set before anybody sees it:
//
//	s := secret.New(c.Target(), c.Expect)     // what is public anyway
//	s.AddBasic(c.Username, c.Password)        // known when the check is made
//	s.AddText(c.Body)                         // among other things, perhaps
//	s.Learn(token)                            // known in a run only: contents of files, tokens of OAuth2
//
//	s.Excerpt(answer, 200)                    // for details: what a peer sent, on one line, hidden, then cut
//	return s.Fail(err)                        // the last line of Check: healthcheck.Fail, whatever err quotes
//	defer s.HidePanic()                       // its first: a panic goes on, and may have a text of a library
//
// # What is found
//
// A value is hidden wherever it stands in a text, as it is or with any of its characters escaped, in any mixture, and
// more than once: percent-encoded (as in paths and in queries, with + for a blank), as in strings of JSON, Go, C and
// shells, as an entity of HTML, as quoted-printable. It is hidden within base64 (both alphabets, with and without
// padding, broken into lines, at any offset, so also within "user:password") and in hexadecimal. Of a value with
// several lines, each line is a value too; of one with a scheme, such as "Bearer x", so is what follows it; and so is
// what a value decodes to, where it is base64 or percent-encoded itself.
//
// No cut helps: [Set.Excerpt] hides before it cuts, and takes the beginning of a value at the end of its text for the
// whole of it. Of a longer value its first half is hidden also where something else follows.
//
// # What is not
//
// A value of one byte is in any text, and hidden nowhere. One of two or three bytes is hidden as a word only: where no
// letter or digit adjoins it. A value that stands in a public text is not hidden, since that would tell what it is.
// Ciphers, hashes, compression and other alphabets than Unicode are not looked through, nor is a peer stopped from
// sending parts of a secret one by one.
//
// # Cost
//
// A set at rest holds the values and nothing else; a nil *Set hides nothing and costs nothing. To hide takes time in
// proportion to the text and the number of values, and texts are bounded by those who ask. All methods may be called
// concurrently.
package secret
