package state

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// What nodes can disagree about. These are label values.
const (
	DisagreeJWKS        = "jwks"        // the ids of the keys in the key set
	DisagreeClock       = "clock"       // the time
	DisagreeCertificate = "certificate" // the end of the certificate
	DisagreeDiscovery   = "discovery"   // the discovery document
)

// DisagreementKinds lists everything that nodes can disagree about.
func DisagreementKinds() []string {
	return []string{DisagreeJWKS, DisagreeClock, DisagreeCertificate, DisagreeDiscovery}
}

// mark is a fact of which nodes that agree have the same: id is compared, text
// is for people.
type mark struct{ id, text string }

// marks are the facts of a run that nodes can disagree about; what was not
// measured is empty or nil.
type marks struct {
	jwks, certificate, discovery mark
	clock                        *time.Duration
}

func marksOf(f probes.Facts) marks {
	m := marks{clock: f.ClockOffset, discovery: mark{f.DiscoveryDigest, shorten(f.DiscoveryDigest)}}
	if t := f.CertificateNotAfter.UTC(); !t.IsZero() {
		m.certificate = mark{t.Format(time.RFC3339), t.Format(time.RFC3339)}
	}
	if f.JWKSKeys != nil {
		m.jwks = keySetMark(f.KeyIDs)
	}
	return m
}

func keySetMark(ids []string) mark {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	h := sha256.New()
	spelled := make([]string, 0, min(len(ids), listed+1))
	for _, id := range ids {
		_, _ = fmt.Fprintf(h, "%d:%s,", len(id), id)
		if len(spelled) <= listed {
			spelled = append(spelled, shorten(id))
		}
	}
	text := strings.Join(spelled, ", ")
	if len(ids) > listed {
		text = fmt.Sprintf("%s and %d more", strings.Join(spelled[:listed], ", "), len(ids)-listed)
	}
	return mark{hex.EncodeToString(h.Sum(nil)), text}
}

// shorten makes a foreign string short and valid.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}
