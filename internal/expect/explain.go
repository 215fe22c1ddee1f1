package expect

import (
	"context"
	"errors"
	"strings"

	"cel.dev/cel-go/interpreter"
)

// explain says why an evaluation failed. CEL's own messages may quote values, so
// only those known not to are repeated, and a missing key only where the
// expression itself spells it.
func (e expectation) explain(ctx context.Context, err error) string {
	var ended interpreter.EvalCancelledError
	if ctx.Err() != nil {
		return "not evaluated to its end, the time was used up"
	}
	if errors.As(err, &ended) {
		return "costs too much to evaluate; write a simpler expression"
	}
	text := err.Error()
	if i := strings.Index(text, "no such key: "); i >= 0 {
		key := text[i+len("no such key: "):]
		if key != "" && strings.Contains(e.text, key) {
			return "there is no \"" + key + "\""
		}
		return "a key it looks up is not there"
	}
	if i := strings.Index(text, "no such attribute(s): "); i >= 0 {
		return "there is no \"" + strings.TrimSpace(text[i+len("no such attribute(s): "):]) + "\""
	}
	for _, known := range []struct{ prefix, say string }{
		{"no such overload", "the values are not of the types it expects"},
		{"type conversion error", "the values are not of the types it expects"},
		{"division by zero", "divides by zero"},
		{"modulus by zero", "divides by zero"},
		{"index out of bounds", "reaches beyond the end of a list"},
		{"integer overflow", "exceeds the range of numbers"},
	} {
		if strings.Contains(text, known.prefix) {
			return known.say
		}
	}
	return "cannot be evaluated on what was received"
}
