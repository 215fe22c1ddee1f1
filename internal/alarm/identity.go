package alarm

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"
)

// maxSlug is how many bytes of an ID are a name for people.
const maxSlug = 32

// ProbeID returns the ID of the alarm of a probe on a node, as an exporter sees it:
// another, which may watch another provider or from another place, must not clear
// it. It stays the same over restarts.
func ProbeID(exporter, probe, node string) string {
	h := sha256.New()
	fields(h, "probe", exporter, probe, node)
	name := probe
	if node != "" {
		name += "-" + node
	}
	return id(name, h)
}

// AlertID returns the ID of the alarm of an alert: of all its labels but the
// severity and those by which replicas of a Prometheus server differ.
func AlertID(labels map[string]string, severityLabel string, replicaLabels []string) string {
	h := sha256.New()
	fields(h, "alert")
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != severityLabel && !slices.Contains(replicaLabels, name) {
			fields(h, name, labels[name])
		}
	}
	return id(labels["alertname"], h)
}

// sourceID tells the alerts apart that share an alarm.
func sourceID(labels map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		fields(h, name, labels[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// fields hashes texts so that no two lists of texts are the same to the hash.
func fields(h hash.Hash, texts ...string) {
	for _, s := range texts {
		h.Write(binary.AppendUvarint(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
}

func id(name string, h hash.Hash) string {
	sum := hex.EncodeToString(h.Sum(nil)[:12])
	if s := slug(name); s != "" {
		return s + "-" + sum
	}
	return sum
}

// slug spells a name in [a-z0-9-].
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if b.Len() >= maxSlug {
			break
		}
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
