package systemcenter

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/probes"
)

// shown returns what a console shows: element and part of it.
func (c *checker) shown() map[[2]string]*element {
	m := map[[2]string]*element{{c.root.child("Manifest").child("Identity").child("ID").text, ""}: c.root}
	for id, e := range c.own {
		if e.name != "FolderItem" {
			m[[2]string{id, ""}] = e
		}
		for _, part := range e.all("Property", "OperationalState", "MonitorTypeState", "OverrideableParameter") {
			m[[2]string{id, part.attrs["ID"]}] = part
		}
	}
	return m
}

func (c *checker) strings() {
	shown, seen := c.shown(), map[[2]string]bool{}
	for _, d := range c.root.all("DisplayString") {
		k := [2]string{d.attrs["ElementID"], d.attrs["SubElementID"]}
		if shown[k] == nil {
			c.problem(d, "there is no %s %s to show", k[0], k[1])
		}
		if seen[k] {
			c.problem(d, "%s %s twice", k[0], k[1])
		}
		seen[k] = true
		if strings.TrimSpace(d.child("Name").text) == "" {
			c.problem(d, "the name of %s %s is empty", k[0], k[1])
		}
	}
	for k, e := range shown {
		if !seen[k] {
			c.problem(e, "%s %s has no display string", k[0], k[1])
		}
	}
}

// knowledge looks whether everything that alerts has an article.
func (c *checker) knowledge() {
	seen := map[string]bool{}
	for _, a := range c.root.all("KnowledgeArticle") {
		id := a.attrs["ElementID"]
		if seen[id] {
			c.problem(a, "%s twice", id)
		}
		seen[id] = true
		c.name(a, id, "Rule", "UnitMonitor")
		for _, p := range a.all("maml:para") {
			if strings.TrimSpace(p.text) == "" && len(p.children) == 0 {
				c.problem(p, "empty")
			}
		}
	}
	for _, e := range c.root.all("Rule", "UnitMonitor") {
		if !seen[e.attrs["ID"]] {
			c.problem(e, "%s has no knowledge", e.attrs["ID"])
		}
	}
}

func (c *checker) presentation() {
	for _, r := range c.root.all("RuleName") {
		m := property.FindStringSubmatch(r.text)
		if m == nil {
			c.problem(r, "%s names no rule", r.text)
		} else if rule := c.name(r, m[1], "Rule"); rule != nil && len(rule.all("WriteAction")) > 0 && !strings.HasSuffix(rule.all("WriteAction")[0].attrs["TypeID"], ".CollectEvent") {
			c.problem(r, "%s collects no event", m[1])
		}
	}
	for _, i := range c.root.all("FolderItem") {
		c.name(i, i.attrs["ElementID"], "View")
	}
	for _, v := range c.root.all("View") {
		found := false
		for _, i := range c.root.all("FolderItem") {
			found = found || i.attrs["ElementID"] == v.attrs["ID"]
		}
		if !found {
			c.problem(v, "%s is in no folder", v.attrs["ID"])
		}
	}
	used := map[string]bool{}
	for _, a := range c.root.all("AlertSettings") {
		used[a.attrs["AlertMessage"]] = true
	}
	for _, a := range c.root.all("AlertMessageId") {
		if m := property.FindStringSubmatch(strings.TrimSpace(a.text)); m != nil {
			c.name(a, m[1], "StringResource")
			used[m[1]] = true
		}
	}
	for _, s := range c.root.all("StringResource") {
		if !used[s.attrs["ID"]] {
			c.problem(s, "%s is never used", s.attrs["ID"])
		}
	}
}

// byOID is how the value of a variable of a trap is chosen.
const byOID = `SnmpVarBinds/SnmpVarBind\[OID="([0-9.]+)" or OID="\.([0-9.]+)"\]/Value`

var (
	variable = regexp.MustCompile(`^\$?(?:Data/)?EventData/DataItem/` + byOID + `\$?$`)
	position = regexp.MustCompile(`SnmpVarBind\[(\d+)\]`)
)

// rules looks whether traps are told apart by the right variable and value, and
// whether every variable is the one it is taken for.
func (c *checker) rules() {
	is := func(e *element, name string) {
		want := ""
		for _, o := range c.model.Carried() {
			if o.Name == c.model.Prefix+name {
				want = o.OID.String()
			}
		}
		if m := variable.FindStringSubmatch(e.text); m == nil || m[1] != want || m[2] != want {
			c.problem(e, "%s is not %s, which is %s", e.text, name, want)
		}
	}
	for _, r := range c.root.all("Rule") {
		oid := r.child("DataSources").all("OIDProp")
		kind := bridges.EventKind("")
		for _, n := range c.model.Notifications() {
			if len(oid) == 1 && oid[0].text == n.OID.String() {
				kind = n.Kind
			}
		}
		if kind == "" || !strings.Contains(strings.ToLower(r.attrs["ID"]), "."+string(kind)) {
			c.problem(r, "%s listens to the notification of kind %q", r.attrs["ID"], kind)
		}
		alerts := r.child("WriteActions").all("AlertMessageId")
		if len(alerts) == 0 {
			continue
		}
		alert := alerts[0].parent
		severity := probes.Severity(strings.ToLower(r.attrs["ID"][strings.LastIndex(r.attrs["ID"], ".")+1:]))
		words := bridges.ConsoleOf(severity)
		filter := r.child("ConditionDetection")
		for _, q := range filter.all("XPathQuery") {
			is(q, "AlarmSeverity")
		}
		for _, v := range filter.all("Value") {
			if v.text != strconv.Itoa(words.ITU) {
				c.problem(v, "%s is not %s(%d)", v.text, severity, words.ITU)
			}
		}
		if alert.child("Severity").text != strconv.Itoa(words.SCOM) {
			c.problem(alert, "severity %s for %s", alert.child("Severity").text, severity)
		}
		for _, v := range alert.all("SuppressionValue") {
			is(v, "AlarmId")
		}
		for i, name := range []string{"AlarmName", "AlarmTarget", "AlarmText", "AlarmReason", "AlarmRunbook"} {
			is(alert.child("AlertParameters").child("AlertParameter"+strconv.Itoa(i+1)), name)
		}
		for i, name := range []string{"AlarmId", "AlarmProbe", "AlarmNode", "AlarmRunbook"} {
			is(alert.child("Custom"+strconv.Itoa(i+1)), name)
		}
		c.placeholders(r, r.attrs["ID"]+".Message", alert.child("AlertParameters"))
	}
	// What is polled is one variable.
	for _, e := range c.root.child("Monitoring").child("Monitors").all("XPathQuery", "AlertParameter1") {
		if m := position.FindStringSubmatch(e.text); m != nil && m[1] != "1" {
			c.problem(e, "one variable is asked for, not %s", m[1])
		}
	}
}

var numbers = regexp.MustCompile(`^\.?\d+(\.\d+){5,}$`)

// oids looks whether every OID is one of the model, in its place.
func (c *checker) oids() {
	polled := map[string]string{c.model.Status()[0].OID.String(): "Verdict"}
	for i, o := range c.model.Counts() {
		polled[o.OID.String()] = capital(string(probes.Severities()[i]))
	}
	c.root.walk(func(e *element) {
		text := strings.TrimSpace(e.text)
		if !numbers.MatchString(text) {
			return
		}
		switch e.name {
		case "OIDProp": // see rules
		case "TriggerOID":
			if beat, err := c.model.Notification(bridges.Heartbeat); err != nil || text != beat.String() {
				c.problem(e, "%s is not the heartbeat", text)
			}
		case "OID":
			name, ok := polled[text]
			if !ok {
				c.problem(e, "%s is none that can be polled", text)
			}
			if m := e.within("UnitMonitor"); m != nil && !strings.HasSuffix(m.attrs["ID"], "."+name) {
				c.problem(e, "%s polls the OID of %s", m.attrs["ID"], name)
			}
		default:
			if strings.TrimPrefix(text, ".") != c.model.Agent().String() {
				c.problem(e, "%s is not the sysObjectID", text)
			}
		}
	})
}
