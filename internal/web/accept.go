package web

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// asksFor tells whether the Accept header names one of the media types
// outright and wants none of them less than plain text, which is the answer
// otherwise. A wildcard is no wish for them, but may be one for plain text.
// Of equal wishes, that for what was named counts (RFC 9110, section 12.5.1).
func asksFor(r *http.Request, types ...string) bool {
	var named, text, specific = 0.0, 0.0, 0
	for _, line := range r.Header["Accept"] {
		for part := range strings.SplitSeq(line, ",") {
			mediaType, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			q := quality(params["q"])
			for _, t := range types {
				if mediaType == t {
					named = max(named, q)
				}
			}
			// The most specific range that fits says how much plain text is wanted.
			switch s := map[string]int{"*/*": 1, "text/*": 2, "text/plain": 3}[mediaType]; {
			case s > specific:
				specific, text = s, q
			case s == specific && s > 0:
				text = max(text, q)
			}
		}
	}
	return named > 0 && named >= text
}

// quality reads a weight (RFC 9110, section 12.4.2). One that is no weight is
// as good as none.
func quality(s string) float64 {
	q, err := strconv.ParseFloat(s, 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 1
	}
	return q
}
