package collector

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/idp-exporter/idp_exporter/internal/state"
)

// layout is what scrapes share as long as the configured entries stay the same:
// the labels of each in the form of the text formats, and the orders to show
// them in. It is never changed.
type layout struct {
	tags []tags
	// byKind and byNode are indexes of the entries in the order of kind, node
	// and probe, and of node and probe.
	byKind, byNode []int
	pairs          func() [][]*dto.LabelPair
}

// tags are the labels of one entry.
type tags struct {
	key                      state.Key
	kind, provider, severity string
	gates                    bool
	// text holds all labels, escaped and sorted by name. Those of fewer are a
	// part of it: from kindAt or nodeAt to end.
	text                string
	kindAt, nodeAt, end int
	// valid tells which sets of labels are of UTF-8 only.
	valid [noLabels + 1]bool
}

// Positions of an entry's labels among all of them.
const (
	pairKind  = 1
	pairNode  = 2
	pairAfter = 4
)

func newLayout(entries []state.Entry) *layout {
	l := &layout{tags: make([]tags, len(entries)), byKind: make([]int, len(entries)), byNode: make([]int, len(entries))}
	for i := range entries {
		l.tags[i] = newTags(&entries[i])
		l.byKind[i], l.byNode[i] = i, i
	}
	byNode := func(a, b *tags) int {
		return cmp.Or(cmp.Compare(a.key.Node, b.key.Node), cmp.Compare(a.key.Probe, b.key.Probe))
	}
	slices.SortFunc(l.byNode, func(i, j int) int { return byNode(&l.tags[i], &l.tags[j]) })
	slices.SortFunc(l.byKind, func(i, j int) int {
		a, b := &l.tags[i], &l.tags[j]
		return cmp.Or(cmp.Compare(a.kind, b.kind), byNode(a, b))
	})
	l.pairs = sync.OnceValue(l.newPairs)
	return l
}

// fits tells whether the layout is that of the entries. Comparing strings that
// share their bytes, as those of the same configuration do, costs next to nothing.
func (l *layout) fits(entries []state.Entry) bool {
	if l == nil || len(l.tags) != len(entries) {
		return false
	}
	for i := range entries {
		e, t := &entries[i], &l.tags[i]
		if e.Key != t.key || e.Kind != t.kind || e.Provider != t.provider || string(e.Severity) != t.severity || e.Gates != t.gates {
			return false
		}
	}
	return true
}

func newTags(e *state.Entry) tags {
	t := tags{key: e.Key, kind: e.Kind, provider: e.Provider, severity: string(e.Severity), gates: e.Gates}
	t.valid[noLabels] = true
	t.valid[nodeLabels] = utf8.ValidString(e.Probe) && utf8.ValidString(e.Node)
	t.valid[kindLabels] = t.valid[nodeLabels] && utf8.ValidString(e.Kind)
	t.valid[infoLabels] = t.valid[kindLabels] && utf8.ValidString(e.Provider) && utf8.ValidString(string(e.Severity))
	b := appendLabel(nil, "gates", strconv.FormatBool(e.Gates))
	t.kindAt = len(b) + 1
	b = appendLabel(b, "kind", e.Kind)
	t.nodeAt = len(b) + 1
	b = appendLabel(appendLabel(b, "node", e.Node), "probe", e.Probe)
	t.end = len(b)
	t.text = string(appendLabel(appendLabel(b, "provider", e.Provider), "severity", string(e.Severity)))
	return t
}

// of returns the labels of a set.
func (t *tags) of(l entryLabels) string {
	switch l {
	case infoLabels:
		return t.text
	case kindLabels:
		return t.text[t.kindAt:t.end]
	case nodeLabels:
		return t.text[t.nodeAt:t.end]
	}
	return ""
}

// newPairs returns the labels of all entries for protobuf.
func (l *layout) newPairs() [][]*dto.LabelPair {
	names := [...]*string{
		proto.String("gates"), proto.String("kind"), proto.String("node"), proto.String("probe"), proto.String("provider"), proto.String("severity"),
	}
	all := make([][]*dto.LabelPair, len(l.tags))
	for i := range l.tags {
		t := &l.tags[i]
		gates := strconv.FormatBool(t.gates)
		values := [...]*string{&gates, &t.kind, &t.key.Node, &t.key.Probe, &t.provider, &t.severity}
		all[i] = make([]*dto.LabelPair, len(names))
		for j := range names {
			all[i][j] = &dto.LabelPair{Name: names[j], Value: values[j]}
		}
	}
	return all
}

// pairsOf returns the labels of a set for protobuf.
func pairsOf(all []*dto.LabelPair, l entryLabels) []*dto.LabelPair {
	switch l {
	case infoLabels:
		return all
	case kindLabels:
		return all[pairKind:pairAfter]
	case nodeLabels:
		return all[pairNode:pairAfter]
	}
	return nil
}

// appendLabel appends a label as the text formats write it, after a comma
// unless it is the first.
func appendLabel(b []byte, name, value string) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	b = append(append(b, name...), '=', '"')
	return append(appendEscaped(b, value), '"')
}

// appendEscaped appends a label value, escaped: the two text formats agree.
func appendEscaped(b []byte, value string) []byte {
	for {
		i := strings.IndexAny(value, "\\\n\"")
		if i < 0 {
			return append(b, value...)
		}
		b = append(append(b, value[:i]...), '\\', value[i])
		if value[i] == '\n' {
			b[len(b)-1] = 'n'
		}
		value = value[i+1:]
	}
}
