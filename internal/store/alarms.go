package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/alarm"
)

var _ alarm.Store = (*Store)(nil)

// sequence is the one record of its table: a number that no event has gone
// beyond.
type sequence struct {
	Reserved uint64 `json:"reserved"`
}

func sequences() table[sequence] {
	return table[sequence]{sequenceTable, func(sequence) string { return "events" }}
}

func alarms() table[alarm.Record] {
	return table[alarm.Record]{alarmTable, func(r alarm.Record) string { return r.Key }}
}

func told() table[alarm.Told] {
	return table[alarm.Told]{toldTable, alarm.Told.Key}
}

func journal() table[bridges.Event] {
	return table[bridges.Event]{journalTable, func(e bridges.Event) string { return journalKey(e.Sequence) }}
}

func deadLetters() table[alarm.DeadLetter] {
	return table[alarm.DeadLetter]{deadLetterTable, func(d alarm.DeadLetter) string { return d.ID }}
}

// journalKey sorts as numbers do.
func journalKey(sequence uint64) string { return fmt.Sprintf("%020d", sequence) }

// LoadAlarms returns the alarms kept, what destinations were told of them, the
// journal in order, and dead letters. A damaged record of an alarm is removed,
// since nothing would ever be written in its place.
func (s *Store) LoadAlarms(ctx context.Context) (alarm.Saved, error) {
	var saved alarm.Saved
	numbers, err := sequences().all(ctx, s)
	errs := []error{err}
	for _, n := range numbers {
		saved.Sequence = n.Reserved
	}
	var damaged []string
	saved.Alarms, err = alarms().each(ctx, s, func(key string) { damaged = append(damaged, key) })
	errs = append(errs, err, alarms().delete(ctx, s, damaged...))
	saved.Told, err = told().all(ctx, s)
	errs = append(errs, err)
	saved.Journal, err = journal().all(ctx, s)
	errs = append(errs, err)
	saved.DeadLetters, err = deadLetters().all(ctx, s)
	return saved, errors.Join(append(errs, err)...)
}

// SaveAlarms makes changes to what is kept of alarms, all or none. They cost
// one sync of the disk, however many there are.
func (s *Store) SaveAlarms(ctx context.Context, c alarm.Changes) error {
	if s == nil {
		return ErrUnavailable
	}
	var all []change
	if c.Sequence > 0 {
		all = append(all, sequences().changes([]sequence{{c.Sequence}}, nil))
	}
	dropped := make([]string, len(c.DropJournal))
	for i, n := range c.DropJournal {
		dropped[i] = journalKey(n)
	}
	all = append(all, alarms().changes(c.Alarms, c.DropAlarms), told().changes(c.Told, c.DropTold),
		journal().changes(c.Journal, dropped), deadLetters().changes(c.DeadLetters, c.DropDeadLetters))
	return explain(s.path, s.transact(ctx, func(tx *sql.Tx) error {
		for _, do := range all {
			if err := do(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	}))
}

// change is a part of a transaction.
type change func(context.Context, *sql.Tx) error

// changes returns the change that drops and then puts records.
func (t table[T]) changes(put []T, drop []string) change {
	return func(ctx context.Context, tx *sql.Tx) error {
		err := repeat(ctx, tx, len(drop), t.deletion(), func(i int) ([]any, error) { return []any{drop[i]}, nil })
		if err != nil {
			return err
		}
		at := now()
		return repeat(ctx, tx, len(put), t.replacement(), func(i int) ([]any, error) {
			body, err := json.Marshal(put[i])
			if err != nil {
				return nil, errors.New("storage: " + t.name + ": record " + strconv.Itoa(i) + ": " + err.Error())
			}
			key := t.key(put[i])
			return []any{key, at, body, checksum(t.name, key, at, body)}, nil
		})
	}
}
