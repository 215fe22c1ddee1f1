package web

import "strconv"

// maxAlarmRows bounds the alarms on the page; /api/v1/alarms has all.
const maxAlarmRows = 50

type alarmRow struct {
	Severity, Name, Target, Text, Runbook, Raised string
}

// activeAlarms are those of the page, the most severe first, and a line about
// those that it leaves out.
func (s *Server) activeAlarms() (rows []alarmRow, more string) {
	n := 0
	for _, v := range s.options.Alarms.Alarms() {
		if !v.Active {
			continue
		}
		if n++; n > maxAlarmRows {
			continue
		}
		rows = append(rows, alarmRow{
			string(v.Severity), v.Name, v.Target, v.Text, v.Runbook, v.Raised.UTC().Format("2006-01-02 15:04:05Z"),
		})
	}
	if n > maxAlarmRows {
		more = strconv.Itoa(n-maxAlarmRows) + " more"
	}
	return rows, more
}
