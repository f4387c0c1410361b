package dialog

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/template"
)

// payload is what a step sends.
type payload struct {
	parts []part
	line  bool // what was captured must not end a line
}

// part is either bytes or the name of something captured.
type part struct {
	literal []byte
	capture string
}

var (
	errHex    = errors.New("is not hexadecimal: want two digits for each byte")
	errBase64 = errors.New("is not base64")
)

// payload returns what a step sends, or nil.
func (c *compiler) payload(s *Step) *payload {
	switch {
	case s.Send != "":
		p := c.parts("send", s.Send, func(text string) ([]byte, error) { return []byte(text), nil })
		p.line = true
		return p
	case s.SendHex != "":
		return c.parts("send_hex", s.SendHex, func(text string) ([]byte, error) {
			data, err := hex.DecodeString(withoutBlanks(text))
			if err != nil {
				err = errHex // which repeats nothing
			}
			return data, err
		})
	case s.SendBase64 != "":
		data, err := base64.StdEncoding.DecodeString(withoutBlanks(s.SendBase64))
		if err != nil {
			c.m.Check(c.name+".send_base64", errBase64)
		}
		return &payload{parts: []part{{literal: data}}}
	}
	return nil
}

func withoutBlanks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// parts cuts a text at its references.
func (c *compiler) parts(key, text string, decode func(string) ([]byte, error)) *payload {
	p := new(payload)
	t, err := template.Parse(text)
	if err != nil {
		c.m.Check(c.name+"."+key, err)
		return p
	}
	for i, literal := range t.Literals {
		if literal != "" {
			data, err := decode(literal)
			c.m.Check(c.name+"."+key, err)
			p.parts = append(p.parts, part{literal: data})
		}
		if i == len(t.Names) {
			break
		}
		if !slices.Contains(c.captured, t.Names[i]) {
			c.m.Add(c.name+"."+key, "no step before captures %.40s", t.Names[i])
		}
		p.parts = append(p.parts, part{capture: t.Names[i]})
	}
	return p
}

// size returns how many bytes are sent, without what is captured.
func (p *payload) size() (n int) {
	for _, part := range p.parts {
		n += len(part.literal)
	}
	return n
}

// bytes returns what to send in a run. The caller does not write to it.
func (p *payload) bytes(captured map[string]string) ([]byte, error) {
	if len(p.parts) == 1 && p.parts[0].capture == "" {
		return p.parts[0].literal, nil
	}
	var data []byte
	for _, part := range p.parts {
		if part.capture == "" {
			data = append(data, part.literal...)
			continue
		}
		value := captured[part.capture]
		if p.line && strings.ContainsAny(value, "\r\n\x00") {
			return nil, healthcheck.Errorf(healthcheck.ReasonBody, "what was captured as %s ends a line, and is not sent in one", part.capture)
		}
		data = append(data, value...)
	}
	return data, nil
}
