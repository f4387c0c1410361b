package tlscheck_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/prometheus/common/config"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tlscheck"
)

func ExampleNew() {
	server := httptest.NewTLSServer(nil)
	defer server.Close()

	check, err := tlscheck.New(tlscheck.Config{
		Address:     server.Listener.Addr().String(),
		TLSConfig:   &config.TLSConfig{InsecureSkipVerify: true}, // a certificate of its own
		MinValidity: 14 * 24 * time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println("failed:", result.Failed(), result.Details)
	// Output: failed: false
}
