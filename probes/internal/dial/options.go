package dial

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Common are the keys that every kind of this family has.
type Common struct {
	// IPVersion says which addresses of a name are used.
	IPVersion IPVersion `yaml:"ip_version"`
	// WarnSlowerThan turns a pass that took longer into a warning.
	WarnSlowerThan time.Duration `yaml:"warn_slower_than"`
}

// Check reports what is wrong with the common keys.
func (o Common) Check(c *Checker, s probes.Setting) {
	c.OneOf("ip_version", string(o.IPVersion), string(Any), string(Only4), string(Only6), string(Prefer4), string(Prefer6))
	if o.WarnSlowerThan < 0 {
		c.Wrong("warn_slower_than", "%s is less than nothing; use a duration such as 2s", o.WarnSlowerThan)
	}
	if o.WarnSlowerThan > 0 && s.Timeout > 0 && o.WarnSlowerThan >= s.Timeout {
		c.Wrong("warn_slower_than", "%s is never reached, since a run ends after %s; use less", o.WarnSlowerThan, s.Timeout)
	}
}

// Checker collects the problems of a setting.
type Checker struct{ Problems []probes.Problem }

// Wrong notes a problem of the key at path.
func (c *Checker) Wrong(path, format string, args ...any) {
	c.Problems = append(c.Problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Doubtful notes a setting that works but should be reconsidered.
func (c *Checker) Doubtful(path, format string, args ...any) {
	c.Problems = append(c.Problems, probes.Problem{Path: path, Message: fmt.Sprintf(format, args...), Warning: true})
}

// OneOf notes a value that is not among the choices, and tells whether it is.
func (c *Checker) OneOf(path, value string, choices ...string) bool {
	if slices.Contains(choices, value) {
		return true
	}
	c.Wrong(path, "%q is not known; choose one of %s", value, strings.Join(choices, ", "))
	return false
}

// InRange notes a number outside its range, and tells whether it is inside.
func (c *Checker) InRange(path string, value, from, to int) bool {
	if value >= from && value <= to {
		return true
	}
	c.Wrong(path, "%d is out of range; use %d to %d", value, from, to)
	return false
}

// Err returns the first problem that is not a mere warning, for New.
func (c *Checker) Err(probe string) error {
	for _, p := range c.Problems {
		if !p.Warning {
			return fmt.Errorf("probe %s: %s: %s", probe, p.Path, p.Message)
		}
	}
	return nil
}

// Finish ends a run; a pass that took longer than limit (unless that is 0)
// becomes a warning.
func Finish(r *probes.Run, err error, limit time.Duration) probes.Result {
	if err == nil {
		err = JudgeSpeed(r, limit)
	}
	return r.Finish(err)
}

// JudgeSpeed returns a warning where the steps of a run took longer together
// than limit, unless that is 0. It lays it at the door of the longest step.
func JudgeSpeed(r *probes.Run, limit time.Duration) error {
	if limit <= 0 {
		return nil
	}
	longest, sum := "", time.Duration(0)
	took := r.Elapsed()
	for step, d := range took {
		if sum += d; longest == "" || d > took[longest] {
			longest = step
		}
	}
	if sum <= limit {
		return nil
	}
	slow := Slow(sum, limit)
	r.AddStep(longest, time.Now(), 0, slow)
	return slow
}

// Slow is the warning of what took longer than limit.
func Slow(took, limit time.Duration) *probes.Failure {
	return &probes.Failure{
		Outcome: probes.Warn, Reason: probes.ReasonSlow,
		Err: fmt.Errorf("took %s, more than %s", took.Round(time.Millisecond), limit),
	}
}

// The pause after a credential was refused: so many intervals, at most so long.
const (
	pauseIntervals = 10
	maxPause       = 10 * time.Minute
)

// Refused is a failure that tells of refused credentials. It pauses the probe,
// since trying a wrong password again and again would lock its user out, and so
// needs no confirming run.
func Refused(reason probes.Reason, every time.Duration, format string, args ...any) *probes.Failure {
	f := probes.Failf(reason, format, args...)
	f.NotBefore, f.Decisive = time.Now().Add(min(pauseIntervals*every, maxPause)), true
	return f
}
