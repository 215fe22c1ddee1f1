package webhook

import (
	"fmt"
	"strconv"
)

// Status is a status code, such as "202", or a class of them, such as "5xx".
type Status string

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Status) UnmarshalText(b []byte) error {
	*s = Status(b)
	if len(b) == 3 && b[0] >= '1' && b[0] <= '5' {
		if _, err := strconv.ParseUint(string(b), 10, 16); err == nil || string(b[1:]) == "xx" {
			return nil
		}
	}
	return fmt.Errorf("%.20q is no status; write a code such as 429 or a class such as 5xx", b)
}

// find returns how closely the list names the code: 2 by itself, 1 by its
// class, 0 not at all.
func find(list []Status, code int) int {
	best := 0
	for _, s := range list {
		switch {
		case string(s) == strconv.Itoa(code):
			return 2
		case len(s) == 3 && s[1:] == "xx" && int(s[0]-'0') == code/100:
			best = 1
		}
	}
	return best
}
