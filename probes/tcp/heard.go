package tcp

import (
	"fmt"

	"github.com/idp-exporter/idp_exporter/probes"
)

// maxShown is how much of a line is shown, in bytes.
const maxShown = 200

// heard is what the server sent while one line was waited for.
type heard struct {
	lines int
	last  []byte
	whole bool // the last one has its end
}

func (h *heard) hear(line []byte, whole bool) {
	h.lines++
	h.last, h.whole = append(h.last[:0], line...), whole
}

// String tells of it.
func (h *heard) String() string {
	if h.lines == 0 {
		return "the server sent nothing"
	}
	text := "the server sent 1 line, "
	if h.lines > 1 {
		text = fmt.Sprintf("the server sent %d lines, the last ", h.lines)
	}
	text += `"` + probes.Foreign(string(h.last), maxShown) + `"`
	if !h.whole { // such as a prompt, which no pattern is tried on
		text += ", which has no end"
	}
	return text
}
