// Package starttls says what protocols want to hear before TLS begins on their plain connections.
//
// The tests of tlscheck try imap, pop3, ldap, mysql, postgres and ftp on Dovecot, OpenLDAP, MariaDB, PostgreSQL and vsftpd;
// smtp and xmpp on peers that follow the RFC.
package starttls

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// maxHeard bounds what is read before TLS begins, in bytes.
const maxHeard = 16 << 10

// talk is what is said before TLS begins.
type talk struct {
	conn net.Conn
	in   *bufio.Reader
	host string
}

// protocols by their name.
var protocols = map[string]func(*talk) error{
	"ftp":      (*talk).ftp,
	"imap":     (*talk).imap,
	"ldap":     (*talk).ldap,
	"mysql":    (*talk).mysql,
	"pop3":     (*talk).pop3,
	"postgres": (*talk).postgres,
	"smtp":     (*talk).smtp,
	"xmpp":     (*talk).xmpp,
}

// Protocols returns the names of the protocols that are known, sorted.
func Protocols() []string { return slices.Sorted(maps.Keys(protocols)) }

// Begin brings the server at conn to where TLS is next. Host is its name, for protocols that want to be told. Errors
// that are about the answer of the server have the reason tls or protocol; others are those of conn. At most 16 KiB are
// read.
//
// A server that says more than that TLS may begin is refused: whoever is in between could have said it, and it would be
// taken as having come over TLS (CVE-2011-0411).
func Begin(conn net.Conn, protocol, host string) error {
	t := &talk{conn: conn, in: bufio.NewReaderSize(&bounded{conn: conn, left: maxHeard}, 512), host: host}
	if err := protocols[protocol](t); err != nil {
		return err
	}
	if n := t.in.Buffered(); n > 0 {
		rest, _ := t.in.Peek(n)
		return broken("the server sent more than its answer before TLS: %s", excerpt(rest))
	}
	return nil
}

// bounded reads no more than is left.
type bounded struct {
	conn net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, broken("the server sent more than %d bytes before TLS", maxHeard)
	}
	n, err := b.conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func broken(format string, args ...any) error {
	return healthcheck.Errorf(healthcheck.ReasonProtocol, format, args...)
}

// refused says that the server does not begin TLS.
func refused(answer []byte) error {
	return healthcheck.Errorf(healthcheck.ReasonTLS, "the server does not begin TLS: %s", excerpt(answer))
}

const maxExcerpt = 100

func excerpt(text []byte) string {
	return fmt.Sprintf("%q", (*secret.Set)(nil).Excerpt(text, maxExcerpt))
}

func (t *talk) say(text string) error {
	_, err := t.conn.Write([]byte(text))
	return err
}

// line returns the next line without its end.
func (t *talk) line() ([]byte, error) {
	var line []byte
	for {
		part, err := t.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return line, err
		default:
			return []byte(strings.TrimRight(string(line), "\r\n")), nil
		}
	}
}

// reply returns the lines of a reply of SMTP or FTP, up to one that has no hyphen after its code (RFC 5321, section 4.2.1;
// RFC 959, section 4.2).
func (t *talk) reply() (lines []string, err error) {
	for {
		line, err := t.line()
		if err != nil {
			return lines, err
		}
		lines = append(lines, string(line))
		if len(lines[0]) < 3 || strings.Trim(lines[0][:3], "0123456789") != "" {
			return lines, broken("the answer is no reply with a code: %s", excerpt(line))
		}
		if len(line) < 4 || string(line[:3]) == lines[0][:3] && line[3] != '-' {
			return lines, nil
		}
	}
}

// want reads a reply and returns it if it has the code.
func (t *talk) want(code string) ([]string, error) {
	lines, err := t.reply()
	if err != nil {
		return nil, err
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, code) {
		return nil, refused([]byte(last))
	}
	return lines, nil
}

// smtp: RFC 3207.
func (t *talk) smtp() error {
	if _, err := t.want("220"); err != nil {
		return err
	}
	if err := t.say("EHLO localhost\r\n"); err != nil {
		return err
	}
	lines, err := t.want("250")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(lines[1:], func(line string) bool { return len(line) > 4 && strings.EqualFold(line[4:], "STARTTLS") }) {
		return healthcheck.Errorf(healthcheck.ReasonTLS, "the server does not offer STARTTLS")
	}
	if err := t.say("STARTTLS\r\n"); err != nil {
		return err
	}
	_, err = t.want("220")
	return err
}

// ftp: RFC 4217, section 4.
func (t *talk) ftp() error {
	if _, err := t.want("220"); err != nil {
		return err
	}
	if err := t.say("AUTH TLS\r\n"); err != nil {
		return err
	}
	_, err := t.want("234")
	return err
}

// imap: RFC 9051, section 6.2.1.
func (t *talk) imap() error {
	greeting, err := t.line()
	switch {
	case err != nil:
		return err
	case !strings.HasPrefix(string(greeting), "* "):
		return broken("the greeting is not one of IMAP: %s", excerpt(greeting))
	case !hasWord(string(greeting[2:]), "OK"):
		return refused(greeting)
	}
	if err := t.say("a STARTTLS\r\n"); err != nil {
		return err
	}
	for {
		line, err := t.line()
		if err != nil {
			return err
		}
		answer, tagged := strings.CutPrefix(string(line), "a ")
		switch {
		case tagged && hasWord(answer, "OK"):
			return nil
		case tagged:
			return refused(line)
		case !strings.HasPrefix(string(line), "* "):
			return broken("the answer is not one of IMAP: %s", excerpt(line))
		}
	}
}

func hasWord(text, word string) bool {
	first, _, _ := strings.Cut(text, " ")
	return strings.EqualFold(first, word)
}

// pop3: RFC 2595, section 4.
func (t *talk) pop3() error {
	for _, command := range []string{"", "STLS\r\n"} {
		if command != "" {
			if err := t.say(command); err != nil {
				return err
			}
		}
		line, err := t.line()
		switch {
		case err != nil:
			return err
		case hasWord(string(line), "+OK"):
		case hasWord(string(line), "-ERR"):
			return refused(line)
		default:
			return broken("the answer is not one of POP3: %s", excerpt(line))
		}
	}
	return nil
}

const xmppTLS = "urn:ietf:params:xml:ns:xmpp-tls"

// xmpp: RFC 6120, section 5.4.2.
func (t *talk) xmpp() error {
	err := t.say("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" +
		t.host + "' version='1.0'>")
	if err != nil {
		return err
	}
	features, err := t.until("</stream:features>", "<stream:features/>", "</stream:stream>", "</stream:error>")
	switch {
	case err != nil:
		return err
	case !strings.Contains(features, "<stream:features"):
		return refused([]byte(features))
	case !strings.Contains(features, xmppTLS):
		return healthcheck.Errorf(healthcheck.ReasonTLS, "the server does not offer STARTTLS")
	}
	if err := t.say("<starttls xmlns='" + xmppTLS + "'/>"); err != nil {
		return err
	}
	answer, err := t.until("/>", "</proceed>", "</failure>", "</stream:stream>")
	if err == nil && !strings.Contains(answer, "<proceed") {
		return refused([]byte(answer))
	}
	return err
}

// until returns what comes up to the first of the ends.
func (t *talk) until(ends ...string) (string, error) {
	var text strings.Builder
	for {
		part, err := t.in.ReadSlice('>')
		text.Write(part)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case err != nil:
			return text.String(), err
		case slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(text.String(), end) }):
			return text.String(), nil
		}
	}
}
