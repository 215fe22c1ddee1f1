package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/config/strict"
)

// maxExpanded bounds the values of an expanded file.
const maxExpanded = 200_000

// Expanded reads and checks a file and returns it written out: presets as the
// probes they stand for, aliases resolved, comments only where a probe came
// from. It loads to the same probes, save for secrets that stand in the file
// itself: they are left out, and marked. A file with a mistake is the error of
// [Load]; where it is only not filled in yet, it is written out all the same.
func Expanded(path string, kinds Kinds) ([]byte, *Config, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	return expand(strict.Parse(f, path, filepath.Dir(path)), kinds)
}

// ExpandedText is [Expanded] of a configuration in memory; name stands for the
// file in messages.
func ExpandedText(content []byte, name string, kinds Kinds) ([]byte, *Config, error) {
	return expand(strict.Parse(bytes.NewReader(content), name, "."), kinds)
}

func expand(doc *strict.Document, kinds Kinds) ([]byte, *Config, error) {
	c, errs := examine(doc, kinds, (*loader).everything)
	if !errs.Unfilled() {
		return nil, nil, errs
	}
	w := writer{doc: doc}
	root, err := w.copy(doc.Root)
	if err != nil {
		return nil, nil, err
	}
	w.presets(root, c)
	var b bytes.Buffer
	_, _ = io.WriteString(&b, "# Expanded by idp_exporter check-config --print-expanded.\n")
	if w.left {
		_, _ = fmt.Fprintf(&b, "# %s stands for secrets that the file holds itself.\n", hidden)
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(root), e.Close()); err != nil {
		return nil, nil, fmt.Errorf("writing the expanded configuration: %w", err)
	}
	if len(errs) > 0 {
		return b.Bytes(), c, errs
	}
	return b.Bytes(), c, nil
}

// writer copies a document's nodes to be written.
type writer struct {
	doc   *strict.Document
	nodes int
	// within is the section, or the mapping of the operator's own keys, that is
	// being copied.
	within string
	list   string // the key whose list is being copied
	left   bool   // secrets out
}

var errTooMuch = errors.New("the configuration is too large to be written out; are aliases nested?")

// copy resolves aliases and merges, and leaves out comments and secrets.
func (w *writer) copy(n *yaml.Node) (*yaml.Node, error) {
	if w.nodes++; w.nodes > maxExpanded {
		return nil, errTooMuch
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style &^ yaml.TaggedStyle}
	switch n.Kind {
	case yaml.ScalarNode:
		if w.secret(n) {
			w.hide(c, hidden)
		}
	case yaml.MappingNode:
		c.Style &^= yaml.FlowStyle
		return c, w.mapping(n, c)
	default:
		for i, child := range n.Content {
			copied, err := w.copy(child)
			if err != nil {
				return nil, err
			}
			if copied.Kind == yaml.ScalarNode && copied.LineComment == "" {
				w.hideItem(c.Content, i, copied)
			}
			c.Content = append(c.Content, copied)
			if copied.Kind != yaml.ScalarNode || copied.LineComment != "" {
				c.Style &^= yaml.FlowStyle
			}
		}
	}
	return c, nil
}

func (w *writer) mapping(from, to *yaml.Node) error {
	top := from == w.doc.Root
	for _, e := range w.doc.Entries(from) {
		key := e.Key.Value
		if top && strings.HasPrefix(key, "x-") {
			continue // a place for anchors, which are resolved
		}
		outer := w.within
		if top || free[key] {
			w.within = key
		}
		w.list = key
		value, err := w.copy(e.Value)
		if err != nil {
			return err
		}
		if value.Kind == yaml.ScalarNode && value.LineComment == "" {
			w.hideText(key, value)
		}
		w.within = outer
		to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: e.Key.Tag, Value: key, Style: e.Key.Style}, value)
	}
	return nil
}

// presets puts the expanded probes in the place of the providers' presets.
func (w *writer) presets(root *yaml.Node, c *Config) {
	expanded := c.expanded
	if len(expanded) == 0 && !w.has(root, "providers") {
		return
	}
	for i, p := range w.listOf(root, "providers").Content {
		if c.unexpanded[fmt.Sprintf("providers[%d]", i)] {
			continue
		}
		remove(p, "preset")
		remove(p, "preset_settings")
	}
	if len(expanded) > 0 {
		probes := w.listOf(root, "probes")
		probes.Content = append(probes.Content, expanded...)
	}
}

func (w *writer) has(n *yaml.Node, key string) bool {
	return slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return c.Value == key })
}

// listOf returns the sequence of a key, made if there is none.
func (w *writer) listOf(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			if n.Content[i+1].Kind != yaml.SequenceNode { // null
				n.Content[i+1] = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
			}
			n.Content[i+1].Style &^= yaml.FlowStyle
			return n.Content[i+1]
		}
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, list)
	return list
}

func remove(n *yaml.Node, key string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return
		}
	}
}
