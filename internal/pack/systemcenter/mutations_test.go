package systemcenter

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckerFindsMistakes makes one mistake after the other in a pack and
// expects the checker to name it.
func TestCheckerFindsMistakes(t *testing.T) {
	t.Parallel()
	const snmp, http, web = "Idp.Exporter.xml", "Idp.Exporter.Http.xml", "Idp.Exporter.Web.xml"
	site, files := made(t, "", "", "")
	for _, tt := range []struct{ name, file, old, replace, want string }{
		{"not closed", snmp, "</Manifest>", "", "not well-formed"},
		{"attribute twice", snmp, `<Rule ID="Idp.Exporter.Clear"`, `<Rule Enabled="false" ID="Idp.Exporter.Clear"`, "not well-formed"},
		{"something after the end", snmp, "</ManagementPack>", "</ManagementPack><More />", "not well-formed"},
		{"another name than the file's", snmp, "<ID>Idp.Exporter</ID>", "<ID>Idp.Exporters</ID>", "its file"},
		{"no version", snmp, "<Version>1.1.0.0</Version>", "<Version>1.0</Version>", "no version"},
		{"another version of a library", snmp, "<Version>7.0.8437.0</Version>", "<Version>7.3.13142.0</Version>", "not a library that is known"},
		{"another token", snmp, "31bf3856ad364e35", "31bf3856ad364e36", "Microsoft's token"},

		{"sections swapped", snmp, "<Rules>", "<Monitors></Monitors><Rules>", "does not belong here"},
		{"category after its place", snmp, "<Category>Alert</Category>\n        <DataSources>", "<DataSources>", "Category is missing"},
		{"alert settings after states", web, "<OperationalStates>", "<OperationalStates /><OperationalStates>", "does not belong here"},
		{"alert's elements swapped", snmp, "<AlertOnState>Error</AlertOnState>\n          <AutoResolve>true</AutoResolve>", "<AutoResolve>true</AutoResolve>\n          <AlertOnState>Error</AlertOnState>", "stands in the wrong place"},
		{"trap source without its address", snmp, "<IP>$Target/Property[Type=\"SNL!System.NetworkManagement.Node\"]/SNMPAddress$</IP>", "", "IP is missing"},
		{"script source swapped", http, "<ScriptName>Idp.Exporter.Http.Check.ps1</ScriptName>", "", "ScriptName is missing"},
		{"URL without a verb", web, "<Verb>GET</Verb>", "", "Verb is missing"},
		{"own type without a parameter", http, "<TokenFile>$Config/TokenFile$</TokenFile>", "", "TokenFile is missing"},
		{"unknown element", snmp, "<Discoveries>", "<Discoveries><Discover />", "does not belong here"},
		{"unknown attribute", snmp, `DiscardLevel="100"`, `DiscardLevel="100" Color="red"`, "no attribute Color"},
		{"attribute missing", snmp, ` DiscardLevel="100"`, "", "attribute DiscardLevel is missing"},
		{"and of one", web, "<And>\n                  <Expression>", "<And><Expression><SimpleExpression />", "exactly one of"},
		{"filter without operator", http, "<Operator>Equal</Operator>", "", "Operator is missing"},

		{"alias not declared", snmp, `<Reference Alias="SC">`, `<Reference Alias="SX">`, "alias SC is not declared"},
		{"alias not used", snmp, "<References>", `<References><Reference Alias="Web"><ID>Microsoft.SystemCenter.WebApplication.Library</ID><Version>6.1.7221.0</Version><PublicKeyToken>31bf3856ad364e35</PublicKeyToken></Reference>`, "never used"},
		{"no such element in a library", snmp, "Health!System.Health.GenerateAlert", "Health!System.Health.MakeAlert", "has no System.Health.MakeAlert"},
		{"no such parent", snmp, "Health!System.Health.AvailabilityState", "Health!System.Health.Availability", "has no System.Health.Availability"},
		{"no such property of a library", snmp, "/SNMPAddress$", "/Address$", "no property Address"},
		{"no such property of our own", http, `$Target/Property[Type="Idp.Exporter.Http.Watcher"]/Url$`, `$Target/Property[Type="Idp.Exporter.Http.Watcher"]/Uri$`, "no property Uri"},

		{"id twice", snmp, `<Rule ID="Idp.Exporter.Raise.Major"`, `<Rule ID="Idp.Exporter.Raise.Minor"`, "twice"},
		{"id with a space", snmp, `<StringResource ID="Idp.Exporter.Verdict.Message" />`, `<StringResource ID="Idp.Exporter.Verdict Message" />`, "is no ID"},
		{"rule renamed", snmp, `<Rule ID="Idp.Exporter.Raise.Major"`, `<Rule ID="Idp.Exporter.Raised.Major"`, "there is no Idp.Exporter.Raise.Major"},
		{"class renamed", snmp, `<ClassType ID="Idp.Exporter.Device"`, `<ClassType ID="Idp.Exporter.Devices"`, "there is no Idp.Exporter.Device"},
		{"target is a view", snmp, `Target="Idp.Exporter.Device" TypeID="SC!Microsoft.SystemCenter.AlertViewType"`, `Target="Idp.Exporter.StateView" TypeID="SC!Microsoft.SystemCenter.AlertViewType"`, "not a [ClassType]"},
		{"message of a monitor renamed", snmp, `AlertMessage="Idp.Exporter.Answers.Message"`, `AlertMessage="Idp.Exporter.Answer.Message"`, "there is no Idp.Exporter.Answer.Message"},
		{"message of a rule renamed", snmp, `$MPElement[Name="Idp.Exporter.Raise.Minor.Message"]$`, `$MPElement[Name="Idp.Exporter.Raise.Small.Message"]$`, "there is no Idp.Exporter.Raise.Small.Message"},
		{"string resource gone", snmp, `<StringResource ID="Idp.Exporter.Raise.Critical.Message" />`, "", "there is no Idp.Exporter.Raise.Critical.Message"},
		{"string resource unused", snmp, `<StringResources>`, `<StringResources><StringResource ID="Idp.Exporter.Unused" />`, "is never used"},
		{"folder item of nothing", snmp, `<FolderItem ElementID="Idp.Exporter.AlertView"`, `<FolderItem ElementID="Idp.Exporter.Alerts"`, "there is no Idp.Exporter.Alerts"},
		{"view in no folder", snmp, `<FolderItem ElementID="Idp.Exporter.AlertView"`, `<FolderItem ElementID="Idp.Exporter.StateView"`, "AlertView is in no folder"},
		{"no such folder", web, `Folder="Idp.Exporter.Web.Folder" />`, `Folder="Idp.Exporter.Web.Folders" />`, "there is no Idp.Exporter.Web.Folders"},
		{"monitor type renamed", http, `TypeID="Idp.Exporter.Http.Alarms.MonitorType"`, `TypeID="Idp.Exporter.Http.Alarm.MonitorType"`, "there is no Idp.Exporter.Http.Alarm.MonitorType"},
		{"parent is a rule", snmp, `ParentMonitorID="Health!System.Health.AvailabilityState"`, `ParentMonitorID="Idp.Exporter.Clear"`, "not a [UnitMonitor]"},
		{"no such parameter", http, "<Value>$Config/Url$</Value>", "<Value>$Config/URL$</Value>", "no parameter URL"},
		{"override of nothing", http, `Selector="$Config/IntervalSeconds$"`, `Selector="$Config/Url$"`, "does not select"},
		{"garbled expression", snmp, "$Target/Id$", "$Target/Name$", "cannot be understood"},
		{"expression not ended", snmp, "$Target/Id$", "$Target/Id", "dollar sign"},
		{"script that is replaced", http, "$base = $Url.TrimEnd('/')", "$base = '$Target/Id$'", "would be replaced in the script"},

		{"state that the type has not", snmp, `MonitorTypeStateID="FirstEventRaised"`, `MonitorTypeStateID="FirstRaised"`, "the monitor uses"},
		{"state left out", http, `<OperationalState ID="AlarmsWarning" MonitorTypeStateID="AlarmsWarning" HealthState="Warning" />`, "", "the monitor uses"},
		{"state never detected", http, `<RegularDetection MonitorTypeStateID="NoAlarm">`, `<RegularDetection MonitorTypeStateID="NoAlarms">`, "are detected"},
		{"two states of the same health", http, `HealthState="Warning"`, `HealthState="Error"`, "there twice"},
		{"module not composed", http, `<Node ID="NoAlarm">`, `<Node ID="NoneAlarm">`, "are composed"},
		{"alert on a state that never is", snmp, "<AlertOnState>Error</AlertOnState>", "<AlertOnState>Warning</AlertOnState>", "never is in the state"},
		{"alert that stays", snmp, "<AutoResolve>true</AutoResolve>", "<AutoResolve>false</AutoResolve>", "does not close by itself"},
		{"parameter that nobody gives", snmp, "<Name>IdP: {0} on {1}</Name>", "<Name>IdP: {0} on {5}</Name>", "wants 6 parameters and gets 5"},
		{"parameter that nobody wants", http, "/testall of the exporter: {1}", "/testall of the exporter", "wants 1 parameters and gets 2"},

		{"string dropped", snmp, "        <DisplayString ElementID=\"Idp.Exporter.Clear\">\n          <Name>Collect: Sign-in alarm cleared</Name>\n          <Description>The alarm with this id is over. Its severity is cleared(1).</Description>\n        </DisplayString>\n", "", "Idp.Exporter.Clear  has no display string"},
		{"string of a state renamed", snmp, `ElementID="Idp.Exporter.Answers" SubElementID="Silent"`, `ElementID="Idp.Exporter.Answers" SubElementID="Mute"`, "there is no Idp.Exporter.Answers Mute to show"},
		{"string of nothing", snmp, `<DisplayString ElementID="Idp.Exporter.Folder">`, `<DisplayString ElementID="Idp.Exporter.Folders">`, "there is no Idp.Exporter.Folders"},
		{"string twice", snmp, `<DisplayString ElementID="Idp.Exporter.AlertView">`, `<DisplayString ElementID="Idp.Exporter.StateView">`, "Idp.Exporter.StateView  twice"},
		{"empty name", web, "<Name>Alerts</Name>", "<Name> </Name>", "is empty"},
		{"knowledge of nothing", snmp, `<KnowledgeArticle ElementID="Idp.Exporter.Verdict"`, `<KnowledgeArticle ElementID="Idp.Exporter.Verdicts"`, "there is no Idp.Exporter.Verdicts"},
		{"knowledge of a view", snmp, `<KnowledgeArticle ElementID="Idp.Exporter.Verdict"`, `<KnowledgeArticle ElementID="Idp.Exporter.AlertView"`, "Idp.Exporter.Verdict has no knowledge"},
		{"knowledge in no namespace", snmp, `<maml:section xmlns:maml="` + maml + `">`, `<maml:section xmlns:maml="http://example.com">`, "maml:section is missing"},
		{"knowledge without a title", snmp, "<maml:title>Summary</maml:title>", "", "a section has a title"},

		{"another OID of a trap", snmp, "<OIDProp>1.3.6.1.4.1.32473.1.0.1</OIDProp>", "<OIDProp>1.3.6.1.4.1.32473.1.0.2</OIDProp>", `listens to the notification of kind "clear"`},
		{"an OID of nobody", snmp, "<OIDProp>1.3.6.1.4.1.32473.1.0.3</OIDProp>", "<OIDProp>1.3.6.1.4.1.32473.1.0.4</OIDProp>", `listens to the notification of kind ""`},
		{"another count", snmp, "<OID>1.3.6.1.4.1.32473.1.1.3.1.0</OID>", "<OID>1.3.6.1.4.1.32473.1.1.3.2.0</OID>", "polls the OID of Major"},
		{"no count", snmp, "<OID>1.3.6.1.4.1.32473.1.1.3.1.0</OID>", "<OID>1.3.6.1.4.1.32473.1.1.3.9.0</OID>", "none that can be polled"},
		{"another sysObjectID", snmp, ">1.3.6.1.4.1.32473.1.3.1<", ">1.3.6.1.4.1.32473.1.3.2<", "not the sysObjectID"},
		{"severity by another variable", snmp, `<XPathQuery Type="String">EventData/DataItem/SnmpVarBinds/SnmpVarBind[OID="1.3.6.1.4.1.32473.1.1.1.3.0"`, `<XPathQuery Type="String">EventData/DataItem/SnmpVarBinds/SnmpVarBind[OID="1.3.6.1.4.1.32473.1.1.1.4.0"`, "is not AlarmSeverity"},
		{"severity by another value", snmp, `<Value Type="String">3</Value>`, `<Value Type="String">4</Value>`, "is not critical(3)"},
		{"severity of the alert", snmp, "<Severity>2</Severity>", "<Severity>1</Severity>", "severity 1 for critical"},
		{"suppressed by the name", snmp, `<SuppressionValue>$Data/` + variableOf(1), `<SuppressionValue>$Data/` + variableOf(2), "is not AlarmId"},
		{"target for the name", snmp, `<AlertParameter1>$Data/` + variableOf(2), `<AlertParameter1>$Data/` + variableOf(4), "is not AlarmName"},
		{"severity without an instance", snmp, `.1.1.3.0"`, `.1.1.3"`, "is not AlarmSeverity"},
		{"severity without the dot", snmp, `or OID=".1`, `or OID="1`, "is not AlarmSeverity"},
		{"severity by a number", snmp, variableOf(3), "EventData/DataItem/SnmpVarBinds/SnmpVarBind[3]/Value", "is not AlarmSeverity"},
		{"clears for heartbeats", snmp, "<TriggerOID>1.3.6.1.4.1.32473.1.0.3</TriggerOID>", "<TriggerOID>1.3.6.1.4.1.32473.1.0.2</TriggerOID>", "not the heartbeat"},
		{"one heartbeat to two inputs", snmp, `<Node ID="First" />`, "", "takes 2 streams of data and gets 1"},
		{"order that is none", snmp, "InSequence", "InOrder", "is none of"},
		{"correlator's elements swapped", snmp, "<Latency>0</Latency>", "<Latency>0</Latency><Interval>1</Interval>", "does not belong here"},
		{"view of alerts as events", snmp, `<Rule>$MPElement[Name="Idp.Exporter.Clear"]$</Rule>`, `<Rule>$MPElement[Name="Idp.Exporter.Raise.Minor"]$</Rule>`, "collects no event"},
		{"view of no rule", snmp, `<Rule>$MPElement[Name="Idp.Exporter.Clear"]$</Rule>`, `<Rule>$MPElement[Name="Idp.Exporter.Cleared"]$</Rule>`, "there is no Idp.Exporter.Cleared"},
		{"second variable of a poll", snmp, "<XPathQuery Type=\"Integer\">/DataItem/SnmpVarBinds/SnmpVarBind[1]", "<XPathQuery Type=\"Integer\">/DataItem/SnmpVarBinds/SnmpVarBind[2]", "one variable is asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			document := string(files[tt.file])
			require.Contains(t, document, tt.old)
			problems := check(site.MIB, tt.file, []byte(strings.Replace(document, tt.old, tt.replace, 1)))
			require.Contains(t, strings.Join(problems, "\n"), tt.want)
		})
	}
}

// variableOf is where the nth variable of a trap stands in the pack of the
// default site.
func variableOf(n int) string {
	oid := "1.3.6.1.4.1.32473.1.1.1." + strconv.Itoa(n) + ".0"
	return `EventData/DataItem/SnmpVarBinds/SnmpVarBind[OID="` + oid + `" or OID=".` + oid + `"]/Value`
}
