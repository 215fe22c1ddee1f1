package strict

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

type entry struct{ key, value *yaml.Node }

// Entry is a pair of a mapping.
type Entry struct{ Key, Value *yaml.Node }

// Entries lists a mapping's pairs, merged ones (<<) after its own and without
// those that its own replace.
func (d *Document) Entries(n *yaml.Node) []Entry {
	quiet := &Document{}
	pairs := quiet.entries(n)
	all := make([]Entry, len(pairs))
	for i, e := range pairs {
		all[i] = Entry{Key: e.key, Value: e.value}
	}
	return all
}

// entries lists a mapping's pairs, with merged ones (<<) after its own. A key
// that stands twice is a problem.
func (d *Document) entries(n *yaml.Node) []entry {
	seen := make(map[string]Position)
	var own, merged []entry
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			merged = append(merged, d.merged(value)...)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			d.add(position(key), false, "%s cannot be a key; write a word", shown(key))
			continue
		}
		if first, twice := seen[key.Value]; twice {
			d.add(position(key), false, "%q stands twice in this mapping, first on line %d; keep one", key.Value, first.Line)
			continue
		}
		seen[key.Value] = position(key)
		own = append(own, entry{key, value})
	}
	for _, e := range merged {
		if _, set := seen[e.key.Value]; !set {
			seen[e.key.Value] = position(e.key)
			own = append(own, e)
		}
	}
	return own
}

func (d *Document) merged(value *yaml.Node) []entry {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch value.Kind {
	case yaml.MappingNode:
		if d.nodes++; d.nodes > maxNodes {
			return nil
		}
		return d.entries(value)
	case yaml.SequenceNode:
		var all []entry
		for _, v := range value.Content {
			all = append(all, d.merged(v)...)
		}
		return all
	}
	d.add(position(value), false, "<< takes a mapping or a list of mappings, such as *defaults")
	return nil
}

func (d *Document) decodeStruct(n *yaml.Node, path string, targets ...reflect.Value) {
	at := position(n)
	if n = d.enter(n, path); n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.add(at, false, "%s is not a mapping; write \"name: value\" lines", shown(n))
		return
	}
	fields := make(map[string]reflect.Value)
	for _, t := range targets {
		collect(t, fields)
	}
	for _, e := range d.entries(n) {
		name := e.key.Value
		child := join(path, name)
		field, ok := fields[name]
		if ok && field.Type() == secretType {
			if _, twice := fields[name+fileSuffix]; !twice && has(n, name+fileSuffix) {
				d.add(position(e.key), false, "%s and %s%s are both set; keep one", name, name, fileSuffix)
			}
		}
		if !ok && strings.HasSuffix(name, fileSuffix) {
			if field, ok := fields[strings.TrimSuffix(name, fileSuffix)]; ok && field.Type() == secretType {
				secretPath := join(path, strings.TrimSuffix(name, fileSuffix))
				d.decodeSecretFile(e.value, child, field)
				d.at[secretPath], d.failed[secretPath] = position(e.key), !field.Interface().(secret.Secret).IsSet()
				continue
			}
		}
		switch {
		case ok:
			d.decode(e.value, child, field)
			if strings.HasSuffix(name, fileSuffix) && field.Kind() == reflect.String {
				field.SetString(d.Path(field.String()))
			}
		case path == "" && strings.HasPrefix(name, "x-"):
			// A place for anchors, as in Compose files.
		default:
			meant := suggest(name, fields)
			if meant == "" {
				d.add(position(e.key), false, "unknown key %q; known here: %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
				continue
			}
			d.add(position(e.key), false, "unknown key %q; did you mean %q?", name, meant)
			d.meant[join(path, meant)] = true
		}
	}
}

func has(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// collect maps the yaml names of a struct's fields to the fields. The first
// struct that has a name keeps it.
func collect(v reflect.Value, into map[string]reflect.Value) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case strings.Contains(options, "inline"), f.Anonymous && name == "":
			if v.Field(i).Kind() == reflect.Struct {
				collect(v.Field(i), into)
			}
		case !f.IsExported() || name == "" || name == "-":
		default:
			if _, taken := into[name]; !taken {
				into[name] = v.Field(i)
			}
		}
	}
}

// suggest returns the key that an unknown key may have been meant as, "" if there
// is none.
func suggest(name string, fields map[string]reflect.Value) string {
	best, distance := "", 1+len(name)/3
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if n := edits(name, k); n <= distance && (best == "" || n < distance) {
			best, distance = k, n
		}
	}
	return best
}

// edits is the Levenshtein distance between two short words.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := last
			if a[i] != b[j] {
				cost = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
