package systemdcheck

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

// bus is a connection to a bus of D-Bus (https://dbus.freedesktop.org/doc/dbus-specification.html). Messages are written
// and read by the library; its connections are not used, since they have goroutines of their own, in which what a peer
// sends could panic, and take whatever a peer sends.
type bus struct {
	conn   net.Conn
	reader *bufio.Reader
	where  string // for texts
	serial uint32
}

const (
	maxMessage = 8 << 20 // bytes of a message; a list of a thousand units has 300 KB
	maxOthers  = 1000    // messages, such as signals, that come before an answer
	maxLine    = 1024    // bytes of a line of the handshake
)

// addressOf returns the address of the bus of a scope.
func addressOf(scope string) string {
	if scope == ScopeUser {
		return cmp.Or(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), "unix:path="+escapeValue(os.Getenv("XDG_RUNTIME_DIR"))+"/bus")
	}
	return cmp.Or(os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"), "unix:path=/run/dbus/system_bus_socket")
}

func escapeValue(s string) string {
	return strings.NewReplacer("%", "%25", ";", "%3b", ",", "%2c").Replace(s)
}

// socketOf returns the socket of the first address in a list that has one, as package net writes it.
func socketOf(address string) (string, error) {
	for one := range strings.SplitSeq(address, ";") {
		transport, rest, _ := strings.Cut(one, ":")
		if transport != "unix" {
			continue
		}
		for pair := range strings.SplitSeq(rest, ",") {
			key, value, _ := strings.Cut(pair, "=")
			value, err := url.PathUnescape(value)
			switch {
			case err != nil || value == "" || strings.ContainsRune(value, 0):
			case key == "path":
				return value, nil
			case key == "abstract":
				return "@" + value, nil
			}
		}
	}
	return "", errors.New(`names no Unix domain socket, as in "unix:path=/run/dbus/system_bus_socket"`)
}

// connect opens a connection, which the caller closes, and makes it known to the bus.
func connect(ctx context.Context, address string) (*bus, error) {
	socket, err := socketOf(address)
	if err != nil {
		return nil, healthcheck.Errorf(healthcheck.ReasonConnect, "the address of the bus %w", err)
	}
	step := "connect to the bus at " + socket
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, healthcheck.Errorf(healthcheck.ReasonConnect, "%s: there is no such socket", step)
	case errors.Is(err, fs.ErrPermission):
		return nil, healthcheck.Errorf(healthcheck.ReasonAuth, "%s: permission denied", step)
	case err != nil:
		return nil, peer.Explain(ctx, step, err)
	}
	b := &bus{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), where: "the bus at " + socket}
	return b, nil
}

// introduce authenticates and says hello.
func (b *bus) introduce(ctx context.Context) error {
	step := "authenticate to " + b.where
	// The identity is left to what the kernel tells of us: another number may be ours in another namespace of users.
	if _, err := io.WriteString(b.conn, "\x00AUTH EXTERNAL\r\nDATA\r\n"); err != nil {
		return peer.Explain(ctx, step, err)
	}
	for _, want := range []string{"DATA", "OK"} {
		line, err := b.line()
		if err != nil {
			return peer.Explain(ctx, step, err)
		}
		word, _, _ := strings.Cut(line, " ")
		switch word {
		case want:
		case "REJECTED":
			return healthcheck.Errorf(healthcheck.ReasonAuth, "%s: it refuses this user", step)
		default:
			return healthcheck.Errorf(healthcheck.ReasonProtocol, "%s: the answer is none of D-Bus", step)
		}
	}
	if _, err := io.WriteString(b.conn, "BEGIN\r\n"); err != nil {
		return peer.Explain(ctx, step, err)
	}
	_, err := b.call(ctx, call{destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus", name: "org.freedesktop.DBus.Hello"})
	return err
}

// line reads a line of the handshake.
func (b *bus) line() (string, error) {
	var line []byte
	for len(line) < maxLine {
		c, err := b.reader.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, c)
	}
	return "", errGarbage
}

var errGarbage = healthcheck.Errorf(healthcheck.ReasonProtocol, "what came is no message of D-Bus")

// call is a method to be called.
type call struct {
	destination string
	path        dbus.ObjectPath
	name        string // with its interface
	args        []any
}

// call calls a method and returns its results.
func (b *bus) call(ctx context.Context, c call) ([]any, error) {
	dot := strings.LastIndexByte(c.name, '.')
	step := "call " + c.name[dot+1:] + " of " + c.destination
	m := dbus.Message{Type: dbus.TypeMethodCall, Flags: dbus.FlagNoAutoStart, Body: c.args, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldDestination: dbus.MakeVariant(c.destination),
		dbus.FieldPath:        dbus.MakeVariant(c.path),
		dbus.FieldInterface:   dbus.MakeVariant(c.name[:dot]),
		dbus.FieldMember:      dbus.MakeVariant(c.name[dot+1:]),
	}}
	if len(c.args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(c.args...))
	}
	var text bytes.Buffer
	if err := m.EncodeTo(&text, binary.LittleEndian); err != nil {
		return nil, fmt.Errorf("%s: %w", step, err)
	}
	b.serial++
	binary.LittleEndian.PutUint32(text.Bytes()[8:], b.serial) // which the library has for its own connections only
	if _, err := b.conn.Write(text.Bytes()); err != nil {
		return nil, peer.Explain(ctx, step, err)
	}
	for range maxOthers {
		answer, err := b.receive()
		if err != nil {
			return nil, peer.Explain(ctx, step, err)
		}
		if serial, ok := answer.Headers[dbus.FieldReplySerial].Value().(uint32); !ok || serial != b.serial {
			continue // a signal
		}
		if answer.Type == dbus.TypeError {
			return nil, refusal(step, answer)
		}
		return answer.Body, nil
	}
	return nil, healthcheck.Errorf(healthcheck.ReasonProtocol, "%s: other messages come without end", step)
}

// receive reads a message.
func (b *bus) receive() (*dbus.Message, error) {
	head, err := b.reader.Peek(16)
	if err != nil {
		if errors.Is(err, io.EOF) && len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[0] == 'B' {
		order = binary.BigEndian
	}
	body, fields := uint64(order.Uint32(head[4:])), uint64(order.Uint32(head[12:]))
	if head[0] != 'B' && head[0] != 'l' || body+fields > maxMessage {
		return nil, errGarbage
	}
	text := make([]byte, 0, 4<<10)
	buffer := bytes.NewBuffer(text)
	if _, err := io.CopyN(buffer, b.reader, int64(16+(fields+7)/8*8+body)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	m, err := dbus.DecodeMessage(buffer)
	if err != nil {
		return nil, errGarbage
	}
	return m, nil
}

// refusal puts an answer into words that is an error.
func refusal(step string, answer *dbus.Message) error {
	name, _ := answer.Headers[dbus.FieldErrorName].Value().(string)
	reason := healthcheck.ReasonProtocol
	switch strings.TrimPrefix(name, "org.freedesktop.DBus.Error.") {
	case "AccessDenied", "AuthFailed", "InteractiveAuthorizationRequired":
		reason = healthcheck.ReasonAuth
	case "ServiceUnknown", "NameHasNoOwner", "Disconnected":
		return healthcheck.Errorf(healthcheck.ReasonConnect, "%s: nobody of that name is on the bus: systemd is not running, or not for this user", step)
	case "NoReply", "Timeout", "TimedOut":
		reason = healthcheck.ReasonTimeout
	}
	return healthcheck.Errorf(reason, "%s: %s", step, printable(name))
}

// printable returns a short word of a peer's as it may be shown.
func printable(s string) string {
	return strings.Trim(fmt.Sprintf("%.100q", s), `"`)
}
