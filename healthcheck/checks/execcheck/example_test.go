//go:build unix

package execcheck_test

import (
	"context"
	"fmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/execcheck"
)

func ExampleNew() {
	check, err := execcheck.New(execcheck.Config{
		Command: []string{"/bin/sh", "-c", `echo 'QUEUE WARNING - 2 waiting | waiting=2;1;10 oldest=1500ms'; exit 1`},
		Format:  execcheck.FormatNagios,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println("failed:", result.Failed())
	fmt.Println(result.Details)
	for _, v := range result.Values {
		if v.Measure == execcheck.MeasureValue {
			fmt.Printf("healthcheck_value{value=%q} %v\n", v.Label, v.Value)
		}
	}
	// Output:
	// failed: false
	// warning: QUEUE WARNING - 2 waiting
	// healthcheck_value{value="waiting"} 2
	// healthcheck_value{value="oldest"} 1.5
}
