package secret

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendDerived appends the text, without the blanks around it, and what else is secret where it is.
func appendDerived(list []value, text, shown string) []value {
	text = strings.TrimSpace(text)
	list = append(list, value{text: text, shown: shown})
	derived := func(s string) {
		if s != text && !strings.Contains(shown, s) {
			list = append(list, value{text: s, shown: shown})
		}
	}
	if strings.Contains(text, "\n") {
		for line := range strings.Lines(text) {
			derived(strings.TrimSpace(line))
		}
		return list
	}
	credentials := text
	if scheme, rest, ok := strings.Cut(text, " "); ok && len(scheme) <= maxScheme {
		credentials = strings.TrimSpace(rest)
		derived(credentials)
	}
	for _, s := range decoded(credentials) {
		derived(s)
	}
	return list
}

const maxScheme = 16 // bytes of what names a scheme of authentication before credentials

// decoded returns what s stands for if it is encoded: percent-encoded, escaped as in JSON, or text in base64, which a peer
// may decode before it sends it back.
func decoded(s string) (list []string) {
	if strings.ContainsAny(s, "%+") {
		for _, decode := range []func(string) (string, error){url.QueryUnescape, url.PathUnescape} {
			if plain, err := decode(s); err == nil && plain != s {
				list = append(list, plain)
			}
		}
	}
	if strings.Contains(s, `\`) { // it may have been cut out of JSON
		var plain string
		if json.Unmarshal([]byte(`"`+s+`"`), &plain) == nil && plain != s {
			list = append(list, plain)
		}
	}
	plain, ok := decodeBase64(s)
	if !ok {
		return list
	}
	list = append(list, plain)
	if _, password, ok := strings.Cut(plain, ":"); ok {
		list = append(list, password) // RFC 7617
	}
	if strings.Contains(plain, "\x00") {
		list = append(list, strings.Split(plain, "\x00")...) // RFC 4616
	}
	return list
}

// The length of texts that are tried as base64, in bytes. Most words that are that long do not decode to text; what is
// longer is data.
const (
	minEncoded = 8
	maxEncoded = 64 << 10
)

func decodeBase64(s string) (string, bool) {
	s = strings.TrimRight(s, "=")
	if len(s) < minEncoded || len(s) > maxEncoded {
		return "", false
	}
	data, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		data, err = base64.RawURLEncoding.DecodeString(s)
	}
	if err != nil || !utf8.Valid(data) {
		return "", false
	}
	text := string(data)
	odd := strings.ContainsFunc(text, func(r rune) bool { return r != 0 && !unicode.IsPrint(r) && !unicode.IsSpace(r) })
	return text, !odd
}
