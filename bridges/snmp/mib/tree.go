package mib

import (
	"hash/fnv"
	"slices"
	"strings"
)

// Variable is one variable with its value.
type Variable struct {
	OID   OID
	Value Value
}

// Tree is a part of the tree of names with its values, as it was at one moment.
// It is not changed once it was made.
type Tree struct {
	// variables are in order.
	variables []Variable
	// types are the objects that the tree may have instances of.
	types []OID
}

// NewTree makes a tree of variables in any order.
func NewTree(variables []Variable) *Tree {
	slices.SortFunc(variables, func(a, b Variable) int { return a.OID.Compare(b.OID) })
	return &Tree{variables: variables}
}

// Tree returns what agents serve of a view.
func (m Model) Tree(v View) *Tree {
	root := m.Base.Child(objects)
	var all []Variable
	var types []OID
	all, types = addRows(all, types, root, alarms(), v.Alarms)
	all, types = addScalars(all, types, root, counts(), v)
	all, types = addRows(all, types, root, probeTable(), v.Probes)
	all, types = addScalars(all, types, root, status(), v)
	t := NewTree(all)
	t.types = types
	return t
}

func addScalars(all []Variable, types []OID, root OID, g group[View], v View) ([]Variable, []OID) {
	for _, o := range g.objects {
		oid := root.Child(g.arc, o.arc)
		all, types = append(all, Variable{oid.Child(0), o.value(v)}), append(types, oid)
	}
	return all, types
}

func addRows[T any](all []Variable, types []OID, root OID, t table[T], rows []T) ([]Variable, []OID) {
	indexes := rowIndexes(rows, t.key)
	for _, c := range t.columns {
		column := root.Child(t.arc, 1, c.arc)
		types = append(types, column)
		for i, row := range rows {
			if indexes[i] != 0 {
				all = append(all, Variable{column.Child(indexes[i]), c.value(row)})
			}
		}
	}
	return all, types
}

// rowIndexes gives each row a number from 1 to 2^31-1 that depends on its key
// alone, as long as no two keys fall together: those take the next free one, in
// the order of their keys. A row whose key was there before gets 0.
func rowIndexes[T any](rows []T, key func(T) string) []uint32 {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return strings.Compare(key(rows[a]), key(rows[b]))
	})
	out, taken := make([]uint32, len(rows)), make(map[uint32]bool, len(rows))
	for n, i := range order {
		if n > 0 && key(rows[order[n-1]]) == key(rows[i]) {
			continue
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(key(rows[i])))
		index := h.Sum32() & 0x7fffffff
		for index == 0 || taken[index] {
			index = (index + 1) & 0x7fffffff
		}
		taken[index] = true
		out[i] = index
	}
	return out
}

// With returns a tree that has the given variables too. Their objects are those
// that they stand below.
func (t *Tree) With(more []Variable) *Tree {
	w := NewTree(slices.Concat(t.variables, more))
	w.types = slices.Clone(t.types)
	for _, v := range more {
		w.types = append(w.types, v.OID[:len(v.OID)-1])
	}
	return w
}

// Get returns the value of one variable. Where there is none, known tells
// whether the tree knows the object and lacks only the instance.
func (t *Tree) Get(o OID) (v Value, ok, known bool) {
	i, found := t.search(o)
	if found {
		return t.variables[i].Value, true, true
	}
	for _, typ := range t.types {
		if o.Under(typ) {
			return Value{}, false, true
		}
	}
	return Value{}, false, false
}

// Next returns the first variable after o, or at o where include is set.
func (t *Tree) Next(o OID, include bool) (Variable, bool) {
	i, found := t.search(o)
	if found && !include {
		i++
	}
	if i >= len(t.variables) {
		return Variable{}, false
	}
	return t.variables[i], true
}

// All returns every variable, in order. It is not to be changed.
func (t *Tree) All() []Variable { return t.variables }

func (t *Tree) search(o OID) (int, bool) {
	return slices.BinarySearchFunc(t.variables, o, func(v Variable, o OID) int { return v.OID.Compare(o) })
}
