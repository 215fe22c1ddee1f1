package collector

import (
	"fmt"
	"unicode/utf8"
)

// faults are what a scrape could not show: one for each family at most, since
// they end up in the log.
type faults struct {
	all  []error
	last *family
}

func (x *faults) found() []error { return x.all }

func (x *faults) note(err error) {
	if err != nil {
		x.all = append(x.all, err)
	}
}

// admit tells whether the labels of a point are of UTF-8, as they have to be,
// and notes it if not.
func (x *faults) admit(now *moment, f *family, p *point) bool {
	if (p.entry == none || now.layout.tags[p.entry].valid[f.labels]) &&
		utf8.ValidString(p.before) && utf8.ValidString(p.after) && utf8.ValidString(p.last) {
		return true
	}
	if x.last != f {
		x.last = f
		x.note(fmt.Errorf("%s: series are left out, since values of their labels are not valid UTF-8", f.name))
	}
	return false
}
