//go:build linux

package processcheck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/processcheck"
)

func ExampleNew() {
	most := 1
	config := processcheck.Config{Name: filepath.Base(os.Args[0]), User: fmt.Sprint(os.Getuid()), MaxCount: &most, MaxMemory: "4GiB"}
	check, err := processcheck.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println("failed:", result.Failed())
	for _, v := range result.Values {
		if v.Measure.Name() == "process_count" {
			fmt.Println("processes:", v.Value)
		}
	}
	// Output:
	// failed: false
	// processes: 1
}
