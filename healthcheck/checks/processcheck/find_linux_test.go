package processcheck_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// machine is a folder with what the kernel shows of processes.
type machine struct {
	t    *testing.T
	root string
}

// proc is a process of a machine.
type proc struct {
	comm, args, group, state   string
	parent, uid, threads, fds  int
	cpu, start, pages, maxFile int
}

// boot returns a machine with an init and the exporter, which was started an hour ago.
func boot(t *testing.T) *machine {
	t.Helper()
	m := &machine{t, t.TempDir()}
	m.write("proc/stat", fmt.Sprintf("cpu 1 2 3\nintr 5 1 2\nbtime %d\nprocesses 7\n", time.Now().Add(-time.Hour).Unix()))
	m.write("proc/meminfo", "MemTotal: 1048576 kB\nMemFree: 1 kB\n")
	m.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33::/:/bin/false\nbad\n")
	m.add(1, proc{comm: "systemd", args: "/sbin/init"})
	m.add(99, proc{comm: "exporter", args: "/bin/exporter --nginx=master"})
	require.NoError(t, os.Symlink("99", filepath.Join(m.root, "proc", "self")))
	return m
}

func (m *machine) write(name, text string) string {
	m.t.Helper()
	name = filepath.Join(m.root, name)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(m.t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func (m *machine) add(pid int, p proc) {
	m.t.Helper()
	if p.state == "" {
		p.state = "S"
	}
	if p.group == "" {
		p.group = "0::/init.scope"
	}
	p.threads = max(p.threads, 1)
	dir := fmt.Sprintf("proc/%d/", pid)
	m.write(dir+"comm", p.comm+"\n")
	m.write(dir+"cmdline", strings.ReplaceAll(p.args, " ", "\x00"))
	m.write(dir+"cgroup", p.group+"\n")
	m.write(dir+"status", fmt.Sprintf("Name:\t%s\nUid:\t7\t%d\t7\t7\nVmRSS:\t%d kB\n", p.comm, p.uid, p.pages*os.Getpagesize()/1024))
	m.write(dir+"stat", fmt.Sprintf("%d (%s) %s %d 1 1 0 -1 4194560 9 9 9 9 %d 1 5 5 20 0 %d 0 %d 999 %d 1844 1 1\n",
		pid, p.comm, p.state, p.parent, max(p.cpu-1, 0), p.threads, p.start, p.pages+7))
	limit := "unlimited"
	if p.maxFile > 0 {
		limit = fmt.Sprint(p.maxFile)
	}
	m.write(dir+"limits", "Limit                     Soft Limit           Hard Limit           Units\nMax open files            "+limit+"                 4096                 files\n")
	require.NoError(m.t, os.MkdirAll(filepath.Join(m.root, dir, "fd"), 0o700))
	for i := range p.fds {
		m.write(fmt.Sprintf("%sfd/%d", dir, i), "")
	}
}

func (m *machine) end(pid int) {
	m.t.Helper()
	require.NoError(m.t, os.RemoveAll(filepath.Join(m.root, "proc", fmt.Sprint(pid))))
}

func (m *machine) checker(c processcheck.Config) healthcheck.Checker {
	m.t.Helper()
	checker, err := processcheck.NewIn(c, m.root)
	require.NoError(m.t, err)
	return checker
}

func (m *machine) run(c processcheck.Config) healthcheck.Result {
	m.t.Helper()
	return checktest.RunChecker(m.t, m.checker(c), time.Minute)
}

func values(r healthcheck.Result) map[string]float64 { return checktest.Values(r, "") }

func assertFails(t *testing.T, r healthcheck.Result, reason healthcheck.Reason, details string) {
	t.Helper()
	checktest.AssertFails(t, r, reason, details, 500)
}

// TestSelectors counts what each finds among the same processes.
func TestSelectors(t *testing.T) {
	type config = processcheck.Config
	m := boot(t)
	const web = "0::/system.slice/nginx.service"
	m.add(10, proc{comm: "nginx", args: "nginx: master process /usr/sbin/nginx", group: web})
	m.add(11, proc{comm: "nginx", args: "nginx: worker process", group: web, uid: 33})
	m.add(12, proc{comm: "nginx", args: "nginx: worker process", group: web, uid: 33, state: "Z", threads: 2})
	m.add(13, proc{comm: "nginx", group: web, state: "Z", uid: 33})
	m.add(20, proc{comm: "prometheus-node", args: "/usr/bin/prometheus-node-exporter --x", group: "3:cpu:/a\n1:name=systemd:/system.slice/system-node.slice/node@1.service"})
	m.add(21, proc{comm: "a) (b", args: "/opt/odd name/odd", group: "0::/machine.slice/c.scope/system.slice/nginx.service"})
	m.add(22, proc{comm: "kworker/0:1", group: "0::/"})
	m.add(23, proc{comm: "app", args: "java -jar app.jar", group: "0::/user.slice/user-7.slice/user@7.service/app.slice/app.service"})
	m.add(24, proc{comm: "app", args: "java -jar app.jar", group: "0::/../../system.slice/other.service/sub (deleted)"})
	m.add(25, proc{comm: "exporter", args: "/bin/exporter --nginx=master", parent: 99}) // forked, and about to start a program
	m.add(26, proc{comm: "plugin", args: "plugin nginx master", parent: 99})
	for _, tc := range []struct {
		config config
		want   int
	}{
		{config{Name: "nginx"}, 3},
		{config{Name: "nginx", User: "www-data"}, 2},
		{config{Name: "nginx", User: "33"}, 2},
		{config{Name: "nginx", CommandLine: "^nginx: master"}, 1},
		{config{Name: "prometheus-node-exporter"}, 1},
		{config{Name: "prometheus-node"}, 1},
		{config{Name: "prometheus"}, 0},
		{config{Name: "a) (b"}, 1},
		{config{Name: "name"}, 0},
		{config{Name: "exporter"}, 1},
		{config{CommandLine: "nginx.*master"}, 2},
		{config{CommandLine: "-jar app"}, 2},
		{config{CommandLine: "."}, 9},
		{config{CommandLine: "kworker"}, 0},
		{config{Unit: "nginx"}, 3},
		{config{Unit: "nginx.service"}, 3},
		{config{Unit: "node@1"}, 1},
		{config{Unit: "system-node.slice"}, 1},
		{config{Unit: "app"}, 1},
		{config{Unit: "user@7"}, 1},
		{config{Unit: "other.service"}, 1},
		{config{Unit: "c.scope"}, 1},
		{config{Unit: "system.slice"}, 5},
		{config{Unit: "sub"}, 0},
		{config{Cgroup: "/system.slice"}, 4},
		{config{Cgroup: "/system.slice/nginx.service/"}, 3},
		{config{Cgroup: "/system.slice/nginx"}, 0},
		{config{Cgroup: "/a"}, 1},
		{config{Cgroup: "/", Name: "app"}, 2},
	} {
		t.Run(tc.config.Target(), func(t *testing.T) {
			tc.config.MinCount = number(0)
			r := m.run(tc.config)
			checktest.RequireOK(t, r)
			assert.EqualValues(t, tc.want, values(r)["process_count"])
		})
	}
	assert.EqualValues(t, 1, values(m.run(config{Name: "nginx"}))["process_zombies"])
}

func TestMeasures(t *testing.T) {
	m := boot(t)
	c := processcheck.Config{Name: "app"}
	r := m.run(c)
	assertFails(t, r, healthcheck.ReasonThreshold, "app: no process found, want at least 1")
	assert.Equal(t, map[string]float64{"process_count": 0, "process_zombies": 0}, values(r))

	m.add(5, proc{comm: "app", start: 6000, cpu: 150, threads: 3, pages: 100, fds: 4})
	m.add(6, proc{comm: "app", start: 3000, cpu: 50, threads: 2, pages: 50, fds: 7})
	r = m.run(c)
	checktest.RequireOK(t, r)
	got := values(r)
	assert.InDelta(t, float64(time.Now().Add(-time.Hour).Unix()+30), got["process_oldest_start_timestamp_seconds"], 60)
	delete(got, "process_oldest_start_timestamp_seconds")
	assert.Equal(t, map[string]float64{
		"process_count": 2, "process_zombies": 0, "process_cpu_seconds": 2, "process_threads": 5, "process_open_files": 7,
		"process_resident_memory_bytes": float64(150 * os.Getpagesize()),
	}, got)
}

func TestThresholds(t *testing.T) {
	type config = processcheck.Config
	m := boot(t)
	m.add(5, proc{comm: "app", start: 6000, threads: 3, pages: 100, fds: 4, maxFile: 10})
	m.add(6, proc{comm: "app", start: 3000, threads: 2, pages: 50, fds: 7, maxFile: 100})
	for _, tc := range []struct {
		what    string
		config  config
		details string // empty: OK
	}{
		{"count", config{MinCount: number(2), MaxCount: number(2)}, ""},
		{"few", config{MinCount: number(3)}, "app: 2 processes found, want at least 3"},
		{"many", config{MaxCount: number(1)}, "app: 2 processes found, want at most 1"},
		{"none", config{MaxCount: number(0)}, "want at most 0"},
		{"old enough", config{MinAge: 50 * time.Minute}, ""},
		{"young", config{MinAge: 90 * time.Minute}, "want at least 1h30m0s"},
		{"not too old", config{MaxAge: 2 * time.Hour}, ""},
		{"old", config{MaxAge: 30 * time.Minute}, "want at most 30m0s"},
		{"memory", config{MaxMemory: "100%", MaxMemoryEach: "1MiB"}, ""},
		{"much memory", config{MaxMemory: "500KiB"}, "of memory, want at most 500KiB"},
		{"a share of memory", config{MaxMemory: "0.01%"}, "of memory, want at most 0.01%"},
		{"memory of one", config{MaxMemory: "1GiB", MaxMemoryEach: "300KiB"}, "of memory in one process, want at most 300KiB"},
		{"threads", config{MaxThreads: 5}, ""},
		{"many threads", config{MaxThreads: 4}, "5 threads, want at most 4"},
		{"files", config{MaxOpenFiles: "7"}, ""},
		{"many files", config{MaxOpenFiles: "6"}, "too many open files in one process, want at most 6"},
		{"share of files", config{MaxOpenFiles: "40%"}, ""},
		{"large share of files", config{MaxOpenFiles: "39%"}, "want at most 39%"},
		{"several", config{MaxThreads: 1, MaxCount: number(1)}, "want at most 1; 5 threads"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			tc.config.Name = "app"
			r := m.run(tc.config)
			if tc.details == "" {
				checktest.RequireOK(t, r)
			} else {
				assertFails(t, r, healthcheck.ReasonThreshold, tc.details)
			}
			assert.EqualValues(t, 2, values(r)["process_count"], "measured all the same")
		})
	}
	t.Run("unlimited files", func(t *testing.T) {
		m.add(7, proc{comm: "free", fds: 9})
		checktest.RequireOK(t, m.run(config{Name: "free", MaxOpenFiles: "0%"}))
	})
	t.Run("zombies", func(t *testing.T) {
		m.add(8, proc{comm: "dead", state: "Z"})
		assertFails(t, m.run(config{Name: "dead"}), healthcheck.ReasonThreshold, "there are zombies, which have ended")
	})
}

func TestCPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := boot(t)
		check := m.checker(processcheck.Config{Name: "app", MaxCPU: 1.5})
		run := func() healthcheck.Result { return checktest.RunChecker(t, check, time.Minute) }
		m.add(5, proc{comm: "app", start: 1, cpu: 100_000})
		m.add(6, proc{comm: "app", start: 2, cpu: 100_000})
		r := run()
		checktest.RequireOK(t, r)
		assert.NotContains(t, values(r), "process_cpu_cores", "there is nothing to compare with yet")

		time.Sleep(10 * time.Second)
		m.add(5, proc{comm: "app", start: 1, cpu: 100_500})
		m.add(6, proc{comm: "app", start: 2, cpu: 100_900})
		r = run()
		checktest.RequireOK(t, r)
		assert.InDelta(t, 1.4, values(r)["process_cpu_cores"], 1e-9)

		time.Sleep(time.Millisecond)
		m.add(5, proc{comm: "app", start: 1, cpu: 100_501})
		r = run()
		checktest.RequireOK(t, r)
		assert.InDelta(t, 1.4, values(r)["process_cpu_cores"], 1e-9, "a tick in a millisecond says nothing")

		time.Sleep(10*time.Second - time.Millisecond)
		m.end(5)
		m.add(6, proc{comm: "app", start: 1_400_000, cpu: 1600}) // another with the same number
		assertFails(t, run(), healthcheck.ReasonThreshold, "app: use 1.60 cores, want at most 1.5")
		time.Sleep(10 * time.Second)
		r = run()
		checktest.RequireOK(t, r)
		assert.Zero(t, values(r)["process_cpu_cores"])
	})
}

func TestPIDFile(t *testing.T) {
	type config = processcheck.Config
	m := boot(t)
	m.add(5, proc{comm: "app", args: "app hunter2"})
	m.add(8, proc{comm: "dead", state: "Z"})
	missing := filepath.Join(m.root, "nosuch")
	fifo := filepath.Join(m.root, "dir")
	require.NoError(t, os.Mkdir(fifo, 0o700))
	for _, tc := range []struct {
		what    string
		config  config
		reason  healthcheck.Reason
		details string
	}{
		{"good", config{PIDFile: m.write("good", "5")}, healthcheck.ReasonNone, ""},
		{"as of postgres", config{PIDFile: m.write("lines", " 5\r\n/var/lib\n1234\n"), Name: "app"}, healthcheck.ReasonNone, ""},
		{"missing", config{PIDFile: missing}, healthcheck.ReasonThreshold, ": there is no such file"},
		{"missing, wanted", config{PIDFile: missing, MaxCount: number(0)}, healthcheck.ReasonNone, ""},
		{"empty", config{PIDFile: m.write("empty", "")}, healthcheck.ReasonBody, "empty: is empty"},
		{"blank", config{PIDFile: m.write("blank", "\n5\n")}, healthcheck.ReasonBody, "blank: is empty"},
		{"garbage", config{PIDFile: m.write("garbage", "hunter2")}, healthcheck.ReasonBody, "garbage: does not hold the number of a process"},
		{"negative", config{PIDFile: m.write("negative", "-5")}, healthcheck.ReasonBody, "does not hold"},
		{"zero", config{PIDFile: m.write("zero", "0")}, healthcheck.ReasonBody, "does not hold"},
		{"path", config{PIDFile: m.write("path", "../5")}, healthcheck.ReasonBody, "does not hold"},
		{"huge", config{PIDFile: m.write("huge", "99999999999999999999")}, healthcheck.ReasonBody, "does not hold"},
		{"endless", config{PIDFile: m.write("endless", strings.Repeat("5", 1<<20))}, healthcheck.ReasonBody, "does not hold"},
		{"folder", config{PIDFile: fifo}, healthcheck.ReasonBody, "is not a file"},
		{"stale", config{PIDFile: m.write("stale", "77")}, healthcheck.ReasonThreshold, "stale is stale: there is no such process"},
		{"stale, wanted", config{PIDFile: m.write("stale", "77"), MaxCount: number(0)}, healthcheck.ReasonNone, ""},
		{"another", config{PIDFile: m.write("another", "1"), Name: "app"}, healthcheck.ReasonThreshold, "is stale: its number belongs to another process"},
		{"zombie", config{PIDFile: m.write("zombie", "8")}, healthcheck.ReasonThreshold, "there are zombies, which have ended"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			r := m.run(tc.config)
			if tc.reason == healthcheck.ReasonNone {
				checktest.RequireOK(t, r)
				return
			}
			assertFails(t, r, tc.reason, tc.details)
			assert.NotContains(t, r.Details, "hunter2")
		})
	}
	t.Run("passed on", func(t *testing.T) {
		file := m.write("pid", "5")
		check := m.checker(config{PIDFile: file})
		run := func() healthcheck.Result { return checktest.RunChecker(t, check, time.Minute) }
		checktest.RequireOK(t, run())
		checktest.RequireOK(t, run())
		m.add(5, proc{comm: "other", start: 77})
		assertFails(t, run(), healthcheck.ReasonThreshold, "its number has gone to another process since it was written")
		assertFails(t, run(), healthcheck.ReasonThreshold, "its number has gone to another process since it was written")
		require.NoError(t, os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)))
		checktest.RequireOK(t, run())
	})
}

func TestOddities(t *testing.T) {
	type config = processcheck.Config
	t.Run("hidden", func(t *testing.T) {
		m := boot(t)
		m.end(1)
		assertFails(t, m.run(config{Name: "app", MaxCount: number(0)}), healthcheck.ReasonAuth, "not all can be seen")
		assertFails(t, m.run(config{PIDFile: m.write("pid", "5")}), healthcheck.ReasonAuth, "not all can be seen")
		m.add(5, proc{comm: "app"})
		checktest.RequireOK(t, m.run(config{Name: "app"}))
	})
	t.Run("ends while it is read", func(t *testing.T) {
		m := boot(t)
		m.add(5, proc{comm: "app"})
		require.NoError(t, os.Remove(filepath.Join(m.root, "proc/5/stat")))
		assertFails(t, m.run(config{Name: "app"}), healthcheck.ReasonThreshold, "no process found")
	})
	t.Run("no proc", func(t *testing.T) {
		assertFails(t, (&machine{t, t.TempDir()}).run(config{Name: "app"}), healthcheck.ReasonError, "is /proc mounted?")
	})
	t.Run("no such user", func(t *testing.T) {
		assertFails(t, boot(t).run(config{User: "nobody-here"}), healthcheck.ReasonError, "there is no user nobody-here in /etc/passwd")
	})
	for what, text := range map[string]string{"empty": "", "no name": "5 S", "few": "5 (app) S 1 2", "words": "5 (app) S" + strings.Repeat(" x", 40)} {
		t.Run("stat "+what, func(t *testing.T) {
			m := boot(t)
			m.add(5, proc{comm: "app"})
			m.write("proc/5/stat", text)
			assertFails(t, m.run(config{Name: "app"}), healthcheck.ReasonError, "/proc/PID/stat ")
		})
	}
	t.Run("no boot time", func(t *testing.T) {
		m := boot(t)
		m.write("proc/stat", "btime x\n")
		assertFails(t, m.run(config{Name: "systemd"}), healthcheck.ReasonError, "btime")
	})
	t.Run("long command line", func(t *testing.T) {
		m := boot(t)
		m.add(5, proc{comm: "app", args: strings.Repeat("x", 1<<20) + " end"})
		checktest.RequireOK(t, m.run(config{CommandLine: "^x+$"}))
	})
}
