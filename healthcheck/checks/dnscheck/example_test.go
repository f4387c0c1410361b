package dnscheck_test

import (
	"context"
	"fmt"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/dnscheck"
)

func ExampleNew() {
	check, err := dnscheck.New(dnscheck.Config{
		Name:   "localhost",
		Type:   "A",
		Expect: dnscheck.Expect{Contains: []string{"127.0.0.1"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println("failed:", result.Failed())
	// Output: failed: false
}
