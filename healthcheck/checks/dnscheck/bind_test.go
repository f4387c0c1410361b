package dnscheck_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
)

// zoneFile is that of each zone here.
const zoneFile = `$TTL 60
@ SOA ns1 hostmaster 7 7200 3600 1209600 300
@ NS ns1
ns1 A 127.0.0.1
www A 192.0.2.1
first CNAME second
second CNAME www
lost CNAME nowhere
*.wild A 192.0.2.7
below DNAME wild
a\032printer TXT "with a blank"
user\@at TXT "with an at"
`

// Zones of the server: what is wrong with each is its name.
const (
	zoneGood     = "good.test"
	zoneNSEC3    = "nsec3.test"
	zoneExpired  = "expired.test"
	zoneForged   = "forged.test"  // a record was changed after it was signed
	zoneRekeyed  = "rekeyed.test" // its keys are others than those it was signed with
	zoneUnsigned = "unsigned.test"
)

// bind is a real BIND 9 on loopback.
type bind struct {
	plain, tls, https string // addresses
	ca                string
	folder            string    // with the zones' files, and a file dsset-ZONE. for each that was signed
	expiry            time.Time // of the signatures that are good
}

// dnssecTool runs a program of package bind9-utils in the folder.
func (b *bind) dnssecTool(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), checktest.Program(t, "bind9-utils", name), args...)
	cmd.Dir = b.folder
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// sign makes keys for a zone and signs it, so that its file is the zone's name.
func (b *bind) sign(t *testing.T, zone string, args ...string) {
	t.Helper()
	b.write(t, zone+".in", zoneFile+bigRecords())
	keys := filepath.Join(b.folder, zone+".keys")
	require.NoError(t, os.MkdirAll(keys, 0o700))
	b.dnssecTool(t, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", keys, "-f", "KSK", zone)
	b.dnssecTool(t, "dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", keys, zone)
	b.dnssecTool(t, "dnssec-signzone", append([]string{"-S", "-P", "-K", keys, "-o", zone, "-f", zone}, append(args, zone+".in")...)...)
}

// bigRecords do not fit into a datagram together.
func bigRecords() string {
	var s strings.Builder
	for i := range 20 {
		fmt.Fprintf(&s, "big TXT \"%02d %s\"\n", i, strings.Repeat("x", 200))
	}
	return s.String()
}

func (b *bind) write(t *testing.T, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(b.folder, name), []byte(content), 0o600))
}

func (b *bind) read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(b.folder, name))
	require.NoError(t, err)
	return string(content)
}

// freePair returns an address of loopback that was free a moment ago, over UDP and TCP, and its port.
func freePair(t *testing.T) (address, port string) {
	t.Helper()
	port = checktest.Port(t)
	return net.JoinHostPort("127.0.0.1", port), port
}

// startBIND signs the zones and serves them.
func startBIND(t *testing.T) *bind {
	t.Helper()
	b := &bind{folder: t.TempDir(), expiry: hours(48)}
	end := b.expiry.UTC().Format("20060102150405")
	b.sign(t, zoneGood, "-e", end)
	b.sign(t, zoneNSEC3, "-3", "aabb", "-e", end)
	b.sign(t, zoneExpired, "-s", "20200101000000", "-e", "20200201000000")
	b.sign(t, zoneForged, "-e", end)
	b.write(t, zoneForged, strings.ReplaceAll(b.read(t, zoneForged), "192.0.2.1", "192.0.2.66"))
	b.sign(t, zoneRekeyed, "-e", end)
	old := b.read(t, zoneRekeyed)
	require.NoError(t, os.RemoveAll(filepath.Join(b.folder, zoneRekeyed+".keys")))
	b.sign(t, zoneRekeyed, "-e", end)
	b.write(t, zoneRekeyed, withKeysOf(old, b.read(t, zoneRekeyed)))
	b.write(t, zoneUnsigned, zoneFile)

	ca := certstest.NewCA(t)
	b.ca = ca.PEM
	issued := ca.Issue(t, time.Now().Add(time.Hour), "127.0.0.1")
	cert, key := certstest.EncodePEM(t, &issued)
	b.write(t, "cert.pem", cert)
	b.write(t, "key.pem", key)
	var port, tlsPort, httpsPort string
	b.plain, port = freePair(t)
	b.tls, tlsPort = freePair(t)
	b.https, httpsPort = freePair(t)
	b.start(t, fmt.Sprintf(`
		tls own { cert-file "cert.pem"; key-file "key.pem"; };
		options {
			%s
			server-id "node-7";
			listen-on port %s { 127.0.0.1; };
			listen-on port %s tls own { 127.0.0.1; };
			listen-on port %s tls own http default { 127.0.0.1; };
		};`, b.options(), port, tlsPort, httpsPort),
		zoneGood, zoneNSEC3, zoneExpired, zoneForged, zoneRekeyed, zoneUnsigned)
	awaitDNS(t, b.plain)
	return b
}

// options are those that keep a server in its folder.
func (b *bind) options() string {
	return fmt.Sprintf(`directory "%s"; pid-file none; lock-file none; session-keyfile none; listen-on-v6 { none; };
		recursion no; dnssec-validation no; notify no; max-cache-size 4m;`, b.folder)
}

func (b *bind) start(t *testing.T, conf string, zones ...string) {
	t.Helper()
	conf += "\ncontrols { };\n"
	for _, zone := range zones {
		conf += fmt.Sprintf("zone \"%s\" { type primary; file \"%s\"; };\n", zone, zone)
	}
	file := checktest.WriteFile(t, conf)
	checktest.Start(t, "bind9", "named", "-g", "-n", "1", "-c", file)
}

// withKeysOf returns the signed zone with the set of keys, and its signatures, of another file in the place of its own.
func withKeysOf(other, zone string) string {
	keys, _ := keyRecords(other)
	_, rest := keyRecords(zone)
	return rest + keys
}

// keyRecords parts the records of a signed zone, which may be several lines, into the keys with their signatures, and
// the rest.
func keyRecords(zone string) (keys, rest string) {
	var record strings.Builder
	depth := 0
	for line := range strings.Lines(zone) {
		record.WriteString(line)
		code, _, _ := strings.Cut(line, ";")
		depth += strings.Count(code, "(") - strings.Count(code, ")")
		if depth > 0 {
			continue
		}
		fields := strings.Fields(record.String())
		i := len(fields)
		for k, f := range fields {
			if f == "DNSKEY" {
				i = k
				break
			}
		}
		if i < len(fields) && (i < 4 || fields[i-1] == "RRSIG") {
			keys += "@ " + strings.TrimLeft(record.String(), " \t")
		} else {
			rest += record.String()
		}
		record.Reset()
	}
	return keys, rest
}

// awaitDNS waits until a server that was started answers.
func awaitDNS(t *testing.T, address string) {
	t.Helper()
	c := dnscheck.Config{Name: "good.test", Type: "SOA", Server: address}
	var last healthcheck.Result
	require.Eventually(t, func() bool {
		last = runFor(t, c, 5*time.Second)
		return !last.Failed()
	}, 30*time.Second, 20*time.Millisecond, "%s: %s", address, &last)
}
