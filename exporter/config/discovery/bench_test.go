package discovery_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

const relabelling = `
relabel:
  - {source_labels: [__meta_team], target_label: team}
  - {source_labels: [__address__], regex: "([^:]+):.*", target_label: name}
  - {source_labels: [zone], action: drop, regex: none}
`

// document returns a list of targets, each with labels of its own.
func document(b testing.TB, n int) []byte {
	b.Helper()
	var list []map[string]any
	for i := range n {
		list = append(list, map[string]any{
			"targets": []string{fmt.Sprintf("host-%05d.example.com:443", i)},
			"labels":  map[string]string{"zone": fmt.Sprint("zone-", i%7), "__meta_team": fmt.Sprint("team-", i%31), "rack": fmt.Sprint(i % 100)},
		})
	}
	data, err := json.Marshal(list)
	require.NoError(b, err)
	return data
}

// BenchmarkOneOfTenThousand has one target of 10,000 come and go, with all that follows the parsing of the list: the bar
// is 5 ms.
func BenchmarkOneOfTenThousand(b *testing.B) {
	const n = 10_000
	all, err := source.ParseJSON(document(b, n), "__meta_url", "https://example.com/targets")
	require.NoError(b, err)
	less := slices.Delete(slices.Clone(all), n/2, n/2+1)
	shuffled := slices.Clone(less)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, other := range map[string][]labels.Labels{"in order": less, "in another order": shuffled} {
		b.Run(name, func(b *testing.B) {
			m := discovery.NewManager(discovery.Options{})
			require.NoError(b, m.Apply([]discovery.Spec{parse(b, "web", "targets: [{http: {url: 'https://example.com/targets'}}]"+relabelling)}))
			sink := m.Sink("web", 0)
			sink.Set("", all)
			sink.Answered()
			require.Len(b, m.Collect()[0].Added, n)
			b.ReportAllocs()
			gone := false
			for b.Loop() {
				if gone = !gone; gone {
					sink.Set("", other)
				} else {
					sink.Set("", all)
				}
				if changes := m.Collect(); len(changes[0].Added)+len(changes[0].Removed) != 1 {
					b.Fatal(len(changes[0].Added), len(changes[0].Removed))
				}
			}
		})
	}
	b.Run("parse", func(b *testing.B) {
		data := document(b, n)
		for b.Loop() {
			if _, err := source.ParseJSON(data, "__meta_url", "https://example.com/targets"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all of them", func(b *testing.B) {
		s := parse(b, "web", "targets: [{http: {url: 'https://example.com/targets'}}]"+relabelling)
		for b.Loop() {
			m := discovery.NewManager(discovery.Options{})
			if err := m.Apply([]discovery.Spec{s}); err != nil {
				b.Fatal(err)
			}
			m.Sink("web", 0).Set("", all)
			m.Collect()
		}
	})
}
