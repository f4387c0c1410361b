//go:build linux

package memorycheck_test

import (
	"context"
	"fmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/memorycheck"
)

func ExampleNew() {
	config := memorycheck.Config{MinAvailable: "1MiB", Source: memorycheck.SourceSystem}
	check, err := memorycheck.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println(config.Target(), "failed:", result.Failed())
	for _, v := range result.Values {
		fmt.Println(v.Measure.Name(), v.Value > 0)
	}
	// Output:
	// memory of the machine failed: false
	// memory_total_bytes true
	// memory_available_bytes true
}
