package mib

import (
	"sync"
	"time"
)

// fresh is how long a tree serves before another is made.
const fresh = time.Second

// Cache makes trees for agents, at most one a second. All that is asked within
// one request is to be asked of one tree.
type Cache struct {
	model  Model
	source Source
	more   func(View) []Variable

	mu   sync.Mutex
	tree *Tree
	made time.Time
}

// NewCache returns a cache of the trees of a source. More, if not nil, adds
// variables of other modules; it is called for each tree.
func NewCache(m Model, s Source, more func(View) []Variable) *Cache {
	return &Cache{model: m, source: s, more: more}
}

// Tree returns a tree that is at most a second old.
func (c *Cache) Tree() *Tree {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tree != nil && time.Since(c.made) < fresh {
		return c.tree
	}
	v := c.source.View()
	t := c.model.Tree(v)
	if c.more != nil {
		t = t.With(c.more(v))
	}
	c.tree, c.made = t, time.Now()
	return t
}
