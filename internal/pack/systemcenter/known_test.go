package systemcenter

// known is what the libraries have that packs may name, by public documents:
// the elements, and of classes the properties.
var known = map[string]map[string][]string{
	"System.Library": {
		"System.Entity": {"DisplayName"}, "System.Scheduler": nil, "System.Discovery.Scheduler": nil, "System.ExpressionFilter": nil,
		"System.Discovery.FilteredClassSnapshotDataMapper": nil, "System.Discovery.Data": nil, "System.PropertyBagData": nil,
		"System.CorrelatorAutoMissingCondition": nil,
	},
	"System.Health.Library": {"System.Health.AvailabilityState": nil, "System.Health.GenerateAlert": nil},
	"System.NetworkManagement.Library": {
		"System.NetworkManagement.Node":                  {"DeviceKey", "SystemObjectID", "SNMPAddress", "SNMPVersion", "PortNumber"},
		"System.NetworkManagement.SnmpTrapEventProvider": nil, "System.NetworkManagement.ExtendedSnmpQueryProvider": nil,
		"System.NetworkManagement.TrapTriggerProvider":                     nil,
		"System.NetworkManagement.SnmpProbe.2SingleEvent2StateMonitorType": nil,
	},
	"Microsoft.Windows.Library": {
		"Microsoft.Windows.Computer":         {"PrincipalName", "NetworkName"},
		"Microsoft.Windows.LocalApplication": nil, "Microsoft.Windows.Server.OperatingSystem": nil,
		"Microsoft.Windows.FilteredRegistryDiscoveryProvider": nil, "Microsoft.Windows.PowerShellPropertyBagTriggerOnlyProbe": nil,
	},
	"Microsoft.SystemCenter.Library": {
		"Microsoft.SystemCenter.AlertViewType": nil, "Microsoft.SystemCenter.StateViewType": nil, "Microsoft.SystemCenter.EventViewType": nil, "Microsoft.SystemCenter.CollectEvent": nil,
		"Microsoft.SystemCenter.Monitoring.ViewFolder.Root": nil,
	},
	"Microsoft.SystemCenter.WebApplication.Library": {
		"Microsoft.SystemCenter.WebApplication.PerProbe.Scheduler": nil, "Microsoft.SystemCenter.WebApplication.UrlProbe": nil,
		"Microsoft.SystemCenter.WebApplication.WebApplicationData": nil,
	},
}

// oldest is the version of each library that a pack is to name.
var oldest = map[string]string{
	"System.Library": "7.5.8501.0", "System.Health.Library": "7.0.8437.0", "System.NetworkManagement.Library": "7.0.8437.0",
	"Microsoft.Windows.Library": "7.5.8501.0", "Microsoft.SystemCenter.Library": "6.1.7221.0",
	"Microsoft.SystemCenter.WebApplication.Library": "6.1.7221.0",
}

// polling is the one monitor type of a library in use, with its states.
const polling = "System.NetworkManagement.SnmpProbe.2SingleEvent2StateMonitorType"

var pollingStates = []string{"FirstEventRaised", "SecondEventRaised"}

// order is what stands in an element, in this order: "?" may be left out, "*"
// may also come several times, "+" comes at least once. An element that is not
// here has no children.
var order = map[string]string{
	"ManagementPack":  "Manifest TypeDefinitions? Categories? Monitoring? ConfigurationGroups? Templates? PresentationTypes? Presentation? Warehouse? Reporting? LanguagePacks? Resources?",
	"Manifest":        "Identity Name References",
	"Identity":        "ID Version",
	"References":      "Reference+",
	"Reference":       "ID Version PublicKeyToken",
	"TypeDefinitions": "EntityTypes? DataTypes? SchemaTypes? SecureReferences? ModuleTypes? MonitorTypes?",
	"EntityTypes":     "ClassTypes", "ClassTypes": "ClassType+", "ClassType": "Property*",
	"ModuleTypes":          "DataSourceModuleType+",
	"DataSourceModuleType": "Configuration OverrideableParameters? ModuleImplementation OutputType",
	"ModuleImplementation": "Composite", "Composite": "MemberModules Composition",
	"MemberModules": "DataSource* ProbeAction* ConditionDetection* WriteAction*",
	"Composition":   "Node", "Node": "Node*",
	"MonitorTypes": "UnitMonitorType+", "UnitMonitorType": "MonitorTypeStates Configuration OverrideableParameters? MonitorImplementation",
	"MonitorTypeStates": "MonitorTypeState+", "OverrideableParameters": "OverrideableParameter+",
	"MonitorImplementation": "MemberModules RegularDetections OnDemandDetections?", "RegularDetections": "RegularDetection+", "RegularDetection": "Node",
	"Monitoring":  "Discoveries? Rules? Tasks? Monitors? Diagnostics? Recoveries? Overrides?",
	"Discoveries": "Discovery+", "Discovery": "Category DiscoveryTypes DataSource", "DiscoveryTypes": "DiscoveryClass+",
	"Rules": "Rule+", "Rule": "Category DataSources ConditionDetection? WriteActions", "DataSources": "DataSource+", "WriteActions": "WriteAction+",
	"Monitors": "UnitMonitor+", "UnitMonitor": "Category AlertSettings? OperationalStates Configuration",
	"AlertSettings":     "AlertOnState AutoResolve AlertPriority AlertSeverity AlertParameters?",
	"AlertParameters":   "AlertParameter1 AlertParameter2? AlertParameter3? AlertParameter4? AlertParameter5? AlertParameter6? AlertParameter7? AlertParameter8? AlertParameter9? AlertParameter10?",
	"OperationalStates": "OperationalState+",
	"Presentation":      "Forms? ConsoleTasks? Views? Folders? FolderItems? ImageReferences? StringResources?",
	"Views":             "View+", "View": "Category Criteria Presentation? Target?", "Criteria": "InMaintenanceMode? ResolutionState? RuleList?",
	"RuleList": "RuleName+", "ResolutionState": "StateRange",
	"Folders": "Folder+", "FolderItems": "FolderItem+", "StringResources": "StringResource+",
	"LanguagePacks": "LanguagePack+", "LanguagePack": "DisplayStrings KnowledgeArticles", "DisplayStrings": "DisplayString+", "DisplayString": "Name Description",
	"KnowledgeArticles": "KnowledgeArticle*", "KnowledgeArticle": "MamlContent", "MamlContent": "maml:section+",
	"maml:list": "maml:listItem+", "maml:listItem": "maml:para", "maml:para": "maml:navigationLink*", "maml:navigationLink": "maml:linkText maml:uri",
	"Scheduler": "SimpleReccuringSchedule ExcludeDates", "SimpleReccuringSchedule": "Interval SpreadInitializationOverInterval?",
	"InstanceSettings": "Settings", "Settings": "Setting+", "Setting": "Name Value",
	"RegistryAttributeDefinitions": "RegistryAttributeDefinition+", "RegistryAttributeDefinition": "AttributeName Path PathType AttributeType",
	"Parameters": "Parameter+", "Parameter": "Name Value",
	"OIDProps": "OIDProp+", "SnmpVarBinds": "SnmpVarBind+", "FirstSnmpVarBinds": "SnmpVarBind+", "SecondSnmpVarBinds": "SnmpVarBind+", "SnmpVarBind": "OID Syntax Value",
	"Correlator": "CorrelationExpression Count Interval Latency? DrainWait? CorrelationOrder CorrelationItemPolicy", "CorrelationExpression": "Expression?",
	"Suppression":      "SuppressionValue+",
	"SimpleExpression": "ValueExpression Operator ValueExpression", "RegExExpression": "ValueExpression Operator Pattern",
	"And": "Expression+", "Or": "Expression+", "Not": "Expression",
	"Requests": "Request+", "Request": "RequestID URL Verb Version HttpHeaders Body CheckContentChange ContentHash Depth ThinkTime CheckInternalLinks CheckExternalLinks CheckResources " +
		"RequestEvaluationCriteria FormsAuthCredentials CollectResponseBody CollectLinksHeaders CollectResourcesHeaders",
	"HttpHeaders": "HttpHeader*", "HttpHeader": "Name Value",
	"RequestEvaluationCriteria": "StopProcessingIfWarningCriteriaIsMet StopProcessingIfErrorCriteriaIsMet BasePageEvaluationCriteria LinksEvaluationCriteria " +
		"ResourcesEvaluationCriteria WebPageTotalEvaluationCriteria DepthEvaluationCriteria",
	"BasePageEvaluationCriteria": "WarningCriteria ErrorCriteria", "LinksEvaluationCriteria": "WarningCriteria ErrorCriteria", "ResourcesEvaluationCriteria": "WarningCriteria ErrorCriteria",
	"WebPageTotalEvaluationCriteria": "WarningCriteria ErrorCriteria", "DepthEvaluationCriteria": "WarningCriteria ErrorCriteria",
	"ErrorCriteria": "NumericCriteriaExpressions?", "NumericCriteriaExpressions": "NumericCriteriaExpression+", "NumericCriteriaExpression": "NumericRequestMetric Operator Value",
}

// oneOf is what stands alone in an element.
var oneOf = map[string]string{
	"Expression":       "SimpleExpression RegExExpression And Or Not",
	"FirstExpression":  "SimpleExpression RegExExpression And Or Not",
	"SecondExpression": "SimpleExpression RegExExpression And Or Not",
	"ValueExpression":  "XPathQuery Value",
}

// values are the words that an element may hold.
var values = map[string]string{"CorrelationOrder": "InSequence AnyOrder", "CorrelationItemPolicy": "First Last ResetWindow"}

// twoInputs are the modules that take two streams of data; others take one.
var twoInputs = []string{"System!System.CorrelatorAutoMissingCondition"}

// configuration is what the modules of libraries take, in this order.
var configuration = map[string]string{
	"System.Scheduler": "Scheduler", "System.Discovery.Scheduler": "Scheduler", "System.ExpressionFilter": "Expression",
	"System.Discovery.FilteredClassSnapshotDataMapper": "Expression ClassId InstanceSettings",
	"System.NetworkManagement.SnmpTrapEventProvider": "IP Version? OIDProps EventOriginId PublisherId PublisherName Channel LoggingComputer EventNumber EventCategory EventLevel " +
		"UserName Params",
	"System.NetworkManagement.TrapTriggerProvider": "IP TriggerOID", "System.CorrelatorAutoMissingCondition": "Correlator",
	"System.NetworkManagement.ExtendedSnmpQueryProvider": "Interval NoOfRetries? Timeout? SnmpVarBinds OutputOnError?",
	polling: "FirstInterval FirstIP FirstVersion FirstSnmpVarBinds FirstExpression SecondInterval SecondIP SecondVersion SecondSnmpVarBinds SecondExpression NoOfRetries Timeout Port",
	"System.Health.GenerateAlert": "Priority Severity AlertName AlertDescription AlertOwner AlertMessageId AlertParameters Suppression Custom1 Custom2 Custom3 Custom4 Custom5 Custom6 " +
		"Custom7 Custom8 Custom9 Custom10",
	"Microsoft.SystemCenter.CollectEvent":                      "",
	"Microsoft.Windows.FilteredRegistryDiscoveryProvider":      "ComputerName RegistryAttributeDefinitions Frequency ClassId InstanceSettings Expression",
	"Microsoft.Windows.PowerShellPropertyBagTriggerOnlyProbe":  "ScriptName ScriptBody Parameters? TimeoutSeconds",
	"Microsoft.SystemCenter.WebApplication.PerProbe.Scheduler": "Scheduler UniquenessKey",
	"Microsoft.SystemCenter.WebApplication.UrlProbe": "Proxy ProxyUserName ProxyPassword ProxyAuthenticationScheme CredentialUserName CredentialPassword AuthenticationScheme " +
		"IgnoreServerCertError FollowRedirects RetryCount RequestTimeout Requests",
}

// attributes are those that an element has, all of them.
var attributes = map[string]string{
	"ManagementPack": "ContentReadable SchemaVersion OriginalSchemaVersion", "Reference": "Alias",
	"ClassType": "ID Accessibility Abstract Base Hosted Singleton Extension", "Property": "ID Type AutoIncrement Key CaseSensitive MaxLength MinLength Required Scale",
	"DataSourceModuleType": "ID Accessibility Batching", "UnitMonitorType": "ID Accessibility", "MonitorTypeState": "ID NoDetection",
	"OverrideableParameter": "ID Selector ParameterType", "ModuleImplementation": "Isolation", "RegularDetection": "MonitorTypeStateID", "Node": "ID",
	"DataSource": "ID TypeID", "ProbeAction": "ID TypeID", "ConditionDetection": "ID TypeID", "WriteAction": "ID TypeID",
	"Discovery": "ID Enabled Target ConfirmDelivery Remotable Priority", "DiscoveryClass": "TypeID",
	"Rule":        "ID Enabled Target ConfirmDelivery Remotable Priority DiscardLevel",
	"UnitMonitor": "ID Accessibility Enabled Target ParentMonitorID Remotable Priority TypeID ConfirmDelivery", "AlertSettings": "AlertMessage",
	"OperationalState": "ID MonitorTypeStateID HealthState", "View": "ID Accessibility Enabled Target TypeID Visible", "StateRange": "Operator",
	"Folder": "ID Accessibility ParentFolder", "FolderItem": "ElementID ID Folder", "StringResource": "ID",
	"LanguagePack": "ID IsDefault", "KnowledgeArticle": "ElementID Visible", "maml:uri": "href", "xsd:element": "minOccurs name type",
	"Interval": "Unit?", "SpreadInitializationOverInterval": "Unit", "Value": "Type? VariantType?", "XPathQuery": "Type", "DisplayString": "ElementID SubElementID?",
}
