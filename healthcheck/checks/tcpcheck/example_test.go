package tcpcheck_test

import (
	"context"
	"fmt"
	"net"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/tcpcheck"
)

func ExampleNew() {
	var config net.ListenConfig
	server, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		if conn, err := server.Accept(); err == nil {
			smtp(conn)
			_ = conn.Close()
		}
	}()

	check, err := tcpcheck.New(tcpcheck.Config{
		Address: server.Addr().String(),
		Dialog: []tcpcheck.Step{
			{Expect: "^220 "},
			{Send: "EHLO probe\r\n", Expect: "^250 8BITMIME$"},
			{Send: "QUIT\r\n", Expect: "^221 "},
		},
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
