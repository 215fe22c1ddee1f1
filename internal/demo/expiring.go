package demo

import (
	"container/list"
	"sync"
	"time"
)

// expiring is a map whose entries live for one fixed time and whose size is
// capped: when full, the oldest entry gives way. It is safe for concurrent use.
// Values are shared, so they must not be changed once put.
type expiring[V any] struct {
	lifetime time.Duration
	limit    int

	mu      sync.Mutex
	entries map[string]*list.Element // of *expiringEntry[V]
	oldest  *list.List               // oldest first, which is also first to expire
}

type expiringEntry[V any] struct {
	key     string
	value   V
	expires time.Time
}

func newExpiring[V any](lifetime time.Duration, limit int) *expiring[V] {
	return &expiring[V]{lifetime: lifetime, limit: limit, entries: map[string]*list.Element{}, oldest: list.New()}
}

// put stores a value under a key never used before, and returns when it expires.
// What has expired is dropped now; no timer runs for it.
func (e *expiring[V]) put(key string, value V) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	for first := e.oldest.Front(); first != nil; first = e.oldest.Front() {
		if entry := first.Value.(*expiringEntry[V]); now.Before(entry.expires) && e.oldest.Len() < e.limit {
			break
		}
		e.remove(first)
	}
	entry := &expiringEntry[V]{key, value, now.Add(e.lifetime)}
	e.entries[key] = e.oldest.PushBack(entry)
	return entry.expires
}

// get returns the value while it lives.
func (e *expiring[V]) get(key string) (V, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.live(key)
}

// take returns the value and removes it, so that of several callers only one gets it.
func (e *expiring[V]) take(key string) (V, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	value, ok := e.live(key)
	if element := e.entries[key]; element != nil {
		e.remove(element)
	}
	return value, ok
}

// size is the number of entries held, expired ones not yet dropped included.
func (e *expiring[V]) size() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.entries)
}

func (e *expiring[V]) live(key string) (value V, ok bool) {
	element := e.entries[key]
	if element == nil {
		return value, false
	}
	entry := element.Value.(*expiringEntry[V])
	if !time.Now().Before(entry.expires) {
		return value, false
	}
	return entry.value, true
}

func (e *expiring[V]) remove(element *list.Element) {
	entry := e.oldest.Remove(element).(*expiringEntry[V])
	delete(e.entries, entry.key)
}
