package snmp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// errDamaged says that an engine's file is not what was written.
var errDamaged = errors.New("damaged")

// engineFile is an identity on disk.
type engineFile struct {
	EngineID string `json:"engine_id"`
	Boots    uint32 `json:"boots"`
	Checksum string `json:"sha256"`
}

func (f engineFile) checksum() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", f.EngineID, f.Boots))
	return hex.EncodeToString(sum[:])
}

func readIdentity(path string) (identity, error) {
	r, err := os.Open(path) //nolint:gosec // below the operator's storage
	if err != nil {
		return identity{}, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return identity{}, err
	}
	i, err := parseIdentity(b)
	if err != nil {
		return identity{}, fmt.Errorf("%s: %w", path, err)
	}
	return i, nil
}

func parseIdentity(b []byte) (identity, error) {
	var f engineFile
	if err := json.Unmarshal(b, &f); err != nil {
		return identity{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	id, err := hex.DecodeString(f.EngineID)
	switch {
	case err != nil || len(id) < 5 || len(id) > 32:
		return identity{}, fmt.Errorf("%w: no engine ID", errDamaged)
	case f.Checksum != f.checksum():
		return identity{}, fmt.Errorf("%w: the checksum is another", errDamaged)
	case f.Boots < 1 || f.Boots > maxBoots:
		return identity{}, fmt.Errorf("%w: no number of starts", errDamaged)
	}
	return identity{string(id), f.Boots}, nil
}

// writeIdentity replaces the file as a whole: after a crash there is either
// the old one or the new one.
func writeIdentity(path string, i identity) error {
	f := engineFile{EngineID: hex.EncodeToString([]byte(i.id)), Boots: i.boots}
	f.Checksum = f.checksum()
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	w, err := os.CreateTemp(folder, ".snmp-engine-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(w.Name()) }() // gone already where all went well
	_, err = w.Write(append(b, '\n'))
	if err == nil {
		err = w.Sync()
	}
	if closed := w.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(w.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // which cannot
		return nil
	}
	d, err := os.Open(folder) //nolint:gosec // below the operator's storage
	if err != nil {
		return err
	}
	err = d.Sync()
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
