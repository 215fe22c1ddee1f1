package audit

import (
	"fmt"
	"strings"
)

// String sums the report up for people, in one line.
func (r Report) String() string {
	if r.Records == 0 {
		return "no record found; is it an audit file?"
	}
	var b strings.Builder
	word := "ok"
	if r.Broken > 0 {
		word = fmt.Sprintf("BROKEN in %d places", r.Broken)
		if r.Broken == 1 {
			word = "BROKEN in 1 place"
		}
	}
	fmt.Fprintf(&b, "%s: %d records, %d to %d; %d dropped and told; %d starts, %d of them not after an orderly end; %d torn lines recovered",
		word, r.Records, r.First, r.Last, r.Dropped, r.Starts, r.Unclean, r.Recovered)
	if !r.Whole {
		fmt.Fprintf(&b, "; what came before record %d is not here", r.First)
	}
	switch {
	case r.Torn:
		b.WriteString("; the last line is not complete (a crash, or it is being written)")
	case !r.Ended:
		b.WriteString("; no orderly end (the exporter runs, or was killed, or the end was removed)")
	}
	return b.String()
}
