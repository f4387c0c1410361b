package healthcheck

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"sync"
	"time"
)

// Server serves the status of [Default] over HTTP: /status, /status/{endpoint} and what Handle adds. The zero value is
// NewServer(false).
type Server struct {
	httpprof bool

	once    sync.Once
	process *process
	mux     *http.ServeMux

	mu       sync.Mutex
	port     int // that of the configuration, when listener was opened
	listener net.Listener
	server   *http.Server
}

// NewServer returns a server that does not listen yet. With httpprof it also serves /debug/pprof/.
func NewServer(httpprof bool) *Server {
	s := &Server{httpprof: httpprof}
	s.routes()
	return s
}

// routes returns the routes, made at the first call.
func (s *Server) routes() *http.ServeMux {
	s.once.Do(s.route)
	return s.mux
}

func (s *Server) route() {
	s.process, s.mux = std, http.NewServeMux()
	s.mux.Handle("/status", StatusHandler(std.registry, std.getIdentity))
	s.mux.Handle("/status/{endpoint}", CheckHandler(std.registry))
	if s.httpprof {
		s.mux.HandleFunc("/debug/pprof/", pprof.Index)
		s.mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		s.mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		s.mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		s.mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
}

// Handle adds a route, for example "/metrics". The pattern is that of [http.ServeMux], and so are the rules for
// conflicts. It may be called at any time.
func (s *Server) Handle(pattern string, h http.Handler) { s.routes().Handle(pattern, h) }

// Handler returns the routes of the server, to be mounted in another one.
func (s *Server) Handler() http.Handler { return s.routes() }

// HandleRequests listens on the port of the [StatusConfig] and serves in the background; without a configuration or
// with a port that is not positive it does nothing. When the port has changed since the last call, it moves to the new
// one. A port that cannot be had is logged, and the old one is kept.
func (s *Server) HandleRequests() {
	s.routes()
	cfg := s.process.getConfig()
	if cfg == nil || cfg.GetPort() <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil && s.port == cfg.GetPort() {
		return
	}
	if err := s.listen(cfg.GetPort()); err != nil {
		slog.Default().Error("status server cannot listen", "port", cfg.GetPort(), "err", err)
	}
}

// listen is called with s.mu held.
func (s *Server) listen(port int) error {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	old := s.server
	s.listener, s.port = l, port
	s.server = &http.Server{
		Handler:           s.mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      5 * time.Minute, // as long as a profile takes
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	go serve(s.server, l)
	if old != nil {
		go shutdownOrClose(context.Background(), old)
	}
	return nil
}

func serve(server *http.Server, l net.Listener) {
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		slog.Default().Error("status server stopped", "addr", l.Addr().String(), "err", err)
	}
}

// moveGrace is how long requests on an old port may take once the server has moved.
const moveGrace = 10 * time.Second

func shutdownOrClose(ctx context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, moveGrace)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close()
	}
}

// Addr returns the address that the server listens on, nil when it does not.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Shutdown stops listening and waits for the requests under way until ctx ends, as [http.Server.Shutdown] does.
// HandleRequests may be called again after it.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	server := s.server
	s.server, s.listener, s.port = nil, nil, 0
	s.mu.Unlock()
	if server == nil {
		return nil
	}
	return server.Shutdown(ctx)
}
