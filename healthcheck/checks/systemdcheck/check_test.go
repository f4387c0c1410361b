//go:build linux

package systemdcheck_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck/systemdtest"
)

type expect = systemdcheck.Expect

// judgements are what the units of [machine] are judged.
var judgements = []struct {
	what    string
	config  config
	reason  healthcheck.Reason
	details string
}{
	{"active", config{Unit: "nginx"}, healthcheck.ReasonNone, ""},
	{"running and enabled", config{Unit: "nginx.service", Expect: expect{Sub: []string{"running"}, UnitFile: []string{"enabled"}}}, healthcheck.ReasonNone, ""},
	{"a target", config{Unit: "dash.target"}, healthcheck.ReasonNone, ""},
	{"not found", config{Unit: "nosuch"}, healthcheck.ReasonStatus, "nosuch.service cannot be loaded: not-found"},
	{"masked", config{Unit: "gone"}, healthcheck.ReasonStatus, "gone.service cannot be loaded: masked"},
	{"masked, wanted", config{Unit: "gone", Expect: expect{Active: []string{"inactive"}, UnitFile: []string{"masked"}}}, healthcheck.ReasonNone, ""},
	{"failed", config{Unit: "app@2"}, healthcheck.ReasonStatus, "app@2.service is failed (failed, result exit-code), want active"},
	{"failed, wanted", config{Unit: "app@2", Expect: expect{Active: []string{"active", "failed"}}}, healthcheck.ReasonNone, ""},
	{"sub", config{Unit: "nginx", Expect: expect{Sub: []string{"exited"}}}, healthcheck.ReasonStatus, "nginx.service is active (running), want exited"},
	{"disabled", config{Unit: "app@1", Expect: expect{UnitFile: []string{"enabled"}}}, healthcheck.ReasonStatus, `app@1.service has the unit file state "disabled", want enabled`},
	{"pattern", config{Units: []string{"app@*.service"}}, healthcheck.ReasonStatus, "app@2.service is failed"},
	{"nothing fits", config{Units: []string{"nginx", "*.swap"}}, healthcheck.ReasonStatus, "no loaded unit fits *.swap"},
	{"several", config{Units: []string{"n*.service", "nginx.service", "*-odd.service"}}, healthcheck.ReasonStatus, "1-odd.service is odd (odd), want active"},
	{"timer", config{Unit: "day.timer", MaxAge: 2 * time.Hour}, healthcheck.ReasonNone, ""},
	{"timer is late", config{Unit: "day.timer", MaxAge: time.Minute}, healthcheck.ReasonThreshold, "day.timer last started its unit 1h0m"},
	{"timer never ran", config{Unit: "new.timer", MaxAge: time.Hour}, healthcheck.ReasonThreshold, "new.timer has never started its unit"},
	{"any failed", config{FailedUnits: true}, healthcheck.ReasonStatus, "failed units: app@2.service"},
	{"none failed but", config{FailedUnits: true, Ignore: []string{"app@*.service"}}, healthcheck.ReasonNone, ""},
}

func TestJudgements(t *testing.T) {
	address := systemdtest.Serve(t, machine())
	for _, tc := range judgements {
		t.Run(tc.what, func(t *testing.T) { judged(t, address, tc.config, tc.reason, tc.details) })
	}
}

func judged(t *testing.T, address string, c config, reason healthcheck.Reason, details string) {
	t.Helper()
	c.Address = address
	r := run(t, c)
	if reason == healthcheck.ReasonNone {
		checktest.RequireOK(t, r)
		return
	}
	assertFails(t, r, reason, details)
}

func TestMeasures(t *testing.T) {
	address := systemdtest.Serve(t, machine())
	got := values(run(t, config{Units: []string{"*.service", "day.timer"}, Address: address}))
	assert.InDelta(t, float64(time.Now().Add(-time.Hour).Unix()), got["timer_last_trigger_timestamp_seconds day.timer"], 60)
	delete(got, "timer_last_trigger_timestamp_seconds day.timer")
	assert.Equal(t, map[string]float64{
		"units active": 3, "units activating": 0, "units deactivating": 0, "units failed": 1, "units inactive": 1, "units reloading": 0, "units other": 1,
		"unit_restarts nginx.service": 3, "unit_restarts app@1.service": 0,
		"unit_tasks nginx.service": 5, "unit_memory_bytes nginx.service": 1 << 20,
		"unit_state_change_timestamp_seconds nginx.service": 1_700_000_000.5, "unit_state_change_timestamp_seconds app@1.service": 1_700_000_000.5,
		"unit_state_change_timestamp_seconds app@2.service": 1_700_000_000.5, "unit_state_change_timestamp_seconds 1-odd.service": 1_700_000_000.5,
		"unit_state_change_timestamp_seconds day.timer": 1_700_000_000.5,
	}, got)
	assert.Equal(t, map[string]float64{"units failed": 1}, values(run(t, config{FailedUnits: true, Address: address})))
	assert.Equal(t, map[string]float64{"units failed": 0}, values(run(t, config{FailedUnits: true, Ignore: []string{"app@2"}, Address: address})))
}

func TestMany(t *testing.T) {
	m := systemdtest.Manager{}
	for i := range 60 {
		m[fmt.Sprintf("many@%d.service", i)] = systemdtest.Unit("failed", "failed", nil)
	}
	address := systemdtest.Serve(t, m)
	r := run(t, config{FailedUnits: true, Address: address})
	assertFails(t, r, healthcheck.ReasonStatus, " and 50 more")
	assert.EqualValues(t, 60, values(r)["units failed"])
	assertFails(t, run(t, config{Units: []string{"many@*"}, Address: address}), healthcheck.ReasonError, "more than 50 units fit")
}

// TestHostile: what a bus says that is none, or does not answer.
func TestHostile(t *testing.T) {
	hello := "DATA\r\nOK 1234\r\n"
	encode := func(m *dbus.Message) string { return string(systemdtest.Encode(m)) }
	failure := func(name string) string {
		return encode(&dbus.Message{Type: dbus.TypeError, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)), dbus.FieldErrorName: dbus.MakeVariant(name),
		}})
	}
	reply := func(serial uint32, body ...any) string {
		m := &dbus.Message{Type: dbus.TypeMethodReply, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(serial)}}
		if len(body) > 0 {
			m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
		}
		return encode(m)
	}
	signal := encode(&dbus.Message{Type: dbus.TypeSignal, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/")), dbus.FieldInterface: dbus.MakeVariant("a.b"), dbus.FieldMember: dbus.MakeVariant("c"),
	}})
	unit := map[string]dbus.Variant{"LoadState": dbus.MakeVariant("loaded"), "ActiveState": dbus.MakeVariant("active")}
	for _, tc := range []struct {
		what    string
		address string
		reason  healthcheck.Reason
		details string
	}{
		{"silent", say(t, ""), healthcheck.ReasonTimeout, "no answer in time"},
		{"silent after hello", say(t, hello), healthcheck.ReasonTimeout, "call Hello of org.freedesktop.DBus: no answer in time"},
		{"silent later", say(t, hello+reply(1, ":1.1")), healthcheck.ReasonTimeout, "x.service: call GetAll of org.freedesktop.systemd1: no answer in time"},
		{"rejected", say(t, "REJECTED EXTERNAL\r\n"), healthcheck.ReasonAuth, "it refuses this user"},
		{"another protocol", say(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), healthcheck.ReasonProtocol, "the answer is none of D-Bus"},
		{"endless line", say(t, strings.Repeat("x", 1<<20)), healthcheck.ReasonProtocol, "no message of D-Bus"},
		{"closed", cut(t, ""), healthcheck.ReasonProtocol, "the peer closed the connection"},
		{"cut", cut(t, hello+reply(1, ":1.1")[:20]), healthcheck.ReasonProtocol, "the peer closed the connection"},
		{"cut early", cut(t, hello+"l"), healthcheck.ReasonProtocol, "the peer closed the connection"},
		{"garbage", say(t, hello+strings.Repeat("\xff", 64)), healthcheck.ReasonProtocol, "no message of D-Bus"},
		{"huge", say(t, hello+"l\x02\x00\x01\xff\xff\xff\x7f\x01\x00\x00\x00\xff\xff\xff\x7f"), healthcheck.ReasonProtocol, "no message of D-Bus"},
		{"odd header", say(t, hello+"l\x02\x00\x01\x00\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00garbage!"), healthcheck.ReasonProtocol, "no message of D-Bus"},
		{"signals without end", say(t, hello+strings.Repeat(signal, 1001)), healthcheck.ReasonProtocol, "other messages come without end"},
		{"denied", say(t, hello+failure("org.freedesktop.DBus.Error.AccessDenied")), healthcheck.ReasonAuth, "AccessDenied"},
		{"no systemd", say(t, hello+failure("org.freedesktop.DBus.Error.ServiceUnknown")), healthcheck.ReasonConnect, "nobody of that name is on the bus"},
		{"no reply", say(t, hello+failure("org.freedesktop.DBus.Error.NoReply")), healthcheck.ReasonTimeout, "NoReply"},
		{"other error", say(t, hello+failure("a.b")), healthcheck.ReasonProtocol, "a.b"},
		{"no properties", say(t, hello+reply(1, ":1.1")+reply(2)), healthcheck.ReasonProtocol, "not the form that is documented"},
		{"other properties", say(t, hello+reply(1, ":1.1")+reply(2, uint32(7))), healthcheck.ReasonProtocol, "not the form that is documented"},
		{"empty properties", say(t, hello+reply(1, ":1.1")+reply(2, map[string]dbus.Variant{})), healthcheck.ReasonProtocol, "not the form that is documented"},
		{"signals between", say(t, hello+signal+reply(1, ":1.1")+signal+reply(2, unit)+signal+reply(3, map[string]dbus.Variant{"Result": dbus.MakeVariant(uint32(1))})), healthcheck.ReasonNone, ""},
	} {
		t.Run(tc.what, func(t *testing.T) {
			timeout := time.Minute
			if tc.reason == healthcheck.ReasonTimeout {
				timeout = checktest.Timeout
			}
			start := time.Now()
			r := runFor(t, config{Unit: "x", Address: tc.address}, timeout)
			assert.Less(t, time.Since(start), timeout+checktest.Promptly)
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
				return
			}
			assertFails(t, r, tc.reason, tc.details)
		})
	}
	for _, rows := range []any{uint32(1), []struct{ A string }{{"a"}}, []struct {
		A, B string
		C    uint32
		D, E string
	}{{}}} {
		assertFails(t, run(t, config{FailedUnits: true, Address: say(t, hello+reply(1, ":1.1")+reply(2, rows))}), healthcheck.ReasonProtocol, "not the form")
	}
}

func TestNoBus(t *testing.T) {
	dir := t.TempDir()
	assertFails(t, run(t, config{Unit: "x", Address: "unix:path=" + dir + "/a%20b"}), healthcheck.ReasonConnect, "connect to the bus at "+dir+"/a b: there is no such socket")
	assertFails(t, run(t, config{Unit: "x", Address: "tcp:host=a;unix:abstract=nosuch-" + dir + ",guid=1"}), healthcheck.ReasonConnect, "connection refused")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+dir+"/system")
	assertFails(t, run(t, config{Unit: "x"}), healthcheck.ReasonConnect, dir+"/system: there is no such socket")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "autolaunch:")
	assertFails(t, run(t, config{Unit: "x"}), healthcheck.ReasonConnect, "names no Unix domain socket")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	t.Setenv("XDG_RUNTIME_DIR", dir+"/a,b%")
	assertFails(t, run(t, config{Unit: "x", Scope: "user"}), healthcheck.ReasonConnect, dir+"/a,b%/bus: there is no such socket")
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", systemdtest.Serve(t, machine()))
	checktest.RequireOK(t, run(t, config{Unit: "nginx", Scope: "user"}))
	checker, err := systemdcheck.New(config{Unit: "x"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Contains(t, checker.Check(ctx).Details, "systemd not asked")
}

func TestNewReportsEveryMistake(t *testing.T) {
	for _, tc := range []struct {
		what   string
		config config
		fields string
	}{
		{"nothing", config{}, ""},
		{"two", config{Unit: "a", FailedUnits: true}, ""},
		{"pattern", config{Unit: "a*"}, "unit"},
		{"path", config{Unit: "/a"}, "unit"},
		{"line", config{Unit: "a\n"}, "unit"},
		{"long", config{Unit: strings.Repeat("a", 256)}, "unit"},
		{"list", config{Units: []string{"a", "", "[b"}}, "units[1] units[2]"},
		{"many", config{Units: make([]string, 51)}, "units" + func() (s string) {
			for i := range 51 {
				s += fmt.Sprintf(" units[%d]", i)
			}
			return s
		}()},
		{"ignore", config{Unit: "a", Ignore: []string{"b"}}, "ignore"},
		{"expect", config{FailedUnits: true, Expect: expect{Active: []string{"a"}}}, "expect"},
		{"states", config{Unit: "a", Expect: expect{Active: []string{""}}}, "expect.active[0]"},
		{"age", config{Unit: "a", MaxAge: time.Hour}, "max_age"},
		{"negative", config{Unit: "a.timer", MaxAge: -1}, "max_age"},
		{"scope and address", config{Unit: "a", Scope: "x", Address: "tcp:host=a"}, "scope address"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := systemdcheck.New(tc.config)
			assert.Equal(t, tc.fields, strings.Join(checktest.Fields(t, err), " "), "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	assert.Equal(t, "nginx", config{Unit: "nginx"}.Target())
	assert.Equal(t, "a, b*", config{Units: []string{"a", "b*"}}.Target())
	assert.Equal(t, "failed units (user)", config{FailedUnits: true, Scope: "user"}.Target())
}
