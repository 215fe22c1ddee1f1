package access

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Hash is one live key of a holder: in the configuration a plain hash, or a
// mapping that says when it counts.
type Hash struct {
	// Hash is what Token.Hash or User.Hash takes.
	Hash string `yaml:"hash"`
	// NotBefore and NotAfter narrow those of the holder.
	NotBefore Time `yaml:"not_before"`
	NotAfter  Time `yaml:"not_after"`
}

// UnmarshalYAML implements yaml.Unmarshaler. No error repeats a hash.
func (h *Hash) UnmarshalYAML(n *yaml.Node) error {
	switch n.Kind {
	case yaml.ScalarNode:
		*h = Hash{Hash: n.Value}
		return nil
	case yaml.MappingNode:
	default:
		return errors.New("a list stands where a hash is wanted; write the hash, or `hash:` with `not_before:` or `not_after:`")
	}
	var read Hash
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		if seen[key] {
			return fmt.Errorf("%.40q stands twice in this mapping; keep one", key)
		}
		seen[key] = true
		if err := read.set(key, value); err != nil {
			if line := n.Content[i].Line; line != n.Line {
				return fmt.Errorf("line %d: %w", line, err) // whoever reports it knows the line of the mapping alone
			}
			return err
		}
	}
	*h = read
	return nil
}

func (h *Hash) set(key string, value *yaml.Node) error {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if value.Kind != yaml.ScalarNode {
		return fmt.Errorf("%.40q takes a single value", key)
	}
	var err error
	switch {
	case key == "hash":
		h.Hash = value.Value
	case value.Tag == "!!null" && (key == "not_before" || key == "not_after"):
	case key == "not_before":
		err = h.NotBefore.UnmarshalText([]byte(value.Value))
	case key == "not_after":
		err = h.NotAfter.UnmarshalText([]byte(value.Value))
	default:
		return fmt.Errorf("unknown key %.40q; known here: hash, not_after, not_before", key)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// all lists the keys of a holder.
func all(one string, more []Hash) []Hash {
	if one == "" {
		return more
	}
	return append([]Hash{{Hash: one}}, more...)
}
