package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/idp-exporter/idp_exporter/internal/state"
	"github.com/idp-exporter/idp_exporter/probes"
)

// VerdictRecord is what is kept of one probe on one node.
type VerdictRecord struct {
	Key state.Key `json:"key"`
	// Fingerprint is that of the probe's settings: a verdict says nothing of a
	// probe that has changed since.
	Fingerprint string `json:"fingerprint"`
	// Verdict is the damped outcome and Since when it last changed.
	Verdict probes.Outcome `json:"verdict"`
	Since   time.Time      `json:"since,omitzero"`
	// LastConclusive is the latest run whose outcome is not unknown, nil if none.
	LastConclusive *probes.Result `json:"last_conclusive,omitempty"`
	// LastPass is when the latest run that passed started, Seen when the latest
	// run of all ended.
	LastPass time.Time `json:"last_pass,omitzero"`
	Seen     time.Time `json:"seen,omitzero"`
	// UnknownSince is when inconclusive runs began, zero if the last was conclusive.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	// NotBefore is when a deliberate back-off ends, zero if there is none.
	NotBefore time.Time `json:"not_before,omitzero"`
	// PassRow and FailRow count the conclusive runs in a row, of which one is 0.
	PassRow int `json:"pass_row,omitempty"`
	FailRow int `json:"fail_row,omitempty"`
}

// verdictAge is how long a verdict is kept that nothing renews; it is of no use
// long before.
const verdictAge = 7 * 24 * time.Hour

func verdicts() table[VerdictRecord] {
	return table[VerdictRecord]{verdictTable, func(r VerdictRecord) string { return verdictKey(r.Key) }}
}

// verdictKey spells a key as JSON, which no choice of names can make ambiguous.
func verdictKey(k state.Key) string {
	b, _ := json.Marshal([]string{k.Probe, k.Node}) // strings always marshal
	return string(b)
}

// SaveVerdicts keeps the given verdicts in place of earlier ones with the same
// keys, all or none. It costs one sync of the disk, however many there are.
func (s *Store) SaveVerdicts(ctx context.Context, records []VerdictRecord) error {
	return verdicts().put(ctx, s, records...)
}

// LoadVerdicts returns every verdict kept. Open has removed those that were
// written more than a week before.
func (s *Store) LoadVerdicts(ctx context.Context) ([]VerdictRecord, error) {
	return verdicts().all(ctx, s)
}

// ForgetVerdicts removes the verdicts of probes that are gone.
func (s *Store) ForgetVerdicts(ctx context.Context, keys ...state.Key) error {
	spelled := make([]string, len(keys))
	for i, k := range keys {
		spelled[i] = verdictKey(k)
	}
	return verdicts().delete(ctx, s, spelled...)
}

// dropOldVerdicts deletes the verdicts that nothing has renewed. A record whose
// checksum is wrong may not be as old as it says and stays, to be counted.
func (s *Store) dropOldVerdicts(ctx context.Context) error {
	rows, err := s.db.QueryContext(ctx, "SELECT key, at, body, sum FROM "+verdictTable+" WHERE at < ?", time.Now().Add(-verdictAge).UnixMilli())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var old []string
	for rows.Next() {
		if r, err := scanRow(verdictTable, rows); err == nil {
			old = append(old, r.key)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	return verdicts().delete(ctx, s, old...)
}
