package systemcenter

import (
	"fmt"
	"strings"

	"github.com/idp-exporter/idp_exporter/bridges/snmp/mib"
	"github.com/idp-exporter/idp_exporter/internal/pack"
)

// varbind returns where the value of a variable of a notification, named
// without the prefix, stands in the data of a trap. It is chosen by its OID, as
// Microsoft's page on expressions for SNMP events has it: numbers would depend
// on whether sysUpTime.0 and snmpTrapOID.0 count, which is told nowhere. Nor is
// it told whether OIDs begin with a dot, so both forms will do.
func varbind(m mib.Model, name string) (string, error) {
	for _, o := range m.Carried() {
		if o.Name == m.Prefix+name {
			return fmt.Sprintf(`EventData/DataItem/SnmpVarBinds/SnmpVarBind[OID="%[1]s" or OID=".%[1]s"]/Value`, o.OID), nil
		}
	}
	return "", fmt.Errorf("no notification carries %s%s", m.Prefix, name)
}

// base is what every pack has.
type base struct {
	ID, Version, Name, Class string
	// Key is the registry key that makes a watcher, below HKLM\SOFTWARE.
	Key        string
	References []reference
	// Events are the rules whose events have a view, none for no view.
	Events   []string
	Messages []string
	Strings  []text
	Articles []article
}

// reference is a library that a pack rests on. The version is the oldest that
// will do.
type reference struct{ Alias, ID, Version string }

var (
	refSystem  = reference{"System", "System.Library", "7.5.8501.0"}
	refHealth  = reference{"Health", "System.Health.Library", "7.0.8437.0"}
	refNetwork = reference{"SNL", "System.NetworkManagement.Library", "7.0.8437.0"}
	refWindows = reference{"Windows", "Microsoft.Windows.Library", "7.5.8501.0"}
	refCenter  = reference{"SC", "Microsoft.SystemCenter.Library", "6.1.7221.0"}
	refWeb     = reference{"Web", "Microsoft.SystemCenter.WebApplication.Library", "6.1.7221.0"}
)

// text is what a console shows of an element, or of a part of one.
type text struct{ Element, Sub, Name, Description string }

// article is the knowledge that belongs to an element. Content is XML.
type article struct{ Element, Content string }

func newBase(site pack.Site, suffix, name, class string, references ...reference) base {
	root := capital(site.MIB.Prefix) + ".Exporter" + suffix
	b := base{ID: root, Version: versionOf(site), Name: name, Class: root + class, Key: capital(site.MIB.Prefix) + "Exporter", References: references}
	b.show("", "", name, "idp_exporter watches whether people can sign in. See "+site.URL+"docs/")
	b.show("Folder", "", name, "")
	b.show("AlertView", "", "Alerts", "Alerts that are not closed.")
	b.show("StateView", "", "State", "")
	return b
}

// show adds the text of an element below the pack's own ID.
func (b *base) show(element, sub, name, description string) {
	b.Strings = append(b.Strings, text{b.under(element), sub, name, description})
}

// message adds a message of an alert, and its text.
func (b *base) message(element, name, description string) {
	b.Messages = append(b.Messages, b.under(element))
	b.show(element, "", name, description)
}

func (b *base) teach(element, content string) {
	b.Articles = append(b.Articles, article{b.under(element), content})
}

func (b *base) under(element string) string {
	if element == "" {
		return b.ID
	}
	return b.ID + "." + element
}

// interval is the text of the one parameter that can be overridden.
func (b *base) interval(element string) {
	b.show(element, "IntervalSeconds", "Interval (seconds)", "")
}

// watcher shows the class of computers that ask over HTTP, and its discovery.
func (b *base) watcher() {
	b.show("Watcher", "", b.Name+" watcher", "A computer that asks an exporter: its registry has HKLM\\SOFTWARE\\"+b.Key+".")
	b.show("Watcher", "Url", "URL", "The exporter's address, without a slash at the end.")
	b.show("Watcher", "TokenFile", "Token file", "A file with a token, readable by the action account alone; empty for none.")
	b.show("Watcher.Discovery", "", "Discovers "+b.Name+" watchers", "")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
