package processcheck_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/checktest"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
)

func number(n int) *int { return &n }

func TestNewReportsEveryMistake(t *testing.T) {
	type config = processcheck.Config
	for _, tc := range []struct {
		what   string
		config config
		fields string
	}{
		{"nothing", config{}, ""},
		{"only limits", config{MinCount: number(3)}, ""},
		{"name", config{Name: "/usr/bin/nginx"}, "name"},
		{"lines", config{Name: "a\nb", PIDFile: "/a\x00", User: "a\tb"}, "name pid_file user"},
		{"pattern", config{CommandLine: "("}, "command_line"},
		{"cgroup", config{Cgroup: "system.slice/nginx.service"}, "cgroup"},
		{"unit", config{Unit: "/system.slice/nginx.service"}, "unit"},
		{"counts", config{Name: "x", MinCount: number(-1), MaxCount: number(1 << 23)}, "min_count max_count"},
		{"crossed", config{Name: "x", MinCount: number(3), MaxCount: number(2), MinAge: 2, MaxAge: 1}, "min_count min_age"},
		{"negative", config{Name: "x", MinAge: -1, MaxAge: -time.Second, MaxCPU: -1, MaxThreads: -1}, "min_age max_age max_cpu max_threads"},
		{"no number", config{Name: "x", MaxCPU: math.NaN()}, "max_cpu"},
		{"amounts", config{Name: "x", MaxMemory: "5 apples", MaxMemoryEach: "101%", MaxOpenFiles: "1k"}, "max_memory max_memory_each max_open_files"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			_, err := processcheck.New(tc.config)
			var fields []string
			for _, f := range checktest.Fields(t, err) {
				if f != "" || tc.fields == "" {
					fields = append(fields, f)
				}
			}
			assert.Equal(t, tc.fields, strings.Join(fields, " "), "%v", err)
		})
	}
}

func TestTarget(t *testing.T) {
	c := processcheck.Config{Name: "nginx", CommandLine: "master", PIDFile: "run/nginx.pid", Cgroup: "/x", Unit: "nginx", User: "www"}
	c.SetDirectory(filepath.FromSlash("/etc/x"))
	assert.Equal(t, filepath.FromSlash("/etc/x/run/nginx.pid"), c.PIDFile)
	c.PIDFile = "p"
	assert.Equal(t, "nginx, command line master, pid file p, cgroup /x, unit nginx, user www", c.Target())
}
