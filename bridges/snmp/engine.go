package snmp

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// engine is the SNMP engine that a bridge's v3 traps come from. Receivers know
// it by its ID and refuse what is older than what they saw, so the number of
// its starts has to outlive a restart (RFC 3414, section 2.2).
type engine struct {
	path       string // empty keeps nothing
	enterprise uint32
	log        *slog.Logger

	mu      sync.Mutex
	current identity
	started time.Time // zero until the start is on disk
}

// identity is what an engine keeps.
type identity struct {
	id    string // the octets
	boots uint32
}

// maxBoots is where the number of starts stays; the engine then needs another
// ID (RFC 3414, section 2.2.2).
const maxBoots = math.MaxInt32

func newEngine(folder, bridge string, enterprise uint32, log *slog.Logger) *engine {
	e := &engine{enterprise: enterprise, log: log}
	if folder != "" {
		e.path = enginePath(folder, bridge)
	}
	return e
}

func enginePath(folder, bridge string) string {
	return filepath.Join(folder, "snmp-engine-"+url.PathEscape(bridge)+".json")
}

// EngineID returns the ID, in the notation of receivers, and the number of
// starts of the SNMP engine that a bridge's v3 traps come from. It changes nothing.
func EngineID(folder, bridge string) (id string, boots uint32, err error) {
	i, err := readIdentity(enginePath(folder, bridge))
	if err != nil {
		return "", 0, err
	}
	return i.String(), i.boots, nil
}

// String returns the engine ID as net-snmp's createUser takes it.
func (i identity) String() string { return "0x" + hex.EncodeToString([]byte(i.id)) }

// name is the engine ID for people.
func (e *engine) name() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.started.IsZero() {
		return "not known yet"
	}
	return e.current.String()
}

// now returns the engine's identity and the seconds since its start. Its start
// is on disk before the first answer.
func (e *engine) now() (identity, uint32, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.start(); err != nil {
		return identity{}, 0, err
	}
	return e.current, uint32(time.Since(e.started) / time.Second), nil //nolint:gosec // good for 136 years
}

func (e *engine) open() error {
	_, _, err := e.now()
	return err
}

// start counts this start. It needs mu.
func (e *engine) start() error {
	if !e.started.IsZero() {
		return nil
	}
	next, err := e.next()
	if err != nil {
		return err
	}
	if e.path != "" {
		if err := writeIdentity(e.path, next); err != nil {
			return fmt.Errorf("the start of the SNMP engine cannot be kept, so receivers would refuse what follows the next start: %w", err)
		}
	}
	e.current, e.started = next, time.Now()
	e.log.Info("SNMP engine of v3 traps", "engine_id", next.String(), "boots", next.boots)
	return nil
}

// next is the identity of a new start.
func (e *engine) next() (identity, error) {
	if e.path == "" {
		i := e.fresh()
		e.log.Warn("without storage, v3 traps come from a new SNMP engine after each start; register it at every receiver", "engine_id", i.String())
		return i, nil
	}
	last, err := readIdentity(e.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i := e.fresh()
		e.log.Warn("new SNMP engine; register it at every receiver of v3 traps", "engine_id", i.String())
		return i, nil
	case errors.Is(err, errDamaged):
		i := e.fresh()
		aside := e.path + ".damaged"
		if err := os.Rename(e.path, aside); err != nil {
			return identity{}, err
		}
		e.log.Error("the file of the SNMP engine is damaged; v3 traps now come from a new engine, which receivers refuse until it is registered there",
			"engine_id", i.String(), "set_aside", aside, "err", err)
		return i, nil
	case err != nil:
		return identity{}, err
	case last.boots >= maxBoots-1:
		i := e.fresh()
		e.log.Error("the SNMP engine has started as often as it can; v3 traps now come from a new one, which receivers refuse until it is registered there",
			"engine_id", i.String(), "last_engine_id", last.String())
		return i, nil
	}
	last.boots++
	return last, nil
}

// fresh makes an engine ID of the enterprise and random octets (RFC 3411,
// section 5, SnmpEngineID).
func (e *engine) fresh() identity {
	id := make([]byte, 17)
	binary.BigEndian.PutUint32(id, e.enterprise|1<<31)
	id[4] = 5 // octets
	_, _ = rand.Read(id[5:])
	return identity{string(id), 1}
}
