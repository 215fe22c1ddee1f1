package probes

import (
	"regexp"
	"strconv"
	"strings"
)

// The marks around a foreign text that is to be cut. They are control characters,
// which no text that a Run has taken in keeps.
const (
	foreignFrom = "\x02"
	foreignText = "\x1f"
	foreignTo   = "\x03"
)

var (
	foreign      = regexp.MustCompile(foreignFrom + `(\d{1,4})` + foreignText + `([^` + foreignFrom + foreignTo + `]*)` + foreignTo)
	foreignMarks = strings.NewReplacer(foreignFrom, " ", foreignText, " ", foreignTo, " ")
)

// Foreign stands in an error or note of a Run for what a server wrote, of which so
// many bytes are to be shown. The Run cuts it only when it has removed the secrets
// from the whole: the beginning of a secret is not known for one.
func Foreign(text string, most int) string {
	text = foreignMarks.Replace(foreign.ReplaceAllString(text, "$2")) // one within another is part of it
	return foreignFrom + strconv.Itoa(most) + foreignText + text + foreignTo
}

// cutForeign cuts the foreign texts in s.
func cutForeign(s string) string {
	if !strings.Contains(s, foreignFrom) {
		return s
	}
	return foreign.ReplaceAllStringFunc(s, func(marked string) string {
		m := foreign.FindStringSubmatch(marked)
		most, _ := strconv.Atoi(m[1])
		if len(m[2]) <= most {
			return m[2]
		}
		return strings.ToValidUTF8(m[2][:most], "") + "…"
	})
}
