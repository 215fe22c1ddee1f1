package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
)

const (
	maxHeaderBytes = 16 << 10
	maxStreams     = 64
)

// times are the limits of a request's parts. drain is how long requests may go
// on at shutdown, and then half as long again while they notice that they were cut off.
type times struct{ header, read, write, idle, drain time.Duration }

func defaultTimes() times {
	return times{
		header: 10 * time.Second, read: 10 * time.Second, write: 30 * time.Second,
		idle: 2 * time.Minute, drain: 5 * time.Second,
	}
}

// Server serves the exporter on its listeners.
type Server struct {
	options     Options
	log         *slog.Logger
	guard       atomic.Pointer[access.Guard]
	failing     atomic.Int32 // the status code of a failing verdict
	table       *table
	listeners   []*listener
	crossOrigin *http.CrossOriginProtection
	style       style
	fixed       fixed
	times       times
}

// New checks the options and opens the listeners, so that a wrong address or
// certificate is known at once. Nothing is answered before Run; without Run,
// Close frees the sockets.
func New(o Options) (*Server, error) {
	o.complete()
	if o.State == nil || o.Runner == nil || o.Metrics == nil || o.Reload == nil {
		return nil, errors.New("web: State, Runner, Metrics and Reload have to be given")
	}
	if err := CheckWebConfig(o.WebConfigFile); err != nil {
		return nil, err
	}
	guard, err := access.NewGuard(o.Access)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, log: o.Logger, crossOrigin: http.NewCrossOriginProtection(), style: newStyle(), fixed: newFixed(), times: defaultTimes()}
	s.guard.Store(guard)
	s.SetFailingCode(http.StatusServiceUnavailable)
	s.table = s.buildRoutes()
	return s, s.listen()
}

// SetAccess changes who may ask for what, from the next request on. It refuses
// a wrong section, and the lack of one (nil) while listening beyond this
// machine; the access in force then stays.
func (s *Server) SetAccess(c *access.Config) error {
	guard, err := s.guard.Load().Renew(c)
	if err != nil {
		return err
	}
	if err := s.checkLocal(guard.Local()); err != nil {
		return err
	}
	s.guard.Store(guard)
	return nil
}

// Close frees the listeners. It is needed only where Run was never called.
func (s *Server) Close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// Run serves until ctx ends, then lets requests finish for up to five seconds
// and cuts off the rest. It is called once. The error is nil after such an
// orderly end.
func (s *Server) Run(ctx context.Context) error {
	defer s.Close()
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range s.listeners {
		s.serve(ctx, group, l)
	}
	return group.Wait()
}

// serve runs one listener with an http.Server of its own: the toolkit changes
// the server it is given, so listeners must not share one.
func (s *Server) serve(ctx context.Context, group *errgroup.Group, l *listener) {
	// Requests outlive ctx, which ends the listener, until the drain is over.
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	h := &handler{Server: s, health: l.health}
	server := s.httpServer(withNode(requests, l.node), h)
	config := s.options.WebConfigFile
	if l.health {
		config = ""
	}
	group.Go(func() error {
		err := toolkit.Serve(l, server, &toolkit.FlagConfig{WebConfigFile: &config}, s.log)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serving %s: %w", l.Addr(), err)
	})
	group.Go(func() error {
		defer cut()
		<-ctx.Done()
		l.closeIdle()
		drain, stop := context.WithTimeout(requests, s.times.drain)
		defer stop()
		if err := server.Shutdown(drain); err != nil {
			s.log.Warn("requests were cut off at shutdown", "address", l.Addr().String())
			cut()
			_ = server.Close()
			h.wait(s.times.drain / 2)
		}
		return nil
	})
}

func (s *Server) httpServer(requests context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: s.times.header,
		ReadTimeout:       s.times.read,
		WriteTimeout:      s.times.write,
		IdleTimeout:       s.times.idle,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		BaseContext:       func(net.Listener) context.Context { return requests },
		ConnContext:       withConnection,
		// OPTIONS * is refused like any other path without a route.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(quiet{s.log.Handler()}, slog.LevelWarn),
	}
}

// quiet is a slog.Handler for net/http's own messages. Any client can cause
// most of them at will (a failed handshake, a malformed request), so they are
// for debugging; a failing Accept is for the operator.
type quiet struct{ slog.Handler }

// Handle lowers the level of what clients can cause.
func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	if !strings.HasPrefix(r.Message, "http: Accept error") {
		r.Level = slog.LevelDebug
	}
	if !q.Enabled(ctx, r.Level) {
		return nil
	}
	return q.Handler.Handle(ctx, r)
}
