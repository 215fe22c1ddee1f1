package nco

// integer is the width of fields that are numbers.
const integer = 0

// fields are the columns of alerts.status that rules may set, as an
// ObjectServer has them from the beginning, with their widths in bytes.
func fields() map[string]int {
	return map[string]int{
		"Identifier": 255, "Node": 64, "NodeAlias": 64, "Manager": 64, "Agent": 64, "AlertGroup": 255, "AlertKey": 255,
		"Severity": integer, "Summary": 255, "FirstOccurrence": integer, "LastOccurrence": integer, "Type": integer, "Tally": integer,
		"Class": integer, "Grade": integer, "Location": 64, "ExpireTime": integer, "Service": 64, "PhysicalSlot": integer, "PhysicalPort": integer,
		"PhysicalCard": 64, "RemoteNodeAlias": 64, "RemotePriObj": 255, "RemoteSecObj": 255, "RemoteRootObj": 255,
		"LocalNodeAlias": 64, "LocalPriObj": 255, "LocalSecObj": 255, "LocalRootObj": 255,
		"X733EventType": integer, "X733ProbableCause": integer, "X733SpecificProb": 64, "X733CorrNotif": 255,
		"URL": 1024, "ExtendedAttr": 4096, "EventId": 255, "ServerName": 64,
	}
}
