package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/idp-exporter/idp_exporter/internal/balancer"
)

// listener is one open socket and what is served there.
type listener struct {
	*connections
	health bool
	node   string // that /testall speaks of there, "" for the whole
}

// listen opens every listener, or none.
func (s *Server) listen() (err error) {
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if s.options.SystemdSocket {
		sockets, err := activation.Listeners()
		if err != nil {
			return fmt.Errorf("systemd sockets: %w", err)
		}
		for _, l := range sockets {
			if l != nil {
				s.addListener(l, false, "")
			}
		}
		if len(s.listeners) == 0 {
			return errors.New("systemd handed over no stream socket; start the service by its .socket unit, or drop --web.systemd-socket")
		}
	} else if err := s.listenOn(s.options.Addresses, false); err != nil {
		return err
	}
	if len(s.listeners) == 0 {
		return errors.New("nothing to listen on; give --web.listen-address")
	}
	if err := s.listenOn(s.options.HealthAddresses, true); err != nil {
		return err
	}
	return s.checkLocal(s.guard.Load().Local())
}

func (s *Server) listenOn(addresses []string, health bool) error {
	for _, address := range addresses {
		if strings.Contains(address, "://") {
			return fmt.Errorf("listen address %q: give host:port; vsock and other schemes are not supported", address)
		}
		node := ""
		if health {
			var err error
			if node, address, err = balancer.SplitNode(address); err != nil {
				return fmt.Errorf("health listener: %w", err)
			}
		}
		var config net.ListenConfig
		l, err := config.Listen(context.Background(), "tcp", address)
		if err != nil {
			return fmt.Errorf("listen address %q: %w%s", address, err, remedy(err))
		}
		s.addListener(l, health, node)
	}
	return nil
}

// remedy says what to do about an address that cannot be listened on.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "; does the exporter run already? Choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "; the address is none of this machine's"
	case errors.Is(err, os.ErrPermission):
		return "; ports below 1024 want cap_net_bind_service, or choose another"
	default:
		return ""
	}
}

func (s *Server) addListener(l net.Listener, health bool, node string) {
	s.listeners = append(s.listeners, &listener{limitConnections(l, s.options.MaxConnections), health, node})
}

// checkLocal refuses an address that other machines reach, where there is no
// access section.
func (s *Server) checkLocal(local bool) error {
	if !local {
		return nil
	}
	for _, l := range s.listeners {
		if !loopback(l.Addr()) {
			return fmt.Errorf("%s is reachable from other machines and the configuration has no access section: "+
				"add one with a token from `idp_exporter token create`, or listen on 127.0.0.1", l.Addr())
		}
	}
	return nil
}

func loopback(a net.Addr) bool {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

// Addresses returns where the server listens, the health listeners last.
func (s *Server) Addresses() []net.Addr {
	list := make([]net.Addr, 0, len(s.listeners))
	for _, l := range s.listeners {
		list = append(list, l.Addr())
	}
	return list
}
