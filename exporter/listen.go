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
func (e *Exporter) listen(ctx context.Context) (err error) {
	if e.listeners, err = listen(ctx, &e.options); err != nil {
		return err
	}
	if e.health.listeners, err = listenOnAll(ctx, e.options.HealthListenAddresses); err != nil {
		closeAll(e.listeners)
	}
	return err
}

// listen opens the sockets for all that is served, or none.
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
	return listenOnAll(ctx, o.ListenAddresses)
}

func listenOnAll(ctx context.Context, addresses []string) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
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
	if port, ok := strings.CutPrefix(address, vsockScheme); ok {
		n, err := vsockPort(port)
		if err != nil {
			return nil, err
		}
		return vsock.Listen(n, nil)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

func vsockPort(port string) (uint32, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(port, ":"), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("port %q: %w", port, err)
	}
	return uint32(n), nil
}

// validateAddress finds what is wrong with an address to listen on without opening anything. Whether a name is one of
// this machine is not looked at.
func validateAddress(address string) error {
	if port, ok := strings.CutPrefix(address, vsockScheme); ok {
		_, err := vsockPort(port)
		return err
	}
	_, port, err := net.SplitHostPort(address)
	if e, ok := errors.AsType[*net.AddrError](err); ok {
		return errors.New(e.Err)
	}
	if err != nil {
		return err
	}
	if port == "" {
		return errors.New("missing port in address")
	}
	if _, err := net.LookupPort("tcp", port); err != nil { //nolint:noctx // asks a file at most
		return fmt.Errorf("no port is %q", port)
	}
	return nil
}

// closeSockets closes what the exporter listens on.
func (e *Exporter) closeSockets() {
	closeAll(e.listeners)
	closeAll(e.health.listeners)
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // none is of use any more
	}
}
