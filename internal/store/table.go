package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"time"
)

// table reads and writes the records of one table.
type table[T any] struct {
	name string
	key  func(T) string
}

// checksum covers everything that a row says, its place included (CRC-32C,
// RFC 3720 section 12.1).
func checksum(table, key string, at int64, body []byte) int64 {
	c := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Checksum([]byte(table+"\x00"+key+"\x00"), c)
	sum = crc32.Update(sum, c, binary.BigEndian.AppendUint64(nil, uint64(at))) //nolint:gosec // the same bits
	return int64(crc32.Update(sum, c, body))
}

// put writes records, all of them or none. They are on disk when it returns nil.
func (t table[T]) put(ctx context.Context, s *Store, records ...T) error {
	bodies := make([][]byte, len(records))
	for i, r := range records {
		var err error
		if bodies[i], err = json.Marshal(r); err != nil {
			return fmt.Errorf("storage: %s: %w", t.name, err)
		}
	}
	at := time.Now().UnixMilli()
	query := "INSERT OR REPLACE INTO " + t.name + " (key, at, body, sum) VALUES (?, ?, ?, ?)"
	return s.write(ctx, len(records), query, func(i int) []any {
		key := t.key(records[i])
		return []any{key, at, bodies[i], checksum(t.name, key, at, bodies[i])}
	})
}

// delete removes the records with the given keys, as far as there are any, all
// of them or none.
func (t table[T]) delete(ctx context.Context, s *Store, keys ...string) error {
	query := "DELETE FROM " + t.name + " WHERE key = ?"
	return s.write(ctx, len(keys), query, func(i int) []any { return []any{keys[i]} })
}

// all reads every record that is sound, by key.
func (t table[T]) all(ctx context.Context, s *Store) ([]T, error) {
	if s == nil {
		return nil, ErrUnavailable
	}
	rows, err := s.db.QueryContext(ctx, "SELECT key, at, body, sum FROM "+t.name+" ORDER BY key")
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer func() { _ = rows.Close() }()
	var records []T
	for rows.Next() {
		r, err := t.scan(rows)
		if err != nil {
			s.bad.Add(1)
			s.logger.Warn("A record in the storage is damaged and left out.", "file", s.path, "table", t.name, "err", err)
			continue
		}
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return records, explain(s.path, err)
	}
	return records, nil
}

func (t table[T]) scan(rows *sql.Rows) (record T, err error) {
	r, err := scanRow(t.name, rows)
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(r.body, &record); err != nil {
		return record, fmt.Errorf("record %q: %w", r.key, err)
	}
	return record, nil
}

// row is a record as it is on disk.
type row struct {
	key     string
	at, sum int64
	body    []byte
}

func scanRow(table string, rows *sql.Rows) (r row, err error) {
	if err := rows.Scan(&r.key, &r.at, &r.body, &r.sum); err != nil {
		return r, err
	}
	if got := checksum(table, r.key, r.at, r.body); got != r.sum {
		return r, fmt.Errorf("the checksum of record %q is %08x instead of %08x", r.key, got, r.sum)
	}
	return r, nil
}

// write runs a statement n times in one transaction.
func (s *Store) write(ctx context.Context, n int, query string, args func(int) []any) error {
	if s == nil {
		return ErrUnavailable
	}
	if n == 0 {
		return nil
	}
	return explain(s.path, s.transact(ctx, func(tx *sql.Tx) error {
		statement, err := tx.PrepareContext(ctx, query)
		if err != nil {
			return err
		}
		defer func() { _ = statement.Close() }()
		for i := range n {
			if _, err := statement.ExecContext(ctx, args(i)...); err != nil {
				return err
			}
		}
		return nil
	}))
}

func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
