package mib

import "github.com/idp-exporter/idp_exporter/bridges"

// line returns s as one line of UTF-8 of at most limit bytes.
func line(s string, limit int) string {
	if plain(s) && len(s) <= limit { // as nearly all are
		return s
	}
	return bridges.Line(s, limit)
}

// plain tells whether s has nothing but printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
