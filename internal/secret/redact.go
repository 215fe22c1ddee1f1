package secret

import (
	"slices"
	"strings"
	"sync"
)

// minRedacted is the length, in bytes, below which a value is not searched for:
// shorter ones would mangle ordinary words.
const minRedacted = 4

// Redactor removes secret values from texts, in the spellings they travel in.
// It may be used by many goroutines. The zero Redactor knows no secrets.
type Redactor struct {
	mu     sync.Mutex
	values map[string]struct{}
	// fresh are the values whose spellings are not listed yet: most redactors
	// never meet a text, and listing costs more than a login's other work.
	fresh     []string
	spellings map[string]struct{}
}

// Add makes the redactor remove the values from now on. Values shorter than
// four bytes are left out.
func (r *Redactor) Add(values ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range values {
		if _, known := r.values[v]; known || len(v) < minRedacted {
			continue
		}
		if r.values == nil {
			r.values = make(map[string]struct{})
		}
		r.values[v] = struct{}{}
		r.fresh = append(r.fresh, v)
	}
}

// list spells out the values that were added since the last text. It needs mu.
func (r *Redactor) list() {
	if r.spellings == nil {
		r.spellings = make(map[string]struct{})
	}
	for _, v := range r.fresh {
		for _, s := range spellings(v) {
			r.spellings[s] = struct{}{}
		}
	}
	r.fresh = nil
}

// span is a part of a text, from and to in bytes.
type span struct{ from, to int }

// String returns s with every known secret replaced. Where secrets overlap or
// touch, one placeholder stands for them all, so that no end of one is left.
func (r *Redactor) String(s string) string {
	spans := r.find(s)
	if len(spans) == 0 {
		return s
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	var b strings.Builder
	done := 0 // all before it is written or left out
	for i, sp := range spans {
		if i == 0 || sp.from > done {
			b.WriteString(s[done:sp.from])
			b.WriteString(placeholder)
		}
		done = max(done, sp.to)
	}
	b.WriteString(s[done:])
	return b.String()
}

// find returns every place where a spelling stands, overlapping ones included.
func (r *Redactor) find(s string) []span {
	if len(s) < minRedacted {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list()
	var spans []span
	for v := range r.spellings {
		for from := 0; ; {
			i := strings.Index(s[from:], v)
			if i < 0 {
				break
			}
			spans = append(spans, span{from + i, from + i + len(v)})
			from += i + 1
		}
	}
	return spans
}
