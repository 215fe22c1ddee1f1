package preset

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func scalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

func flow(values ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, v := range values {
		n.Content = append(n.Content, scalar(v))
	}
	return n
}

// get returns the value of a mapping's key, nil if it has none.
func get(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// set gives a mapping's key a value.
func set(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, scalar(key), value)
}

// take removes a key of a mapping and returns its text.
func take(n *yaml.Node, key string) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			value := n.Content[i+1].Value
			n.Content = slices.Delete(n.Content, i, i+2)
			return value
		}
	}
	return ""
}

// placeholder is {name}. In {name?} it is the whole of a value, whose key goes
// with it where nothing is known.
var placeholder = regexp.MustCompile(`\{[a-z_]+\??\}`)

// bare takes a node, and all in it, off its place and from its comments.
func bare(n *yaml.Node) {
	n.Line, n.Column, n.HeadComment, n.LineComment, n.FootComment = 0, 0, "", "", ""
	for _, c := range n.Content {
		bare(c)
	}
}

// fill returns a copy of n with the placeholders replaced for which there is a
// value; what it put in stands where that value does. Others stay as they are
// and are named.
func fill(n *yaml.Node, values map[string]Value) (*yaml.Node, []string) {
	c := *n
	if n.Kind == yaml.ScalarNode {
		if v, known := values[strings.Trim(n.Value, "{?}")]; known && v.list != nil && placeholder.FindString(n.Value) == n.Value {
			c = *flow(v.list...)
			c.Line, c.Column = v.Line, v.Column
			return &c, nil
		}
		filled, missing := fillText(n.Value, values)
		if filled.Text != n.Value {
			c.Value, c.Style = filled.Text, 0
		}
		if filled.Line > 0 {
			c.Line, c.Column = filled.Line, filled.Column
		}
		return &c, missing
	}
	c.Content = nil
	var missing []string
	for i, child := range n.Content {
		filled, m := fill(child, values)
		if i%2 == 1 && n.Kind == yaml.MappingNode && len(m) == 1 && strings.HasSuffix(m[0], "?") {
			c.Content = c.Content[:len(c.Content)-1]
			continue
		}
		c.Content, missing = append(c.Content, filled), append(missing, m...)
	}
	return &c, missing
}

func fillText(text string, values map[string]Value) (Value, []string) {
	var missing []string
	filled := Value{}
	filled.Text = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		name := p[1 : len(p)-1]
		value, known := values[strings.TrimSuffix(name, "?")]
		if !known {
			missing = append(missing, name)
			return p
		}
		if value.Line > 0 {
			filled.Line, filled.Column = value.Line, value.Column
		}
		return value.Text
	})
	return filled, missing
}
