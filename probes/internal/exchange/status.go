package exchange

import (
	"slices"
	"strconv"
)

// Status is a status code, such as "200", or a class of them, such as "2xx".
type Status string

// Valid tells whether s names a code or a class.
func (s Status) Valid() bool {
	if len(s) != 3 || s[0] < '1' || s[0] > '5' {
		return false
	}
	if s[1:] == "xx" {
		return true
	}
	_, err := strconv.ParseUint(string(s), 10, 16)
	return err == nil
}

// Has tells whether the code is the one, or in the class, that s names.
func (s Status) Has(code int) bool {
	if s[1:] == "xx" {
		return int(s[0]-'0') == code/100
	}
	return string(s) == strconv.Itoa(code)
}

// Among tells whether one of several has the code.
func Among(several []Status, code int) bool {
	return slices.ContainsFunc(several, func(s Status) bool { return s.Has(code) })
}
