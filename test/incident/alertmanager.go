package incident

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Alert is an alert with the labels that it fires with.
type Alert map[string]string

// Firing are the alerts that fire at a time.
type Firing struct {
	At     time.Time
	Alerts []Alert
}

// Webhook is a request of Alertmanager to the exporter.
type Webhook struct {
	At   time.Time
	Body string
}

// Alertmanager is as much of a configuration of Alertmanager as decides what the
// exporter is told, and when: routes, groups, waits and inhibition.
type Alertmanager struct {
	Route     Route
	Inhibit   []Inhibition `yaml:"inhibit_rules"`
	Receivers []struct {
		Name     string
		Webhooks []struct{ URL string } `yaml:"webhook_configs"`
	}
}

// Route is a route of Alertmanager's tree. What is not set is the parent's.
type Route struct {
	Receiver string
	Matchers matchers
	Continue bool
	GroupBy  []string       `yaml:"group_by"`
	Wait     model.Duration `yaml:"group_wait"`
	Interval model.Duration `yaml:"group_interval"`
	Repeat   model.Duration `yaml:"repeat_interval"`
	Routes   []Route
}

// Inhibition is one of Alertmanager's rules for alerts that are not told while
// others fire.
type Inhibition struct {
	Source matchers `yaml:"source_matchers"`
	Target matchers `yaml:"target_matchers"`
	Equal  []string
}

type matchers []*labels.Matcher

// UnmarshalYAML implements yaml.Unmarshaler.
func (m *matchers) UnmarshalYAML(value *yaml.Node) error {
	var texts []string
	if err := value.Decode(&texts); err != nil {
		return err
	}
	for _, text := range texts {
		one, err := labels.ParseMatcher(text)
		if err != nil {
			return fmt.Errorf("line %d: %w", value.Line, err)
		}
		*m = append(*m, one)
	}
	return nil
}

func (m matchers) match(a Alert) bool {
	return !slices.ContainsFunc(m, func(one *labels.Matcher) bool { return !one.Matches(a[one.Name]) })
}

// ReadAlertmanager reads a configuration of Alertmanager.
func ReadAlertmanager(file string) (*Alertmanager, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	am := &Alertmanager{Route: Route{ // Alertmanager's own defaults
		Wait: model.Duration(30 * time.Second), Interval: model.Duration(5 * time.Minute), Repeat: model.Duration(4 * time.Hour),
	}}
	if err := yaml.Unmarshal(content, am); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	am.Route.inherit(am.Route)
	return am, nil
}

// inherit fills in what is not set, down the tree.
func (r *Route) inherit(parent Route) {
	if r.Receiver == "" {
		r.Receiver = parent.Receiver
	}
	if r.GroupBy == nil {
		r.GroupBy = parent.GroupBy
	}
	for _, d := range []struct {
		own    *model.Duration
		parent model.Duration
	}{{&r.Wait, parent.Wait}, {&r.Interval, parent.Interval}, {&r.Repeat, parent.Repeat}} {
		if *d.own == 0 {
			*d.own = d.parent
		}
	}
	for i := range r.Routes {
		r.Routes[i].inherit(*r)
	}
}

// taken returns the routes that an alert takes: the first that match at each level,
// and the next too where one says so.
func (r *Route) taken(a Alert) (all []*Route) {
	if !r.Matchers.match(a) {
		return nil
	}
	for i := range r.Routes {
		below := r.Routes[i].taken(a)
		all = append(all, below...)
		if len(below) > 0 && !r.Routes[i].Continue {
			break
		}
	}
	if len(all) == 0 {
		all = []*Route{r}
	}
	return all
}

// tells whether a receiver is the exporter's webhook.
func (am *Alertmanager) tells(receiver string) bool {
	for _, r := range am.Receivers {
		for _, w := range r.Webhooks {
			if r.Name == receiver && strings.HasSuffix(w.URL, "/bridge/alertmanager") {
				return true
			}
		}
	}
	return false
}

// ID is the same for the same labels.
func (a Alert) ID() string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(a)) {
		text += name + "=" + strconv.Quote(a[name]) + ","
	}
	return text
}

// held is an alert that Alertmanager knows.
type held struct {
	labels   Alert
	from, to time.Time // to is zero while it fires
}

// group is a group of alerts that are told together.
type group struct {
	route  *Route
	labels Alert
	alerts map[string]*held
	next   time.Time // when it is looked at
	// What the receiver was told last, and when.
	firing, resolved map[string]bool
	told             time.Time
}

// Webhooks returns what the exporter is told of alerts that fire at times that
// follow each other closely.
func (am *Alertmanager) Webhooks(times []Firing) (all []Webhook) {
	groups, known := map[string]*group{}, map[string]*held{}
	for _, now := range times {
		// What is due before what fires now is told without it.
		all = append(all, am.flush(groups, known, now.At)...)
		fires := map[string]bool{}
		for _, a := range now.Alerts {
			id := a.ID()
			fires[id] = true
			h := known[id]
			if h == nil || !h.to.IsZero() {
				h = &held{labels: a, from: now.At}
				known[id] = h
			}
			for _, route := range am.Route.taken(a) {
				if am.tells(route.Receiver) {
					groupOf(groups, route, a, now.At).alerts[id] = h
				}
			}
		}
		for id, h := range known {
			if h.to.IsZero() && !fires[id] {
				h.to = now.At
			}
		}
	}
	return all
}

// groupOf returns the group that an alert belongs to.
func groupOf(groups map[string]*group, route *Route, a Alert, now time.Time) *group {
	by := Alert{}
	for _, name := range route.GroupBy {
		if v, ok := a[name]; ok {
			by[name] = v
		}
	}
	key := fmt.Sprintf("%p %s", route, by.ID())
	g := groups[key]
	if g == nil {
		g = &group{route: route, labels: by, alerts: map[string]*held{}}
		groups[key] = g
	}
	if len(g.alerts) == 0 && !g.next.After(now) {
		g.next = now.Add(time.Duration(route.Wait))
	}
	return g
}

// flush looks at the groups that are due up to a time.
func (am *Alertmanager) flush(groups map[string]*group, known map[string]*held, until time.Time) (all []Webhook) {
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		for g := groups[key]; len(g.alerts) > 0 && !g.next.After(until); g.next = g.next.Add(time.Duration(g.route.Interval)) {
			tell := map[string]*held{}
			for id, h := range g.alerts {
				if !am.inhibited(h.labels, known) {
					tell[id] = h
				}
			}
			if g.worthTelling(tell) {
				g.told = g.next
				all = append(all, Webhook{g.next, g.body(tell)})
			}
			// What has ended is forgotten, told or not.
			maps.DeleteFunc(g.alerts, func(_ string, h *held) bool { return !h.to.IsZero() })
		}
	}
	slices.SortStableFunc(all, func(a, b Webhook) int { return a.At.Compare(b.At) })
	return all
}

// inhibited tells whether another alert that fires keeps one to itself. One that is
// on both sides of a rule is not kept by others that are.
func (am *Alertmanager) inhibited(a Alert, known map[string]*held) bool {
	for _, rule := range am.Inhibit {
		if !rule.Target.match(a) {
			continue
		}
		for _, h := range known {
			source := h.labels
			both := rule.Source.match(a) && rule.Target.match(source)
			differ := slices.ContainsFunc(rule.Equal, func(name string) bool { return source[name] != a[name] })
			if h.to.IsZero() && rule.Source.match(source) && !both && !differ {
				return true
			}
		}
	}
	return false
}

// worthTelling tells whether there is news for the receiver, and notes it.
func (g *group) worthTelling(tell map[string]*held) bool {
	firing, resolved := map[string]bool{}, map[string]bool{}
	for id, h := range tell {
		if h.to.IsZero() {
			firing[id] = true
		} else {
			resolved[id] = true
		}
	}
	news := !within(firing, g.firing)
	switch {
	case g.told.IsZero():
		news = len(firing) > 0
	case news:
	case len(firing) == 0:
		news = len(g.firing) > 0
	default:
		news = !within(resolved, g.resolved) || !g.told.Add(time.Duration(g.route.Repeat)).After(g.next)
	}
	if news {
		g.firing, g.resolved = firing, resolved
	}
	return news
}

// within tells whether all of some are among others.
func within(some, others map[string]bool) bool {
	for id := range some {
		if !others[id] {
			return false
		}
	}
	return true
}

// body is what Alertmanager sends, version 4.
func (g *group) body(tell map[string]*held) string {
	type alert struct {
		Status       string    `json:"status"`
		Labels       Alert     `json:"labels"`
		Annotations  Alert     `json:"annotations"`
		StartsAt     time.Time `json:"startsAt"`
		EndsAt       time.Time `json:"endsAt"`
		GeneratorURL string    `json:"generatorURL"`
		Fingerprint  string    `json:"fingerprint"`
	}
	status, alerts := "resolved", []alert{}
	for _, id := range slices.Sorted(maps.Keys(tell)) {
		h := tell[id]
		is := "resolved"
		if h.to.IsZero() {
			is, status = "firing", "firing"
		}
		print := fnv.New64a()
		_, _ = print.Write([]byte(id))
		alerts = append(alerts, alert{is, h.labels, Alert{"summary": h.labels["alertname"]}, h.from, h.to, "", fmt.Sprintf("%016x", print.Sum64())})
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": g.labels.ID(), "truncatedAlerts": 0, "status": status, "receiver": g.route.Receiver,
		"groupLabels": g.labels, "commonLabels": Alert{}, "commonAnnotations": Alert{}, "externalURL": "", "alerts": alerts,
	})
	if err != nil { // there is nothing in it that JSON has no words for
		panic(err)
	}
	return string(body)
}
