package systemcenter

import (
	"regexp"
	"slices"
	"strings"
)

// kinds says which elements an attribute may name.
var kinds = map[string][]string{
	"Target": {"ClassType"}, "Base": {"ClassType"}, "ParentMonitorID": {"UnitMonitor"}, "ParentFolder": {"Folder"}, "Folder": {"Folder"},
	"AlertMessage": {"StringResource"},
}

// name resolves what names an element, and returns the element if it is of
// this pack.
func (c *checker) name(at *element, s string, kind ...string) *element {
	if alias, name, foreign := strings.Cut(s, "!"); foreign {
		library, declared := c.aliases[alias]
		if !declared {
			c.problem(at, "alias %s is not declared", alias)
			return nil
		}
		c.used[alias] = true
		if _, ok := known[library][name]; !ok {
			c.problem(at, "%s has no %s", library, name)
		}
		return nil
	}
	e, ok := c.own[s]
	switch {
	case !ok:
		c.problem(at, "there is no %s", s)
	case len(kind) > 0 && !slices.Contains(kind, e.name):
		c.problem(at, "%s is a %s, not a %v", s, e.name, kind)
	}
	return e
}

var (
	expression = regexp.MustCompile(`\$(Target|MPElement|Config|Data)\b[^$]*\$`)
	property   = regexp.MustCompile(`^\$(?:Target/(?:Host/)?Property\[Type|MPElement\[Name)="([^"]+)"\](?:/([A-Za-z]+))?\$$`)
	simple     = regexp.MustCompile(`^\$(Target/Id|Data/[A-Za-z0-9_./\[\]@'=]+|Data/[A-Za-z/]+` + byOID + `)\$$`)
)

// references resolves what an element names, in attributes and in text.
func (c *checker) references(e *element) {
	for a, v := range e.attrs {
		switch {
		case a == "TypeID":
			want := map[string][]string{
				"DataSource": {"DataSourceModuleType"}, "UnitMonitor": {"UnitMonitorType"}, "DiscoveryClass": {"ClassType"},
			}[e.name]
			if !strings.Contains(v, "!") && want == nil {
				c.problem(e, "%s is of no library", v)
			}
			c.name(e, v, want...)
		case kinds[a] != nil:
			c.name(e, v, kinds[a]...)
		case a == "Selector":
			c.expressions(e, v)
		}
	}
	if e.name == "OutputType" {
		c.name(e, e.text)
	}
	if e.name == "ScriptBody" {
		if found := expression.FindString(e.text); found != "" {
			c.problem(e, "%s would be replaced in the script", found)
		}
		return
	}
	if e.name != "MamlContent" && e.within("MamlContent", "DisplayStrings") == nil {
		c.expressions(e, e.text)
	}
}

// expressions resolves what is between dollar signs.
func (c *checker) expressions(e *element, s string) {
	left := expression.ReplaceAllStringFunc(s, func(x string) string {
		if parameter, ok := strings.CutPrefix(x, "$Config/"); ok {
			c.parameter(e, strings.TrimSuffix(parameter, "$"))
			return ""
		}
		if simple.MatchString(x) {
			return ""
		}
		m := property.FindStringSubmatch(x)
		if m == nil {
			c.problem(e, "%s cannot be understood", x)
			return ""
		}
		c.property(e, m[1], m[2])
		return ""
	})
	if strings.Contains(left, "$") && e.name != "Pattern" {
		c.problem(e, "a dollar sign is left in %q", s)
	}
}

func (c *checker) parameter(e *element, name string) {
	kind := e.within("DataSourceModuleType", "UnitMonitorType")
	if kind == nil {
		c.problem(e, "nothing is configured here")
		return
	}
	for _, p := range kind.child("Configuration").children {
		if p.attrs["name"] == name {
			return
		}
	}
	c.problem(e, "%s has no parameter %s", kind.attrs["ID"], name)
}

// property resolves a property of a class, or an element where there is none.
func (c *checker) property(e *element, class, name string) {
	own := c.name(e, class)
	if name == "" {
		return
	}
	var properties []string
	if own != nil {
		for _, p := range own.all("Property") {
			properties = append(properties, p.attrs["ID"])
		}
	} else if alias, foreign, ok := strings.Cut(class, "!"); ok {
		properties = known[c.aliases[alias]][foreign]
	}
	if !slices.Contains(properties, name) {
		c.problem(e, "%s has no property %s", class, name)
	}
}

// monitorTypes looks at how states and modules of a type hang together.
func (c *checker) monitorTypes() {
	for _, t := range c.root.all("UnitMonitorType") {
		states, detected := attrsOf(t.all("MonitorTypeState"), "ID"), attrsOf(t.all("RegularDetection"), "MonitorTypeStateID")
		if !same(states, detected) {
			c.problem(t, "states %v, but %v are detected", states, detected)
		}
	}
	for _, scope := range c.root.all("Composite", "MonitorImplementation") {
		modules, nodes := attrsOf(scope.child("MemberModules").children, "ID"), attrsOf(scope.all("Node"), "ID")
		for _, n := range scope.all("Node") {
			for _, m := range scope.child("MemberModules").children {
				if m.attrs["ID"] == n.attrs["ID"] {
					c.inputs(m, n)
				}
			}
		}
		slices.Sort(nodes)
		if !same(modules, slices.Compact(nodes)) {
			c.problem(scope, "modules %v, but %v are composed", modules, nodes)
		}
	}
	for _, p := range c.root.all("OverrideableParameter") {
		if p.attrs["Selector"] != "$Config/"+p.attrs["ID"]+"$" {
			c.problem(p, "%s does not select %s", p.attrs["Selector"], p.attrs["ID"])
		}
	}
}

// inputs looks at how many streams of data a module gets.
func (c *checker) inputs(module, node *element) {
	want := 1
	switch {
	case module.name == "DataSource":
		want = 0
	case slices.Contains(twoInputs, module.attrs["TypeID"]):
		want = 2
	}
	if len(node.children) != want {
		c.problem(node, "%s takes %d streams of data and gets %d", module.attrs["TypeID"], want, len(node.children))
	}
}

// monitors looks at states, and at what an alert is told.
func (c *checker) monitors() {
	for _, m := range c.root.all("UnitMonitor") {
		states := pollingStates
		if t, own := c.own[m.attrs["TypeID"]]; own {
			states = attrsOf(t.all("MonitorTypeState"), "ID")
		}
		operational := m.all("OperationalState")
		if used := attrsOf(operational, "MonitorTypeStateID"); !same(states, used) {
			c.problem(m, "the type has the states %v, the monitor uses %v", states, used)
		}
		healths := attrsOf(operational, "HealthState")
		for i, h := range healths {
			if !slices.Contains([]string{"Success", "Warning", "Error"}, h) || slices.Contains(healths[:i], h) {
				c.problem(m, "health %s is none, or there twice", h)
			}
		}
		alert := m.child("AlertSettings")
		if on := alert.child("AlertOnState").text; on == "Success" || !slices.Contains(healths, on) {
			c.problem(m, "it never is in the state %s that is to alert", on)
		}
		if alert.child("AutoResolve").text != "true" {
			c.problem(m, "the alert does not close by itself")
		}
		c.placeholders(m, alert.attrs["AlertMessage"], alert.child("AlertParameters"))
	}
}

var placeholder = regexp.MustCompile(`\{(\d+)\}`)

// placeholders looks whether a message gets all that it wants, and no more.
func (c *checker) placeholders(at *element, message string, parameters *element) {
	most := -1
	for _, d := range c.root.all("DisplayString") {
		if d.attrs["ElementID"] == message {
			for _, m := range placeholder.FindAllStringSubmatch(d.child("Name").text+d.child("Description").text, -1) {
				most = max(most, int(m[1][0]-'0'))
			}
		}
	}
	if most+1 != len(parameters.children) {
		c.problem(at, "the message %s wants %d parameters and gets %d", message, most+1, len(parameters.children))
	}
}

func attrsOf(elements []*element, name string) (values []string) {
	for _, e := range elements {
		values = append(values, e.attrs[name])
	}
	return values
}

// same tells whether two lists have the same members, each once.
func same(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b) && len(slices.Compact(a)) == len(b)
}
