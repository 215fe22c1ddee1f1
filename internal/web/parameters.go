package web

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const maxLetters = 16

// parameters are those of /testall.
func parameters() []string { return []string{"node", "probe", "exclude", "scope", "verbose"} }

// asksVerbose tells whether ?verbose is there and not turned off.
func asksVerbose(query url.Values) bool {
	if !query.Has("verbose") {
		return false
	}
	on, err := strconv.ParseBool(query.Get("verbose"))
	return on || err != nil
}

// misspelled returns the parameter that another one was most likely meant to
// be, "" if there is none such. Of a balancer that asks for ?nodes=n1 the answer
// about the whole would keep n1 in whatever happens to it. Other unknown
// parameters are let pass: balancers and monitors add some against caches.
func misspelled(query url.Values) string {
	for name := range query {
		known := parameters()
		if slices.Contains(known, name) {
			continue
		}
		spelled := letters(name)
		for _, k := range known {
			// One slip for three letters: now= and nonce= are none for node=.
			if len(spelled) >= 3 && slips(spelled, k) <= len(k)/3 {
				return k
			}
		}
	}
	return ""
}

// letters leaves the ASCII letters, as lower case: Node, node[] and node1 are
// all node. What is too long to be a parameter has none.
func letters(name string) string {
	if len(name) > maxLetters {
		return ""
	}
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z':
			return r
		}
		return -1
	}, name)
}

// slips counts the letters that were left out, added, changed or swapped with
// the next (optimal string alignment). Anybody may cause it, so it allocates
// nothing; both are at most maxLetters long.
func slips(a, b string) int {
	var rows [3][maxLetters + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := range len(a) {
		before, last, row := &rows[(i+2)%3], &rows[i%3], &rows[(i+1)%3]
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
