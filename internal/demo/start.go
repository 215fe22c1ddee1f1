package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	headerLimit   = 32 << 10 // bytes
	headerTimeout = 5 * time.Second
	requestTime   = 10 * time.Second
	idleTime      = time.Minute
	shutdownTime  = time.Second
)

// StartOptions say where the provider and its CRM listen.
type StartOptions struct {
	// Addr is the provider's address, which must be on loopback. Default: 127.0.0.1 with a free port.
	Addr string
	// CRMAddr is that of the CRM, with the same rule and default.
	CRMAddr string
	// TLS makes the provider listen with TLS; the issuer is then an https one. The CRM stays with http.
	TLS *tls.Config
	// Logger, SlowLogin and SigningAlg are as in Options.
	Logger     *slog.Logger
	SlowLogin  time.Duration
	SigningAlg string
}

// Running is a provider and a CRM that listen.
type Running struct {
	// Issuer is the provider's issuer, made of the address it listens on.
	Issuer string
	// CRMURL is the base URL of the CRM.
	CRMURL string
	// Provider and CRM are what serves there.
	Provider *Provider
	CRM      *CRM

	cancel context.CancelFunc
	group  *errgroup.Group
}

// Start starts a provider and its stand-in CRM and returns once both listen.
// They stop when the context ends or [Running.Close] is called; either way call
// Close or [Running.Wait] to wait for the end. It fails for addresses beyond
// loopback or in use, and for what [NewProvider] refuses.
func Start(ctx context.Context, o StartOptions) (*Running, error) {
	crmListener, err := listenLoopback(ctx, o.CRMAddr)
	if err != nil {
		return nil, fmt.Errorf("starting the demo CRM: %w", err)
	}
	listener, err := listenLoopback(ctx, o.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the demo provider: %w", err), crmListener.Close())
	}
	scheme := "http"
	if o.TLS != nil {
		scheme = "https"
	}
	r := &Running{
		Issuer: scheme + "://" + listener.Addr().String(),
		CRMURL: "http://" + crmListener.Addr().String(),
		CRM:    NewCRM(),
	}
	r.Provider, err = NewProvider(Options{
		Issuer: r.Issuer, Logger: o.Logger, CRM: r.CRM, CRMURL: r.CRMURL,
		SlowLogin: o.SlowLogin, SigningAlg: o.SigningAlg,
	})
	if err != nil {
		return nil, errors.Join(err, listener.Close(), crmListener.Close())
	}
	ctx, r.cancel = context.WithCancel(ctx)
	r.group, ctx = errgroup.WithContext(ctx)
	r.serve(ctx, listener, &http.Server{
		Handler: r.Provider, ConnState: r.Provider.ConnState, TLSConfig: r.Provider.countHandshakes(o.TLS),
	})
	r.serve(ctx, crmListener, &http.Server{Handler: r.CRM})
	return r, nil
}

// Wait waits until both servers have ended and returns why, or nil if they were told to.
func (r *Running) Wait() error { return r.group.Wait() }

// Close stops both servers and waits for their end, at most about a second for
// requests under way. It may be called more than once.
func (r *Running) Close() error {
	r.cancel()
	return r.Wait()
}

// serve serves until the context ends. Requests inherit the context, so that no
// slow one holds up the end.
func (r *Running) serve(ctx context.Context, l net.Listener, server *http.Server) {
	r.Provider.bound(ctx, server)
	r.group.Go(func() error {
		serve := server.Serve
		if server.TLSConfig != nil {
			serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("demo server on %s: %w", l.Addr(), err)
		}
		return nil
	})
	r.group.Go(func() error {
		<-ctx.Done()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		if server.Shutdown(limit) != nil {
			return server.Close()
		}
		return nil
	})
}

// bound sets the limits of a server of the provider; requests inherit the context.
func (p *Provider) bound(ctx context.Context, server *http.Server) {
	server.BaseContext = func(net.Listener) context.Context { return ctx }
	server.ReadHeaderTimeout = headerTimeout
	server.ReadTimeout = requestTime
	server.WriteTimeout = p.slowLogin + requestTime
	server.IdleTimeout = idleTime
	server.MaxHeaderBytes = headerLimit
	server.ErrorLog = slog.NewLogLogger(p.log.Handler(), slog.LevelDebug)
}

// listenLoopback listens on an address, which must be of loopback.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("address %q is not of loopback: the demo's passwords are public, use 127.0.0.1 or [::1]", addr)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}

// countHandshakes returns the configuration, if any, with a counter of handshakes.
func (p *Provider) countHandshakes(config *tls.Config) *tls.Config {
	if config == nil {
		return nil
	}
	config = config.Clone()
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if verify != nil {
			if err := verify(state); err != nil {
				return err
			}
		}
		p.counters.add(func(s *Stats) { s.TLSHandshakes++ })
		return nil
	}
	return config
}
