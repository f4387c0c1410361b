package udpcheck_test

import (
	"context"
	"fmt"
	"net"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/udpcheck"
)

func ExampleNew() {
	server, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		if _, from, err := server.ReadFrom(make([]byte, 100)); err == nil {
			_, _ = server.WriteTo([]byte("pong 42"), from)
		}
	}()

	check, err := udpcheck.New(udpcheck.Config{
		Address: server.LocalAddr().String(),
		Dialog:  []udpcheck.Step{{Send: "ping 42", Expect: "^pong 42$", Reject: []string{"^error"}}},
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
