//go:build linux

package memorycheck_test

import (
	"context"
	"io/fs"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// machine is 16 GiB of which 4 are available.
const machine = `MemTotal:       16777216 kB
MemFree:          123456 kB
MemAvailable:    4194304 kB
Buffers:               0 kB
`

// inContainer is 512 MiB of which 400 are used, 148 of those by caches: 260 MiB are available.
var inContainer = map[string]string{
	"proc/meminfo":                          machine,
	"proc/self/cgroup":                      "0::/\n",
	"sys/fs/cgroup/memory.max":              "536870912\n",
	"sys/fs/cgroup/memory.current":          "419430400\n",
	"sys/fs/cgroup/memory.stat":             "anon 1\ninactive_file 104857600\nactive_file 41943040\nslab_reclaimable 8388608\nslab 9\n",
	"sys/fs/cgroup/memory.swap.max":         "max\n",
	"sys/fs/cgroup/cgroup.controllers":      "memory\n",
	"sys/fs/cgroup/child.slice/memory.max":  "1\n", // not ours
	"sys/fs/cgroup/child.slice/memory.stat": "",
}

// inDocker is a container of 512 MiB in control groups of version 1, of which 400 are used, 140 of those by caches. It
// sees its part of the hierarchy only, under the name that this has outside.
var inDocker = map[string]string{
	"proc/meminfo":     machine,
	"proc/self/cgroup": "12:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/system.slice/x\n",
	"proc/self/mountinfo": "600 599 0:52 / /sys ro - sysfs sysfs ro\n" +
		"601 600 0:28 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n" +
		"602 600 0:31 /docker/abc /sys/fs/cgroup/memory ro,nosuid shared:1 - cgroup cgroup rw,memory\n",
	"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
	"sys/fs/cgroup/memory/memory.usage_in_bytes": "419430400\n",
	"sys/fs/cgroup/memory/memory.stat": "cache 1\ninactive_file 7\nhierarchical_memory_limit 536870912\n" +
		"total_inactive_file 104857600\ntotal_active_file 41943040\n",
}

func TestMemory(t *testing.T) {
	for name, tc := range map[string]struct {
		files            map[string]string
		config           memorycheck.Config
		total, available float64
		want             string // details; empty: OK
		told             string // details of what is OK
	}{
		"machine": {
			files: map[string]string{"proc/meminfo": machine},
			total: 16 * gib, available: 4 * gib,
		},
		"share met exactly": {
			files: map[string]string{"proc/meminfo": machine}, config: memorycheck.Config{MinAvailable: "25%"},
			total: 16 * gib, available: 4 * gib,
		},
		"share missed": {
			files: map[string]string{"proc/meminfo": machine}, config: memorycheck.Config{MinAvailable: "25.1%"},
			total: 16 * gib, available: 4 * gib,
			want: "4.0 GiB of 16.0 GiB available (25%) in the machine, want at least 25.1%",
		},
		"size missed": {
			files: map[string]string{"proc/meminfo": machine}, config: memorycheck.Config{MinAvailable: "5GiB"},
			total: 16 * gib, available: 4 * gib,
			want: "4.0 GiB of 16.0 GiB available (25%) in the machine, want at least 5GiB",
		},
		"container": {
			files: inContainer,
			total: 512 * mib, available: 260 * mib,
		},
		"container, missed": {
			files: inContainer, config: memorycheck.Config{MinAvailable: "60%"},
			total: 512 * mib, available: 260 * mib,
			want: "260.0 MiB of 512.0 MiB available (50.8%) in the control group /, want at least 60%",
		},
		"container, the machine alone": {
			files: inContainer, config: memorycheck.Config{Source: "system"},
			total: 16 * gib, available: 4 * gib,
		},
		"container with a limit above what the machine has left": {
			files: with(inContainer, "sys/fs/cgroup/memory.max", "8589934592"),
			total: 16 * gib, available: 4 * gib,
		},
		"the same, the group alone": {
			files:  with(inContainer, "sys/fs/cgroup/memory.max", "8589934592"),
			config: memorycheck.Config{Source: "cgroup"},
			total:  8 * gib, available: 8*gib - (400-148)*mib,
		},
		"unlimited container": {
			files: with(inContainer, "sys/fs/cgroup/memory.max", "max\n"),
			total: 16 * gib, available: 4 * gib,
		},
		"tightest in the hierarchy": {
			files: map[string]string{
				"proc/meminfo":                             machine,
				"proc/self/cgroup":                         "1:name=systemd:/x\n0::/a.slice/b.service/c\n",
				"sys/fs/cgroup/a.slice/memory.max":         "1048576000",
				"sys/fs/cgroup/a.slice/memory.current":     "1000000000",
				"sys/fs/cgroup/a.slice/memory.stat":        "anon 1000000000\n",
				"sys/fs/cgroup/a.slice/b.service/x":        "",
				"sys/fs/cgroup/a.slice/b.service/c/x":      "",
				"sys/fs/cgroup/a.slice/b.service/cgroup.y": "",
			},
			config: memorycheck.Config{MinAvailable: "10%"},
			total:  1048576000, available: 48576000,
			want: "46.3 MiB of 1000.0 MiB available (4.63%) in the control group /a.slice, want at least 10%",
		},
		"over the limit": {
			files:     with(inContainer, "sys/fs/cgroup/memory.max", "1000"),
			total:     1000,
			available: 0,
			want:      "0 B of 1000 B available (0%) in the control group /, want at least 3%",
		},
		"limit of zero": {
			files: with(inContainer, "sys/fs/cgroup/memory.max", "0"),
			want:  "0 B of 0 B available (0%) in the control group /, want at least 3%",
		},
		"more cache than usage": {
			files: with(inContainer, "sys/fs/cgroup/memory.stat", "inactive_file 18446744073709551615"),
			total: 512 * mib, available: 512 * mib,
		},
		"not to be seen": {
			files: map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a\n"},
			total: 16 * gib, available: 4 * gib,
			told: "the memory of the control group /a cannot be seen, this is that of the machine",
		},
		"version 1, container": {
			files: inDocker,
			total: 512 * mib, available: (512 - 400 + 140) * mib,
		},
		"version 1, container, missed": {
			files: inDocker, config: memorycheck.Config{MinAvailable: "60%"},
			total: 512 * mib, available: 252 * mib,
			want: "252.0 MiB of 512.0 MiB available (49.2%) in the control group /, want at least 60%",
		},
		"version 1, container, the group alone": {
			files: inDocker, config: memorycheck.Config{Source: "cgroup"},
			total: 512 * mib, available: 252 * mib,
		},
		"version 1, container, the machine alone": {
			files: inDocker, config: memorycheck.Config{Source: "system"},
			total: 16 * gib, available: 4 * gib,
		},
		"version 1, container in a namespace": {
			files: with(with(inDocker, "proc/self/cgroup", "4:memory:/\n"), "proc/self/mountinfo",
				"602 600 0:31 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"),
			total: 512 * mib, available: 252 * mib,
		},
		"version 1, unlimited": {
			files: with(inDocker, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
			total: 16 * gib, available: 4 * gib,
		},
		"version 1, a unit of the machine": {
			files: map[string]string{
				"proc/meminfo":                                        machine,
				"proc/self/cgroup":                                    "4:memory:/a.slice/b.service\n",
				"proc/self/mountinfo":                                 "30 25 0:31 / /cgroups/mem rw - cgroup none rw,memory\n",
				"cgroups/mem/memory.limit_in_bytes":                   "9223372036854771712",
				"cgroups/mem/a.slice/memory.limit_in_bytes":           "1048576000",
				"cgroups/mem/a.slice/memory.usage_in_bytes":           "1000000000",
				"cgroups/mem/a.slice/memory.stat":                     "",
				"cgroups/mem/a.slice/b.service/memory.limit_in_bytes": "9223372036854771712",
				"cgroups/mem/a.slice/b.service/memory.usage_in_bytes": "5",
			},
			total: 1048576000, available: 48576000,
		},
		"version 1, nothing known of mounts": {
			files: map[string]string{
				"proc/meminfo":     machine,
				"proc/self/cgroup": "4:memory:/a\n",
				"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "1000",
				"sys/fs/cgroup/memory/a/memory.usage_in_bytes": "100",
				"sys/fs/cgroup/memory/a/memory.stat":           "",
			},
			total: 1000, available: 900,
		},
		"version 1, the mount shows another part": {
			files: with(inDocker, "proc/self/cgroup", "4:memory:/elsewhere\n"),
			total: 512 * mib, available: 252 * mib,
		},
		"version 1, not to be seen": {
			files: map[string]string{
				"proc/meminfo":     machine,
				"proc/self/cgroup": "4:memory:/docker/abc\n0::/\n",
			},
			total: 16 * gib, available: 4 * gib,
			told: "the memory of the control group /docker/abc cannot be seen, this is that of the machine",
		},
		"outside of the namespace": {
			files: with(inContainer, "proc/self/cgroup", "0::/../child.slice\n"),
			total: 512 * mib, available: 260 * mib,
		},
		"deleted group": {
			files: with(inContainer, "proc/self/cgroup", "0::/gone (deleted)\n"),
			total: 512 * mib, available: 260 * mib,
		},
		"deeper than anyone looks": {
			files: with(inContainer, "proc/self/cgroup", "0::"+strings.Repeat("/a", 100)+"\n"),
			total: 16 * gib, available: 4 * gib,
		},
		"more available than there is": {
			files: map[string]string{"proc/meminfo": "MemTotal: 1024 kB\nMemAvailable: 2048 kB"},
			total: mib, available: mib,
		},
	} {
		t.Run(name, func(t *testing.T) {
			res := checkIn(t, tc.config, tree(tc.files))
			if tc.want == "" {
				assert.Equal(t, healthcheck.Result{Details: tc.told, Values: res.Values}, res)
			} else {
				assert.Equal(t, healthcheck.FAIL, res.Level)
				assert.Equal(t, healthcheck.ReasonThreshold, res.Reason)
				assert.Equal(t, tc.want, res.Details)
			}
			require.Len(t, res.Values, 2)
			assert.Equal(t, "memory_total_bytes", res.Values[0].Measure.Name())
			assert.InDelta(t, tc.total, res.Values[0].Value, 0)
			assert.Equal(t, "memory_available_bytes", res.Values[1].Measure.Name())
			assert.InDelta(t, tc.available, res.Values[1].Value, 0)
		})
	}
}

func TestOddFiles(t *testing.T) {
	for name, tc := range map[string]struct {
		files  map[string]string
		source string
		want   string
	}{
		"no proc":           {nil, "", "proc/meminfo: file does not exist"},
		"empty":             {map[string]string{"proc/meminfo": ""}, "", "no MemTotal"},
		"old kernel":        {map[string]string{"proc/meminfo": "MemTotal: 1 kB\n"}, "", "no MemAvailable"},
		"no number":         {map[string]string{"proc/meminfo": "MemTotal: lots kB\nMemAvailable: 1 kB"}, "", `/proc/meminfo: MemTotal: "lots" is not a number`},
		"negative":          {map[string]string{"proc/meminfo": "MemTotal: 1 kB\nMemAvailable: -1 kB"}, "", `"-1" is not a number`},
		"overflow":          {map[string]string{"proc/meminfo": "MemTotal: 99999999999999999999 kB\nMemAvailable: 1"}, "", "not a number"},
		"endless":           {map[string]string{"proc/meminfo": strings.Repeat("x", 1<<20) + "\n" + machine}, "", "no MemTotal"},
		"no groups":         {map[string]string{"proc/meminfo": machine}, "cgroup", "no control group"},
		"version 2 unseen":  {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/\n"}, "cgroup", "group / cannot be seen; mount /sys/fs/cgroup"},
		"no limit":          {with(inContainer, "sys/fs/cgroup/memory.max", "max\n"), "cgroup", "no control group"},
		"no line of ours":   {with(inContainer, "proc/self/cgroup", "4:cpu:/x\n"), "cgroup", "no control group"},
		"version 1 unseen":  {with(inContainer, "proc/self/cgroup", "4:memory:/x\n"), "cgroup", "group /x cannot be seen; mount /sys/fs/cgroup"},
		"version 1 limit":   {with(inDocker, "sys/fs/cgroup/memory/memory.limit_in_bytes", "-1"), "", `memory.limit_in_bytes: "-1" is not a number`},
		"version 1 usage":   {with(inDocker, "sys/fs/cgroup/memory/memory.usage_in_bytes", "x"), "", `memory.usage_in_bytes: "x" is not a number`},
		"limit not number":  {with(inContainer, "sys/fs/cgroup/memory.max", "1 2\n"), "", `control group /: memory.max: "1 2" is not a number`},
		"usage not number":  {with(inContainer, "sys/fs/cgroup/memory.current", "\x00"), "", `memory.current: "\x00" is not a number`},
		"cache not number":  {with(inContainer, "sys/fs/cgroup/memory.stat", "active_file ?"), "", `memory.stat: active_file "?" is not a number`},
		"no usage":          {with(inContainer, "sys/fs/cgroup/memory.current", ""), "", `memory.current: "" is not a number`},
		"stat is elsewhere": {without(inContainer, "sys/fs/cgroup/memory.stat"), "", "memory.stat: file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			res := checkIn(t, memorycheck.Config{Source: tc.source}, tree(tc.files))
			assert.Equal(t, healthcheck.FAIL, res.Level)
			assert.Equal(t, healthcheck.ReasonError, res.Reason)
			assert.Contains(t, res.Details, tc.want)
			assert.Empty(t, res.Values)
		})
	}
}

func TestRealMachine(t *testing.T) {
	checker, err := memorycheck.New(memorycheck.Config{Source: memorycheck.SourceSystem, MinAvailable: "0%"})
	require.NoError(t, err)
	res := checker.Check(t.Context())
	require.False(t, res.Failed(), res.Details)
	require.Len(t, res.Values, 2)
	assert.Greater(t, res.Values[0].Value, float64(16*mib), "bytes, not kilobytes")
	assert.Positive(t, res.Values[1].Value)

	checker, err = memorycheck.New(memorycheck.Config{MinAvailable: "4096PiB"})
	require.NoError(t, err)
	assert.Equal(t, healthcheck.ReasonThreshold, checker.Check(t.Context()).Reason)
}

func TestDeadlinePassed(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	checker, err := memorycheck.New(memorycheck.Config{})
	require.NoError(t, err)
	assert.Equal(t, healthcheck.ReasonTimeout, checker.Check(ctx).Reason)
}

func TestBrokenConfigs(t *testing.T) {
	for name, tc := range map[string]struct {
		config memorycheck.Config
		fields []string
	}{
		"unit":       {memorycheck.Config{MinAvailable: "5G"}, []string{"min_available"}},
		"over 100%":  {memorycheck.Config{MinAvailable: "500%"}, []string{"min_available"}},
		"source":     {memorycheck.Config{Source: "swap"}, []string{"source"}},
		"everything": {memorycheck.Config{MinAvailable: "-1", Source: "AUTO"}, []string{"min_available", "source"}},
	} {
		t.Run(name, func(t *testing.T) {
			checker, err := memorycheck.New(tc.config)
			assert.Nil(t, checker)
			assert.Equal(t, tc.fields, checktest.Fields(t, err))
		})
	}
}

func TestTarget(t *testing.T) {
	assert.Equal(t, "memory of the machine and the control group", memorycheck.Config{}.Target())
	assert.Equal(t, "memory of the machine", memorycheck.Config{Source: "system"}.Target())
	assert.Equal(t, "memory of the control group", memorycheck.Config{Source: "cgroup"}.Target())
}

func FuzzFiles(f *testing.F) {
	f.Add(machine, "0::/\n", "536870912\n", "1", "inactive_file 1\n")
	f.Add("MemTotal:", "0::/a/../../b", "max", "", "active_file\nactive_file 1e9")
	f.Add("MemTotal: 1\r\nMemAvailable: 1", "0::/\x00", "0x1", "-5", "\n\n \n")
	f.Fuzz(func(t *testing.T, meminfo, own, limit, current, stat string) {
		res := checkIn(t, memorycheck.Config{}, tree(map[string]string{
			"proc/meminfo":                 meminfo,
			"proc/self/cgroup":             own,
			"sys/fs/cgroup/memory.max":     limit,
			"sys/fs/cgroup/memory.current": current,
			"sys/fs/cgroup/memory.stat":    stat,
		}))
		for _, v := range res.Values {
			assert.False(t, math.IsNaN(v.Value) || math.IsInf(v.Value, 0), "%s is %v", v.Measure.Name(), v.Value)
			assert.GreaterOrEqual(t, v.Value, 0.0)
		}
		if len(res.Values) == 2 {
			assert.LessOrEqual(t, res.Values[1].Value, res.Values[0].Value)
		} else {
			assert.Equal(t, healthcheck.ReasonError, res.Reason)
		}
	})
}

func checkIn(t *testing.T, c memorycheck.Config, root fs.FS) healthcheck.Result {
	t.Helper()
	checker, err := memorycheck.NewIn(c, root)
	require.NoError(t, err)
	return checker.Check(t.Context())
}

// tree returns a file system of these files.
func tree(files map[string]string) fs.FS {
	m := make(fstest.MapFS, len(files))
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func with(files map[string]string, name, text string) map[string]string {
	files = without(files, name)
	files[name] = text
	return files
}

func without(files map[string]string, name string) map[string]string {
	rest := make(map[string]string, len(files))
	for n, text := range files {
		if n != name {
			rest[n] = text
		}
	}
	return rest
}
