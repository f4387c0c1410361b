package icmpcheck_test

import (
	"context"
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/icmpcheck"
)

func ExampleNew() {
	check, err := icmpcheck.New(icmpcheck.Config{Host: "nosuch.invalid.", Count: 5, MaxLoss: "20%", MaxRTT: 50 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	result := check.Check(ctx)
	fmt.Println("failed:", result.Failed(), result.Reason)
	// Output: failed: true dns
}
