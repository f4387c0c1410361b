package tlscheck_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/certs/certstest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

// server is a real one, with a certificate in its folder.
type server struct {
	dir, port, certFile, keyFile string

	ca *certstest.CA
}

// newServer returns a folder that everybody may read, since some servers run as somebody else, and a free port.
func newServer(t *testing.T) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // that of the test is for its user alone
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	s := &server{dir: dir, port: checktest.Port(t), ca: certstest.NewCA(t)}
	certificate := s.ca.Issue(t, time.Now().Add(48*time.Hour), "127.0.0.1")
	cert, key := certstest.EncodePEM(t, &certificate)
	s.certFile, s.keyFile = s.write(t, "cert.pem", cert), s.write(t, "key.pem", key)
	return s
}

func (s *server) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// asNobody returns a command that does not run as root, where this test does.
func asNobody(command ...string) []string {
	if os.Getuid() != 0 {
		return command
	}
	return append([]string{"setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"}, command...)
}

func do(t *testing.T, command ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestRealServers: each is OK, with its certificate verified and measured, and refuses what is not TLS as it should.
func TestRealServers(t *testing.T) {
	for _, tc := range []struct {
		protocol, debian, program string
		start                     func(t *testing.T, s *server, program string) []string
	}{
		{"postgres", "postgresql", "/usr/lib/postgresql/*/bin/postgres", startPostgres},
		{"mysql", "mariadb-server", "/usr/sbin/mariadbd", startMariaDB},
		{"ldap", "slapd", "/usr/sbin/slapd", startSlapd},
		{"ftp", "vsftpd", "/usr/sbin/vsftpd", startVsftpd},
		{"imap", "dovecot-imapd", "/usr/sbin/dovecot", startDovecot},
		{"pop3", "dovecot-pop3d", "/usr/sbin/dovecot", startDovecot},
	} {
		t.Run(tc.protocol, func(t *testing.T) {
			programs, err := filepath.Glob(tc.program)
			require.NoError(t, err)
			if len(programs) == 0 {
				t.Skipf("%s is missing: install the Debian package %s", tc.program, tc.debian)
			}
			s := newServer(t)
			command := tc.start(t, s, programs[len(programs)-1])
			checktest.Start(t, tc.debian, command[0], command[1:]...)
			c := tlscheck.Config{Address: "127.0.0.1:" + s.port, StartTLS: tc.protocol, TLSConfig: &config.TLSConfig{CA: s.ca.PEM}, MinValidity: time.Hour}
			require.Eventually(t, func() bool { return !run(t, c).Failed() }, time.Minute, 100*time.Millisecond, "%+v", run(t, c))
			r := run(t, c)
			checktest.RequireOK(t, r)
			require.InDelta(t, 1, measured(r)["tls_certificate_verified"], 0)
			c.MinValidity = 72 * time.Hour
			require.Contains(t, run(t, c).Details, "sooner than in 3d")
		})
	}
}

func startPostgres(t *testing.T, s *server, program string) []string {
	data := filepath.Join(s.dir, "data")
	do(t, asNobody(filepath.Join(filepath.Dir(program), "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")...)
	// The key must be its owner's alone.
	do(t, asNobody("cp", s.keyFile, filepath.Join(data, "key.pem"))...)
	do(t, asNobody("chmod", "600", filepath.Join(data, "key.pem"))...)
	return asNobody(program, "-D", data, "-h", "127.0.0.1", "-p", s.port, "-k", s.dir, "-c", "fsync=off", "-c", "ssl=on",
		"-c", "ssl_cert_file="+s.certFile, "-c", "ssl_key_file="+filepath.Join(data, "key.pem"))
}

func startMariaDB(t *testing.T, s *server, program string) []string {
	data := filepath.Join(s.dir, "data")
	do(t, asNobody("mariadb-install-db", "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db")...)
	return asNobody(program, "--no-defaults", "--datadir="+data, "--bind-address=127.0.0.1", "--port="+s.port, "--socket="+filepath.Join(s.dir, "s"),
		"--pid-file="+filepath.Join(s.dir, "p"), "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=8M", "--ssl-cert="+s.certFile, "--ssl-key="+s.keyFile)
}

func startSlapd(t *testing.T, s *server, program string) []string {
	conf := s.write(t, "c", fmt.Sprintf(`include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb.la
TLSCertificateFile %s
TLSCertificateKeyFile %s
database mdb
suffix dc=t
directory %s
`, s.certFile, s.keyFile, s.dir))
	return []string{program, "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1:" + s.port + "/"}
}

func startVsftpd(t *testing.T, s *server, program string) []string {
	conf := s.write(t, "c", fmt.Sprintf(`listen=YES
listen_address=127.0.0.1
listen_port=%s
run_as_launching_user=YES
seccomp_sandbox=NO
background=NO
anonymous_enable=YES
anon_root=%s
secure_chroot_dir=%s
ssl_enable=YES
ssl_tlsv1=YES
rsa_cert_file=%s
rsa_private_key_file=%s
`, s.port, s.dir, s.dir, s.certFile, s.keyFile))
	return []string{program, conf}
}

func startDovecot(t *testing.T, s *server, program string) []string {
	protocol := "imap"
	if strings.HasSuffix(t.Name(), "pop3") {
		protocol = "pop3"
	}
	conf := s.write(t, "c", fmt.Sprintf(`protocols = %[1]s
base_dir = %[3]s/run
state_dir = %[3]s/state
log_path = /dev/stderr
listen = 127.0.0.1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
ssl = yes
ssl_cert = <%[4]s
ssl_key = <%[5]s
service %[1]s-login {
  chroot =
  inet_listener %[1]s {
    port = %[2]s
  }
  inet_listener %[1]ss {
    port = 0
  }
}
service anvil {
  chroot =
}
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[3]s
}
`, protocol, s.port, s.dir, s.certFile, s.keyFile))
	return []string{program, "-F", "-c", conf}
}
