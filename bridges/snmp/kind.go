package snmp

import (
	"fmt"
	"log/slog"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// Kind returns the kind of bridge that this package is.
func Kind() bridges.Kind {
	return bridges.Kind{
		Name:       "snmp",
		Summary:    "SNMP traps and informs, v1, v2c and v3.",
		NewOptions: func() bridges.Options { return &Options{} },
	}
}

// New opens the bridge. Where destinations get v3 traps, the number of starts
// of the bridge's SNMP engine is raised on disk.
func (o *Options) New(s bridges.Setting) ([]bridges.Destination, error) {
	model, err := mib.New(s.BaseOID)
	if err != nil {
		return nil, fmt.Errorf("base_oid: %w", err)
	}
	log := s.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("bridge", s.Name)
	var own *engine
	out := make([]bridges.Destination, len(o.Destinations))
	for i, d := range o.Destinations {
		d, err := d.settled()
		if err != nil {
			return nil, fmt.Errorf("destinations[%d]: %w", i, err)
		}
		if d.Version == v3 && !d.Inform && own == nil {
			own = newEngine(s.Storage, s.Name, model.Enterprise(), log)
			if err := own.open(); err != nil {
				log.Error("no v3 trap is sent until this is mended", "err", err)
			}
		}
		sender, err := newSender(d, model, s, own)
		if err != nil {
			return nil, fmt.Errorf("destinations[%d]: %w", i, err)
		}
		out[i] = bridges.Destination{
			Name: d.Name, Acknowledged: d.Inform, Proof: proof(d, own), Deliverer: sender,
		}
	}
	return out, nil
}

func proof(d Destination, own *engine) string {
	switch {
	case d.Inform:
		return "acknowledged by an inform response: the receiver has it; what it did with it is not known"
	case d.Version == v3:
		return fmt.Sprintf("a trap has no acknowledgement: look for its id in the console, which must know this sender's engine ID (%s) and user %s", own.name(), d.V3.User)
	default:
		return "a trap has no acknowledgement: look for its id in the console"
	}
}
