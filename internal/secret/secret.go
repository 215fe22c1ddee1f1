// Package secret keeps secret values from being seen: a type that never prints
// itself, reads its file again when it changes, and a redactor for texts that
// foreign servers had a hand in.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// MaxBytes bounds a secret, in bytes.
const MaxBytes = 64 << 10

const placeholder = "<secret>"

// Secret is a value that must not be shown. Every way of printing it writes a
// placeholder; Value alone reveals it. The zero Secret is "not set". Copies
// share one source, so a Secret may be copied freely and used by many goroutines.
type Secret struct {
	// reveal is a function, since that is the one thing that fmt, which cannot
	// call methods on an unexported field of somebody's struct, never looks into.
	reveal func() (string, error)
}

// New returns a secret with a fixed value.
func New(value string) Secret { return Secret{func() (string, error) { return value, nil }} }

// FromFile returns a secret that is read from a file and read again whenever
// the file changes. One final line break is dropped. It does not touch the file.
func FromFile(path string) Secret { return Secret{(&file{path: path}).value} }

// IsSet tells whether a value was given, even an empty one.
func (s Secret) IsSet() bool { return s.reveal != nil }

// Value reveals the secret. It is "" where none is set. Errors are of type
// *Error; they name the file and never the value.
func (s Secret) Value() (string, error) {
	if s.reveal == nil {
		return "", nil
	}
	return s.reveal()
}

// String returns a placeholder.
func (s Secret) String() string {
	if s.reveal == nil {
		return ""
	}
	return placeholder
}

// GoString returns a placeholder, for %#v.
func (s Secret) GoString() string { return s.String() }

// Format writes a placeholder whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText writes a placeholder, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue writes a placeholder, for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
