package systemcenter

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
)

// checker collects what is wrong with a management pack.
type checker struct {
	model    mib.Model
	root     *element
	problems []string
	aliases  map[string]string
	used     map[string]bool
	// own are the elements that others may name, by their IDs.
	own map[string]*element
}

// check returns what is wrong with a pack of that file name.
func check(model mib.Model, file string, document []byte) []string {
	root, err := parse(document)
	if err != nil {
		return []string{"not well-formed: " + err.Error()}
	}
	for _, l := range root.all("RuleList") {
		for _, r := range l.children {
			r.name = strings.Replace(r.name, "Rule", "RuleName", 1) // what it holds is not what other elements of that name do
		}
	}
	c := &checker{model: model, root: root, aliases: map[string]string{}, used: map[string]bool{}, own: map[string]*element{}}
	c.manifest(file)
	c.ids()
	root.walk(c.form)
	root.walk(c.references)
	c.monitorTypes()
	c.monitors()
	c.rules()
	c.presentation()
	c.strings()
	c.knowledge()
	c.oids()
	for alias := range c.aliases {
		if !c.used[alias] {
			c.problem(nil, "alias %s is declared and never used", alias)
		}
	}
	return c.problems
}

func (c *checker) problem(at *element, format string, a ...any) {
	place := ""
	if at != nil {
		place = fmt.Sprintf("line %d, %s: ", at.line, at.name)
	}
	c.problems = append(c.problems, place+fmt.Sprintf(format, a...))
}

var (
	version = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
	goodID  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._]{0,254}$`)
)

func (c *checker) manifest(file string) {
	m := c.root.child("Manifest")
	id := m.child("Identity")
	if id.child("ID").text+".xml" != file {
		c.problem(id, "the pack is %s, its file %s", id.child("ID").text, file)
	}
	if !version.MatchString(id.child("Version").text) {
		c.problem(id, "%q is no version", id.child("Version").text)
	}
	for _, r := range m.all("Reference") {
		alias, library := r.attrs["Alias"], r.child("ID").text
		if _, twice := c.aliases[alias]; twice {
			c.problem(r, "alias %s twice", alias)
		}
		c.aliases[alias] = library
		if want, ok := oldest[library]; !ok || want != r.child("Version").text {
			c.problem(r, "%s %s, not a library that is known in %s", library, r.child("Version").text, want)
		}
		if r.child("PublicKeyToken").text != "31bf3856ad364e35" {
			c.problem(r, "not Microsoft's token")
		}
	}
}

// named are the elements whose IDs are unique in the whole pack.
var named = []string{"ClassType", "DataSourceModuleType", "UnitMonitorType", "Discovery", "Rule", "UnitMonitor", "View", "Folder", "FolderItem", "StringResource"}

func (c *checker) ids() {
	for _, e := range c.root.all(named...) {
		id := e.attrs["ID"]
		if !goodID.MatchString(id) {
			c.problem(e, "%q is no ID", id)
		}
		if _, twice := c.own[id]; twice {
			c.problem(e, "ID %s twice", id)
		}
		c.own[id] = e
	}
	// Within their scope alone:
	for _, scope := range c.root.all("MemberModules", "Rule", "OperationalStates", "MonitorTypeStates", "ClassType", "OverrideableParameters") {
		seen := map[string]bool{}
		for _, e := range scope.all("DataSource", "ProbeAction", "ConditionDetection", "WriteAction", "OperationalState", "MonitorTypeState", "Property", "OverrideableParameter") {
			if id := e.attrs["ID"]; seen[id] || !goodID.MatchString(id) {
				c.problem(e, "ID %q is none, or there twice", id)
			} else {
				seen[id] = true
			}
		}
	}
}

// form looks at order, number and attributes of what an element has.
func (c *checker) form(e *element) {
	var allowed []string
	for _, a := range strings.Fields(attributes[e.name]) {
		name, optional := strings.CutSuffix(a, "?")
		allowed = append(allowed, name)
		if _, has := e.attrs[name]; !has && !optional {
			c.problem(e, "attribute %s is missing", name)
		}
	}
	for a := range e.attrs {
		if !slices.Contains(allowed, a) {
			c.problem(e, "there is no attribute %s", a)
		}
	}
	if len(e.children) > 0 && strings.TrimSpace(e.text) != "" && e.name != "maml:para" {
		c.problem(e, "text beside elements")
	}
	if words, ok := values[e.name]; ok && !slices.Contains(strings.Fields(words), e.text) {
		c.problem(e, "%q is none of %s", e.text, words)
	}
	if choice, ok := oneOf[e.name]; ok && e.parent.name != "CorrelationExpression" {
		if len(e.children) != 1 || !slices.Contains(strings.Fields(choice), e.children[0].name) {
			c.problem(e, "exactly one of %s stands here", choice)
		}
		return
	}
	switch e.name {
	case "maml:section":
		if len(e.children) < 2 || e.children[0].name != "maml:title" || strings.TrimSpace(e.children[0].text) == "" {
			c.problem(e, "a section has a title and something else")
		}
		for _, child := range e.children[min(1, len(e.children)):] {
			if child.name != "maml:para" && child.name != "maml:list" {
				c.problem(child, "only paragraphs and lists follow a title")
			}
		}
	case "And", "Or":
		if len(e.children) < 2 {
			c.problem(e, "at least two expressions stand here")
		}
		c.order(e, order[e.name])
	case "Configuration":
		if e.parent.name != "UnitMonitor" {
			c.order(e, "xsd:element*")
			return
		}
		c.configuration(e, e.parent.attrs["TypeID"])
	case "DataSource", "ProbeAction", "ConditionDetection", "WriteAction":
		c.configuration(e, e.attrs["TypeID"])
	default:
		c.order(e, order[e.name])
	}
}

// configuration looks at what a module or monitor is given.
func (c *checker) configuration(e *element, typeID string) {
	if own, ok := c.own[typeID]; ok {
		var parameters []string
		for _, p := range own.child("Configuration").children {
			parameters = append(parameters, p.attrs["name"])
		}
		c.order(e, strings.Join(parameters, " "))
		return
	}
	_, name, _ := strings.Cut(typeID, "!")
	spec, ok := configuration[name]
	if !ok {
		c.problem(e, "it is not known what %s takes", typeID)
		return
	}
	c.order(e, spec)
}

// order looks at the children of an element.
func (c *checker) order(e *element, spec string) {
	rest := e.children
	for _, s := range strings.Fields(spec) {
		name := strings.TrimRight(s, "?*+")
		n := 0
		for len(rest) > 0 && rest[0].name == name && (n == 0 || strings.HasSuffix(s, "*") || strings.HasSuffix(s, "+")) {
			rest, n = rest[1:], n+1
		}
		if n == 0 && !strings.HasSuffix(s, "?") && !strings.HasSuffix(s, "*") {
			c.problem(e, "%s is missing, or stands in the wrong place", name)
		}
	}
	for _, r := range rest {
		c.problem(r, "does not belong here: %s has %q in this order", e.name, spec)
	}
}
