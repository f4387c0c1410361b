//go:build linux || darwin || freebsd

package filesystemcheck_test

import (
	"context"
	"fmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/filesystemcheck"
)

func ExampleNew() {
	config := filesystemcheck.Config{Path: "/", MinFree: "16KiB", MinFreeInodes: "0%"}
	check, err := filesystemcheck.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println(config.Target(), "failed:", result.Failed())
	for _, v := range result.Values[:2] {
		fmt.Println(v.Measure.Name(), v.Value > 0)
	}

	_, err = filesystemcheck.New(filesystemcheck.Config{Path: "/", MinFree: "5G"})
	fmt.Println(err)
	// Output:
	// / failed: false
	// filesystem_size_bytes true
	// filesystem_avail_bytes true
	// min_free: "5G" is not understood; write a share such as 5% or a size such as 5GiB or 500MB
}
