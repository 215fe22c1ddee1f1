package login

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// digest stands for what a discovery document says. Two that differ only in
// spelling, in the order of members or of lists of words, or in
// signed_metadata, which is signed anew for every answer (RFC 8414, 2.1), have
// the same digest. Content that is not a JSON object has none.
func digest(content []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var doc map[string]any
	if decoder.Decode(&doc) != nil || doc == nil {
		return ""
	}
	delete(doc, "signed_metadata")
	for name, v := range doc {
		doc[name] = sortedWords(v)
	}
	canonical, err := json.Marshal(doc) // sorts the members
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:16])
}

// sortedWords sorts a list that holds nothing but strings: what a provider
// supports is a set (OpenID Connect Discovery 1.0, 3).
func sortedWords(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	words := make([]string, 0, len(list))
	for _, x := range list {
		word, ok := x.(string)
		if !ok {
			return v
		}
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}
