package maintenance_test

import (
	"fmt"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

func ExampleBuilder() {
	var builder maintenance.Builder
	inMaintenance, err := builder.Build([]maintenance.Window{
		{Cron: "0 2 * * 6", Duration: 2 * time.Hour, Timezone: "Europe/Berlin"},
		{From: time.Date(2026, 12, 24, 18, 0, 0, 0, time.UTC), To: time.Date(2026, 12, 27, 6, 0, 0, 0, time.UTC)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	check := healthcheck.Check{Endpoint: "database", Maintenance: inMaintenance}
	fmt.Println(check.Maintenance(time.Date(2026, 7, 4, 1, 30, 0, 0, time.UTC))) // Saturday, 03:30 in Berlin
	fmt.Println(check.Maintenance(time.Date(2026, 7, 5, 1, 30, 0, 0, time.UTC)))
	// Output:
	// true
	// false
}
