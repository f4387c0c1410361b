package unixcheck_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/unixcheck"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	server, err := new(net.ListenConfig).Listen(context.Background(), "unix", path)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		if conn, err := server.Accept(); err == nil {
			echo(conn)
			_ = conn.Close()
		}
	}()

	check, err := unixcheck.New(unixcheck.Config{
		Path:   path,
		Dialog: []unixcheck.Step{{Send: "ping\n", Expect: "^ping$", Reject: []string{"^error"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	result := check.Check(context.Background())
	fmt.Println("failed:", result.Failed(), result.Details)
	_ = server.Close()
	// Output: failed: false
}
