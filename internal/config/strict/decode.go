package strict

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/internal/secret"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[secret.Secret]()
)

// Decode fills the structs that targets point to from the mapping n, which
// stands at path. A key belongs to the first target that has it; a key that
// none has is a problem. Values that are absent keep what the targets held.
func (d *Document) Decode(n *yaml.Node, path string, targets ...any) {
	if n == nil {
		return
	}
	values := make([]reflect.Value, len(targets))
	for i, t := range targets {
		values[i] = reflect.ValueOf(t).Elem()
	}
	d.decodeStruct(n, path, values...)
}

// enter notes where a value stands, follows an alias and bounds the work. It
// returns nil for a value to be passed over.
func (d *Document) enter(n *yaml.Node, path string) *yaml.Node {
	if d.nodes++; d.nodes > maxNodes {
		if !d.over {
			d.over = true
			d.add(position(n), false, "more than %d values; are aliases nested?", maxNodes)
		}
		return nil
	}
	if _, ok := d.at[path]; !ok {
		d.at[path] = position(n)
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	return n
}

func (d *Document) decode(n *yaml.Node, path string, v reflect.Value) {
	found := len(d.found)
	d.decodeValue(n, path, v)
	for _, p := range d.found[found:] {
		if !p.Warning {
			d.failed[path] = true
			d.mistaken[path] = d.mistaken[path] || !p.Unfilled
		}
	}
}

func (d *Document) decodeValue(n *yaml.Node, path string, v reflect.Value) {
	at := position(n)
	if n = d.enter(n, path); n == nil || d.unknown(n, at, path) {
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	if v.Type() == secretType {
		d.decodeSecret(n, path, v)
		return
	}
	if v.CanAddr() {
		switch u := v.Addr().Interface().(type) {
		case yaml.Unmarshaler:
			if err := u.UnmarshalYAML(n); err != nil {
				d.add(at, false, "%v", err)
			}
			return
		case encoding.TextUnmarshaler:
			if !d.scalar(n, at, "a single value") {
				return
			}
			if err := u.UnmarshalText([]byte(n.Value)); err != nil {
				d.add(at, false, "%v", err)
			}
			return
		}
	}
	if v.Type() == durationType {
		d.decodeDuration(n, at, v)
		return
	}
	d.decodeKind(n, at, path, v)
}

func (d *Document) decodeKind(n *yaml.Node, at Position, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, path, v)
	case reflect.Slice:
		d.decodeSlice(n, at, path, v)
	case reflect.Map:
		d.decodeMap(n, at, path, v)
	case reflect.String:
		if d.scalar(n, at, "a text") {
			v.SetString(n.Value)
		}
	case reflect.Bool:
		if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
			v.SetBool(strings.EqualFold(n.Value, "true"))
			return
		}
		d.add(at, false, "%s is not a truth value; write true or false", shown(n))
	case reflect.Int, reflect.Int64, reflect.Int32:
		i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 10, 64)
		if n.Kind != yaml.ScalarNode || err != nil || v.OverflowInt(i) {
			d.add(at, false, "%s is not a whole number; write digits alone, such as 30", shown(n))
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			d.add(at, false, "%s is not a number; write one such as 0.5 or 20", shown(n))
			return
		}
		v.SetFloat(f)
	default:
		d.add(at, false, "internal: a setting of type %s cannot be read", v.Type())
	}
}

func (d *Document) decodeDuration(n *yaml.Node, at Position, v reflect.Value) {
	if !d.scalar(n, at, "a duration such as 30s or 5m") {
		return
	}
	if _, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Value != "0" {
		d.add(at, false, "%s has no unit; write %ss for seconds, or use ms, m, h, d", shown(n), n.Value)
		return
	}
	parsed, err := time.ParseDuration(n.Value)
	if err != nil {
		// Days and weeks, as Prometheus spells them.
		days, err2 := model.ParseDuration(n.Value)
		if err2 != nil {
			d.add(at, false, "%s is not a duration; write one such as 500ms, 30s, 5m or 1d", shown(n))
			return
		}
		parsed = time.Duration(days)
	}
	if parsed < 0 {
		d.add(at, false, "%s is negative; a duration must not be", shown(n))
		return
	}
	v.SetInt(int64(parsed))
}

func (d *Document) decodeSlice(n *yaml.Node, at Position, path string, v reflect.Value) {
	items := n.Content
	switch n.Kind {
	case yaml.SequenceNode:
	case yaml.ScalarNode:
		// One value where a list of single values is wanted is a list of one.
		if k := v.Type().Elem().Kind(); k == reflect.Struct || k == reflect.Pointer || k == reflect.Map {
			d.add(at, false, "%s is not a list; write each item on a line of its own after \"- \"", shown(n))
			return
		}
		items = []*yaml.Node{n}
	default:
		d.add(at, false, "a mapping stands where a list is wanted; write each item after \"- \"")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.decode(item, path+"["+strconv.Itoa(i)+"]", out.Index(i))
	}
	v.Set(out)
}

func (d *Document) decodeMap(n *yaml.Node, at Position, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.add(at, false, "%s is not a mapping; write \"name: value\" lines", shown(n))
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, e := range d.entries(n) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.decode(e.value, path+"."+e.key.Value, item)
		d.at[path+"."+e.key.Value] = position(e.key)
		out.SetMapIndex(reflect.ValueOf(e.key.Value).Convert(v.Type().Key()), item)
	}
	v.Set(out)
}

func (d *Document) scalar(n *yaml.Node, at Position, want string) bool {
	if n.Kind == yaml.ScalarNode {
		return true
	}
	d.add(at, false, "%s stands where %s is wanted", shown(n), want)
	return false
}

// shown names a node in a message without repeating what it holds at length.
func shown(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	value := n.Value
	if len(value) > 40 {
		value = strings.ToValidUTF8(value[:40], "") + "…"
	}
	return strconv.Quote(value)
}
