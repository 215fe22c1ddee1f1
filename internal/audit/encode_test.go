package audit

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzString: what encoding/json reads back is the text, with U+FFFD for bytes
// that are no UTF-8, and the encoding is printable ASCII.
func FuzzString(f *testing.F) {
	f.Add("plain \"quoted\" \\ \u2028 \x00\x1f\x7f\u0085 \U0001F600 \xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		for _, c := range b {
			if c < ' ' || c > '~' {
				t.Fatalf("byte %#x in %q", c, b)
			}
		}
		var back string
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		var want strings.Builder
		for _, r := range s { // each bad byte is one U+FFFD
			want.WriteRune(r)
		}
		if back != want.String() {
			t.Fatalf("%q became %q", s, back)
		}
		if len(b) > 6*len(s)+2 {
			t.Fatalf("%d bytes became %d", len(s), len(b))
		}
	})
}
