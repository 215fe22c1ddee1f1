package agentx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/probes"
)

const (
	firstPause, longestPause = time.Second, time.Minute
	// silence is after how long a master is asked whether it is there.
	silence = 30 * time.Second
)

// Config are the settings of the subagent.
type Config struct {
	// Address is where the master listens: the path of a socket, such as
	// /var/agentx/master, or host:port, such as 127.0.0.1:705.
	Address string `yaml:"address"`
}

// Check reports everything that is wrong with the settings.
func (c Config) Check() []probes.Problem {
	if _, _, err := c.dial(); err != nil {
		return []probes.Problem{{Path: "address", Message: err.Error()}}
	}
	return nil
}

// dial returns network and address as package net takes them.
func (c Config) dial() (network, address string, err error) {
	switch network, address, named := strings.Cut(c.Address, ":"); {
	case c.Address == "":
		return "", "", errors.New("write the path of snmpd's socket, such as /var/agentx/master, or its host:port")
	case named && network == "unix":
		return "unix", address, nil
	case named && network == "tcp" && strings.Contains(address, ":"):
		c.Address = address
	case strings.HasPrefix(c.Address, "/"):
		return "unix", c.Address, nil
	}
	_, port, err := net.SplitHostPort(c.Address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", "", fmt.Errorf("%q is neither the path of a socket, such as /var/agentx/master, nor host:port", c.Address)
	}
	return "tcp", c.Address, nil
}

// Subagent serves a tree under a master agent.
type Subagent struct {
	network, address string
	model            mib.Model
	cache            *mib.Cache
	log              *slog.Logger
	silence          time.Duration
}

// New returns a subagent, which connects once it runs.
func New(c Config, m mib.Model, s mib.Source, log *slog.Logger) (*Subagent, error) {
	network, address, err := c.dial()
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	return &Subagent{network, address, m, mib.NewCache(m, s, nil), log, silence}, nil
}

// Run serves until ctx ends. A master that is not there, or goes, is looked
// for again, at intervals that grow up to a minute.
func (s *Subagent) Run(ctx context.Context) error {
	pause, quiet := firstPause, false
	for {
		served, err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end that was asked for
		}
		if served {
			pause, quiet = firstPause, false
		}
		if !quiet { // once is enough for a master that stays away
			s.log.Warn("no AgentX master serves the SNMP tree; is snmpd running, with `master agentx`?", "address", s.address, "err", err)
			quiet = true
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause/2)): //nolint:gosec // jitter
		}
		pause = min(2*pause, longestPause)
	}
}

// connect serves one session and tells whether it came about.
func (s *Subagent) connect(ctx context.Context) (served bool, err error) {
	d := net.Dialer{Timeout: patience}
	conn, err := d.DialContext(ctx, s.network, s.address)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	session := &session{conn: conn, cache: s.cache}
	if err := session.open(ctx, s.model.Base, "idp_exporter"); err != nil {
		return false, err
	}
	s.log.Info("an AgentX master serves the SNMP tree", "address", s.address, "base_oid", s.model.Base.String())
	defer session.close()
	return true, session.serve(ctx, s.silence)
}
