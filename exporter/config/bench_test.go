package config_test

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config"
)

// minimal returns a configuration of n checks that say nothing but what they must.
func minimal(n int, kind, settings string) []byte {
	var b strings.Builder
	b.WriteString("checks:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - endpoint: check-%d\n    %s:\n      %s%d\n", i, kind, settings, i)
	}
	return []byte(b.String())
}

func benchmarkParse(b *testing.B, data []byte, opts config.Options) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Parse("bench.yml", data, opts); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkNode is the floor: package yaml alone.
func benchmarkNode(b *testing.B, data []byte) {
	b.ReportAllocs()
	for b.Loop() {
		var n yaml.Node
		if err := yaml.Unmarshal(data, &n); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMachinery(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		data := minimal(n, "noop", "level: ")
		b.Run(fmt.Sprintf("yaml/%d", n), func(b *testing.B) { benchmarkNode(b, data) })
		b.Run(fmt.Sprintf("parse/%d", n), func(b *testing.B) { benchmarkParse(b, data, testOptions()) })
	}
}

// The bar: 10,000 checks from YAML in less than 150 ms of CPU time; yaml is the floor in the same run.
func benchmarkLoad(b *testing.B, n int) {
	data := minimal(n, "http", "url: http://127.0.0.1:8080/health/")
	b.Run("yaml", func(b *testing.B) { benchmarkNode(b, data) })
	b.Run("parse", func(b *testing.B) { benchmarkParse(b, data, config.Options{}) })
	b.Run("reload", func(b *testing.B) {
		cfg, err := config.Parse("bench.yml", data, config.Options{})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkParse(b, data, config.Options{Previous: cfg.InUse()})
	})
}

func BenchmarkLoad1k(b *testing.B)  { benchmarkLoad(b, 1000) }
func BenchmarkLoad10k(b *testing.B) { benchmarkLoad(b, 10_000) }
