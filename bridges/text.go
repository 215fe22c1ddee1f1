package bridges

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const ellipsis = "…"

// Cut returns at most max bytes of valid UTF-8, never a part of a character.
// Where something was cut off, the text ends in "…" if there is room for it.
func Cut(s string, max int) string {
	if max <= 0 {
		return ""
	}
	long := len(s) > max
	s = strings.ToValidUTF8(s[:min(len(s), max+utf8.UTFMax)], "\ufffd")
	if !long && len(s) <= max {
		return s
	}
	room := max
	if max > len(ellipsis) {
		room -= len(ellipsis)
	}
	room = min(room, len(s))
	for room > 0 && room < len(s) && !utf8.RuneStart(s[room]) {
		room--
	}
	if max > len(ellipsis) {
		return s[:room] + ellipsis
	}
	return s[:room]
}

// Line is Cut of a text on one line: line breaks and other control characters
// become spaces.
func Line(s string, max int) string { return clean(s, max, "") }

// Text is Cut of a text of several lines: control characters other than line
// breaks and tabs become spaces.
func Text(s string, max int) string { return clean(s, max, "\n\t") }

func clean(s string, max int, keep string) string {
	if max <= 0 {
		return ""
	}
	// More than is kept, so that Cut sees that there was more.
	s = strings.ToValidUTF8(s[:min(len(s), max+utf8.UTFMax)], "\ufffd")
	return Cut(strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(keep, r):
			return r
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r): // would show text in another order than it has
			return -1
		}
		return r
	}, s), max)
}
