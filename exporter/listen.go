package exporter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/mdlayher/vsock"
)

// listen opens all sockets, or none.
func listen(ctx context.Context, o *Options) ([]net.Listener, error) {
	if o.SystemdSocket {
		listeners, err := activation.Listeners()
		if err != nil {
			return nil, fmt.Errorf("sockets of systemd: %w", err)
		}
		// What is no listening stream, such as a datagram socket, is nil.
		listeners = slices.DeleteFunc(listeners, func(l net.Listener) bool { return l == nil })
		if len(listeners) == 0 {
			return nil, errors.New("systemd has passed no listening socket")
		}
		return listeners, nil
	}
	var listeners []net.Listener
	for _, address := range o.ListenAddresses {
		l, err := listenOn(ctx, address)
		if err != nil {
			closeAll(listeners)
			return nil, fmt.Errorf("listen on %s: %w", address, err)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

const vsockScheme = "vsock://"

func listenOn(ctx context.Context, address string) (net.Listener, error) {
	port, ok := strings.CutPrefix(address, vsockScheme)
	if !ok {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(port, ":"), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("port %q: %w", port, err)
	}
	return vsock.Listen(uint32(n), nil)
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // none is of use any more
	}
}
