package store

import (
	"context"
	"database/sql"
	"fmt"
)

// The tables.
const (
	verdictTable    = "verdicts"
	drainTable      = "drains"
	windowTable     = "windows"
	alarmTable      = "alarms"
	toldTable       = "told"
	journalTable    = "journal"
	deadLetterTable = "dead_letters"
	sequenceTable   = "sequences"
)

// tables are in the order in which versions of the schema brought them.
func tables() []string {
	return []string{verdictTable, drainTable, windowTable, alarmTable, toldTable, journalTable, deadLetterTable, sequenceTable}
}

// migrations lead from one version of the schema to the next: the version of a
// file is the number of those done. They only ever add, and a table that was
// released never changes: its records are JSON and grow by fields, and a new
// kind of record is a new table. So an older exporter still works on the file
// of a newer one.
func migrations() []string {
	steps := make([]string, 0, len(tables()))
	for _, name := range tables() {
		steps = append(steps, "CREATE TABLE IF NOT EXISTS "+recordTable(name))
	}
	return steps
}

// recordTable is the definition of a table of records: at is when a record was
// written, in Unix milliseconds, sum the checksum of all the rest.
func recordTable(name string) string {
	return name + " (key TEXT PRIMARY KEY NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, sum INTEGER NOT NULL) STRICT, WITHOUT ROWID"
}

// migrate brings the file to the present version, all in one transaction, and
// makes sure that the tables are what they are thought to be.
func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	steps := migrations()
	for i := max(version, 0); i < len(steps); i++ {
		if _, err := tx.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("schema version %d: %w", i+1, err)
		}
	}
	for _, name := range tables() {
		if err := verify(ctx, tx, name); err != nil {
			return err
		}
	}
	if version < len(steps) {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps))); err != nil {
			return fmt.Errorf("schema version: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	return nil
}

// verify compares a table with its definition, of which SQLite keeps the text.
func verify(ctx context.Context, tx *sql.Tx, name string) error {
	var got string
	const query = "SELECT coalesce(max(sql), '') FROM sqlite_schema WHERE type = 'table' AND name = ?"
	if err := tx.QueryRowContext(ctx, query, name).Scan(&got); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if got != "CREATE TABLE "+recordTable(name) {
		return fmt.Errorf("%w: the table %s is not as it was made", errDamage, name)
	}
	return nil
}
