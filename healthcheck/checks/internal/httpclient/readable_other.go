//go:build !unix

package httpclient

import "net"

// watch would tell whether a connection that nobody reads from has anything to read. Here, that is not known.
type watch struct{}

func newWatch(net.Conn) *watch { return nil }

func (*watch) readable() bool { return false }
