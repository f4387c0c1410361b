// Package systemdtest has a manager of systemd for tests, with what it says of units made up, behind a Unix domain socket
// of its own or on a bus.
package systemdtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// Properties are what is said of a unit.
type Properties map[string]any

// Manager answers for units by their names. It says of others that they are not found.
type Manager map[string]Properties

const prefix = "/org/freedesktop/systemd1/unit/"

// Serve answers as a bus and as the manager on it, and returns the address.
func Serve(t testing.TB, m Manager) string {
	t.Helper()
	return Listen(t, func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for _, answer := range []string{"DATA\r\n", "OK 1234\r\n", ""} { // to AUTH, DATA and BEGIN
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
			_, _ = io.WriteString(conn, answer)
		}
		for {
			call, err := dbus.DecodeMessage(r)
			if err != nil {
				return
			}
			_, _ = conn.Write(m.answer(call))
		}
	})
}

// Listen gives each connection to a new socket to handle, and returns the address.
func Listen(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // a short path, which is all that a socket can have
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "bus")
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", socket)
	require.NoError(t, err)
	checktest.Serve(t, l, handle)
	return "unix:path=" + socket
}

// answer returns the answer to a call.
func (m Manager) answer(call *dbus.Message) []byte {
	headers := map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(call.Serial())}
	reply := dbus.Message{Type: dbus.TypeMethodReply, Headers: headers}
	switch call.Headers[dbus.FieldMember].Value() {
	case "Hello":
		reply.Body = []any{":1.7"}
	case "GetAll":
		reply.Body = []any{m.Of(call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath))}
	case "ListUnitsByPatterns":
		reply.Body = []any{m.List(call.Body[0].([]string), call.Body[1].([]string))}
	default:
		reply.Type = dbus.TypeError
		headers[dbus.FieldErrorName] = dbus.MakeVariant("org.freedesktop.DBus.Error.UnknownMethod")
	}
	if len(reply.Body) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(reply.Body...))
	}
	return Encode(&reply)
}

// Encode returns a message in bytes, with a serial number.
func Encode(m *dbus.Message) []byte {
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		panic(err)
	}
	binary.LittleEndian.PutUint32(b.Bytes()[8:], 1)
	return b.Bytes()
}

// Of returns the properties of the unit that is an object.
func (m Manager) Of(object dbus.ObjectPath) map[string]dbus.Variant {
	said := make(map[string]dbus.Variant)
	for name, all := range m {
		if strings.TrimPrefix(string(object), prefix) == escaped(name) {
			for key, value := range all {
				said[key] = dbus.MakeVariant(value)
			}
		}
	}
	if len(said) == 0 {
		said["LoadState"], said["ActiveState"], said["SubState"] = dbus.MakeVariant("not-found"), dbus.MakeVariant("inactive"), dbus.MakeVariant("dead")
	}
	return said
}

func escaped(name string) string {
	return strings.NewReplacer(".", "_2e", "@", "_40", "-", "_2d", "1", "_31").Replace(name[:1]) +
		strings.NewReplacer(".", "_2e", "@", "_40", "-", "_2d").Replace(name[1:])
}

// Row is a unit in a list.
type Row struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	Job                                             uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

// List returns the units in one of the states, and with names that fit one of the patterns, all where there are none.
func (m Manager) List(states, patterns []string) []Row {
	rows := []Row{}
	for name, p := range m {
		active, _ := p["ActiveState"].(string)
		fits := func(pattern string) bool { ok, _ := path.Match(pattern, name); return ok }
		if len(states) > 0 && !slices.Contains(states, active) || len(patterns) > 0 && !slices.ContainsFunc(patterns, fits) {
			continue
		}
		sub, _ := p["SubState"].(string)
		rows = append(rows, Row{
			Name: name, Load: "loaded", Active: active, Sub: sub,
			Path: dbus.ObjectPath(prefix + escaped(name)), JobPath: "/",
		})
	}
	return rows
}

// Unit returns properties of a loaded unit in these states, and those that are added.
func Unit(active, sub string, more Properties) Properties {
	p := Properties{"LoadState": "loaded", "ActiveState": active, "SubState": sub, "UnitFileState": "enabled", "StateChangeTimestamp": uint64(1_700_000_000_500_000)}
	for key, value := range more {
		p[key] = value
	}
	return p
}
