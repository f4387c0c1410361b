//go:build linux

package systemdcheck_test

import (
	"context"
	"fmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/systemdcheck"
)

func ExampleNew() {
	config := systemdcheck.Config{Unit: "nginx.service", Address: "unix:path=/nosuch/bus"}
	check, err := systemdcheck.New(config)
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println(config.Target(), "failed:", result.Failed())
	fmt.Println(result.Reason, "-", result.Details)
	// Output:
	// nginx.service failed: true
	// connect - connect to the bus at /nosuch/bus: there is no such socket
}
