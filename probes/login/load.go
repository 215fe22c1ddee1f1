package login

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idp-exporter/idp_exporter/probes"
)

// Load is what one configured probe asks of its account.
type Load struct {
	// Probe is the probe's name, Issuer the issuer it signs in to.
	Probe, Issuer string
	// Nodes is the number of targets it runs against, the public name included.
	Nodes int
	Every time.Duration
	// Options are those of the login: what LoginOptions returns.
	Options *Options
}

// LoginOptions returns the settings of the login, for kinds that embed them too.
func (o *Options) LoginOptions() *Options { return o }

func (l Load) perMinute() float64 {
	if l.Every <= 0 {
		return 0
	}
	return float64(l.Nodes) * float64(time.Minute) / float64(l.Every)
}

// Overload is an account that its probes together use more often than its budget
// allows. It works, but the nodes take turns and so run less often than configured.
type Overload struct {
	// Probe is the one that signs in most often.
	Probe string
	// Problem says what is wrong and what would be right; its path leads from
	// Probe to `every`.
	Problem probes.Problem
}

// Overloads finds the accounts that the probes use more often than their budgets
// allow, in the order of their first probe. Of several budgets for one account
// the strictest counts.
func Overloads(loads []Load) []Overload {
	type account struct{ issuer, name string }
	var order []account
	shared := map[account][]Load{}
	for _, l := range loads {
		a := account{l.Issuer, l.Options.accountName()}
		if shared[a] == nil {
			order = append(order, a)
		}
		shared[a] = append(shared[a], l)
	}
	var found []Overload
	for _, a := range order {
		if o, over := overload(a.name, shared[a]); over {
			found = append(found, o)
		}
	}
	return found
}

// overload judges the probes of one account.
func overload(account string, loads []Load) (Overload, bool) {
	total, budget := 0.0, 0
	for _, l := range loads {
		total += l.perMinute()
		if n := l.Options.Budget.PerMinute; n > 0 && (budget == 0 || n < budget) {
			budget = n
		}
	}
	const rounding = 1e-9
	if budget == 0 || total <= float64(budget)+rounding {
		return Overload{}, false
	}
	most := slices.MaxFunc(loads, func(a, b Load) int { return cmp.Compare(a.perMinute(), b.perMinute()) })
	sum := make([]string, len(loads))
	for i, l := range loads {
		sum[i] = fmt.Sprintf("%s × every %s", count(l.Nodes, "node"), brief(l.Every))
		if len(loads) > 1 {
			sum[i] = l.Probe + ": " + sum[i]
		}
	}
	message := fmt.Sprintf("%s = %s logins a minute of %s exceed its budget of %d; %s, or raise budget.per_minute to %d if the provider allows that many",
		strings.Join(sum, " + "), number(total), account, budget, remedy(most, total, budget, len(loads) > 1), int(math.Ceil(total-rounding)))
	return Overload{Probe: most.Probe, Problem: probes.Problem{Path: "every", Message: message}}, true
}

// remedy says how to keep the budget: by the probe that asks most, if the
// others leave room for it, and by all of them otherwise.
func remedy(most Load, total float64, budget int, several bool) string {
	left := float64(budget) - (total - most.perMinute())
	seconds := math.Ceil(float64(most.Nodes)*60/left - 1e-6)
	if left <= 0 || seconds > time.Hour.Seconds() {
		return fmt.Sprintf("raise every of each to %s times as long", number(math.Ceil(total/float64(budget)*10)/10))
	}
	of := ""
	if several {
		of = " of " + most.Probe
	}
	return fmt.Sprintf("raise every%s to %s", of, brief(time.Duration(seconds)*time.Second))
}

// brief writes a duration as a configuration would: 90s as 1m30s, but 1m as 1m.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

func number(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }
