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
	at := now()
	return s.write(ctx, len(records), t.replacement(), func(i int) []any {
		key := t.key(records[i])
		return []any{key, at, bodies[i], checksum(t.name, key, at, bodies[i])}
	})
}

// now is a time as records hold it.
func now() int64 { return time.Now().UnixMilli() }

func (t table[T]) replacement() string {
	return "INSERT OR REPLACE INTO " + t.name + " (key, at, body, sum) VALUES (?, ?, ?, ?)"
}

func (t table[T]) deletion() string { return "DELETE FROM " + t.name + " WHERE key = ?" }

// delete removes the records with the given keys, as far as there are any, all
// of them or none.
func (t table[T]) delete(ctx context.Context, s *Store, keys ...string) error {
	return s.write(ctx, len(keys), t.deletion(), func(i int) []any { return []any{keys[i]} })
}

// all reads every record that is sound, by key.
func (t table[T]) all(ctx context.Context, s *Store) ([]T, error) {
	return t.each(ctx, s, func(string) {})
}

// each is all, and tells the keys of the records that are not sound.
func (t table[T]) each(ctx context.Context, s *Store, damaged func(key string)) ([]T, error) {
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
		key, r, err := t.scan(rows)
		if err != nil {
			damaged(key)
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

func (t table[T]) scan(rows *sql.Rows) (key string, record T, err error) {
	r, err := scanRow(t.name, rows)
	if err != nil {
		return r.key, record, err
	}
	if err := json.Unmarshal(r.body, &record); err != nil {
		return r.key, record, fmt.Errorf("record %q: %w", r.key, err)
	}
	return r.key, record, nil
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
		return repeat(ctx, tx, n, query, func(i int) ([]any, error) { return args(i), nil })
	}))
}

// repeat runs a statement n times.
func repeat(ctx context.Context, tx *sql.Tx, n int, query string, args func(int) ([]any, error)) error {
	if n == 0 {
		return nil
	}
	statement, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = statement.Close() }()
	for i := range n {
		values, err := args(i)
		if err != nil {
			return err
		}
		if _, err := statement.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) transact(ctx context.Context, do func(*sql.Tx) error) error {
	if s.temporary != "" {
		return ErrReadOnly
	}
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
