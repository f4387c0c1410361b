package grpccheck

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

// Bounds on what a server sends, in bytes. The answer to a check is of a few.
const (
	maxMessage = 64 << 10
	maxHeader  = 64 << 10
	window     = 64 << 10 // of flow control: the least that HTTP/2 begins with
	bufferSize = 4 << 10
)

// protocols are offered in the TLS handshake.
var protocols = []string{"h2"}

// channel is what the library makes of the one connection of a run.
type channel struct {
	*grpc.ClientConn
	link *link
}

// newChannel puts gRPC over conn, which the channel closes. The library is kept from all that it would do by itself:
// looking up names, proxies, service configurations, retries and further connections.
func newChannel(conn *peer.Conn, authority string) (*channel, error) {
	c := &channel{link: &link{Conn: conn}}
	security := insecure.NewCredentials()
	if secure := conn.TLS(); secure != nil {
		security = secured{credentials.TLSInfo{
			State: secure.ConnectionState(), CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}}
	}
	var err error
	c.ClientConn, err = grpc.NewClient("passthrough:///"+authority,
		grpc.WithContextDialer(c.link.dial),
		grpc.WithTransportCredentials(security),
		grpc.WithAuthority(authority),
		grpc.WithUserAgent("healthcheck_exporter"),
		grpc.WithNoProxy(), grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithDisableHealthCheck(), grpc.WithIdleTimeout(0),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window),
		grpc.WithReadBufferSize(bufferSize), grpc.WithWriteBufferSize(bufferSize), grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithStatsHandler(listener{}),
	)
	if err != nil {
		_ = conn.Close()
	}
	return c, err
}

// finish ends the channel, as the server expects it where all went well. It waits for nobody: where something is wrong
// the connection is closed before the library says its farewell.
func (c *channel) finish(well bool) {
	c.link.mu.Lock()
	c.link.well = well
	c.link.mu.Unlock()
	if !well {
		_ = c.link.Conn.Close()
	}
	_ = c.Close()
	_ = c.link.Conn.Close() // which the library may not have got
}

// link is the connection as the library has it. It remembers what went wrong with it: the library puts that into words
// that are others in each run.
type link struct {
	*peer.Conn

	mu     sync.Mutex
	taken  bool  // the library has it
	again  bool  // and has wanted another one
	well   bool  // it is to be closed as the peer expects it
	broken error // the first error of reading
}

var errOnce = errors.New("there is one connection for a run")

// dial gives the connection away, once.
func (l *link) dial(context.Context, string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.taken {
		l.again = true
		return nil, errOnce
	}
	l.taken = true
	return l, nil
}

// Read implements [net.Conn].
func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.broken == nil {
			l.broken = err
		}
	}
	return n, err
}

// Write implements [net.Conn]. That the peer has closed the connection is for who reads to find, who finds the last words
// of the peer first: in TLS 1.3 those on the client certificate come late (RFC 8446, section 2).
func (l *link) Write(b []byte) (int, error) {
	n, err := l.Conn.Write(b)
	if err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return len(b), nil
	}
	return n, err
}

// Close implements [net.Conn].
func (l *link) Close() error {
	l.mu.Lock()
	well := l.well
	l.mu.Unlock()
	if well {
		l.Finish()
		return nil
	}
	return l.Conn.Close()
}

// state returns what went wrong with the connection: an error, or that the peer wants no more calls on it.
func (l *link) state() (broken error, leaving bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken, l.again
}

// secured tells the library of a connection that TLS is over it already.
type secured struct{ info credentials.TLSInfo }

func (s secured) ClientHandshake(_ context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return conn, s.info, nil
}

func (s secured) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.ErrUnsupported
}

func (s secured) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (s secured) Clone() credentials.TransportCredentials { return s }

func (s secured) OverrideServerName(string) error { return nil }

// listener notes in the context of a call that the server itself has ended it, with a status. Without, the status is one
// that the library has made up.
type listener struct{}

type endedKey struct{}

// TagRPC implements [stats.Handler].
func (listener) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements [stats.Handler].
func (listener) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.InTrailer); !ok {
		return
	}
	if ended, ok := ctx.Value(endedKey{}).(*ended); ok {
		ended.Store(true)
	}
}

// TagConn implements [stats.Handler].
func (listener) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements [stats.Handler].
func (listener) HandleConn(context.Context, stats.ConnStats) {}
