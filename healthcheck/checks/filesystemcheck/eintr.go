//go:build linux || darwin || freebsd

package filesystemcheck

import (
	"errors"

	"golang.org/x/sys/unix"
)

// ignoringEINTR repeats call while signals interrupt it, which happens on network file systems.
func ignoringEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
