package access

import "fmt"

// Reason is why a request was refused; the list is closed. The zero Reason is none.
type Reason uint8

// The reasons. Where several credentials were shown, the last in this order counts.
const (
	_                 Reason = iota
	ReasonNone               // no credential
	ReasonWrong              // one that nobody has
	ReasonNetwork            // right, but not from this network
	ReasonNotYet             // right, but not valid yet
	ReasonExpired            // right once
	ReasonThrottled          // too many wrong ones from this network
	ReasonScope              // right, but without the scope
	ReasonRateLimited        // right, but used too often
	reasons
)

var reasonNames = [reasons]string{"", "none", "wrong", "network", "not_yet", "expired", "throttled", "scope", "rate_limited"}

// Text says the reason in words.
func (r Reason) Text() string {
	switch r {
	case ReasonNetwork:
		return "not from this network"
	case ReasonNotYet:
		return "not yet valid"
	default:
		return r.String()
	}
}

// String returns the reason as the metric's label has it.
func (r Reason) String() string {
	if r > 0 && r < reasons {
		return reasonNames[r]
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}
