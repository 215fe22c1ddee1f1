package alarm

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every key and every word for a severity stands in docs/alarms.md.
func TestDocumented(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/alarms.md")
	require.NoError(t, err)
	page := string(content)
	for _, section := range []any{Config{}, Common{}} {
		for i := range reflect.TypeOf(section).NumField() {
			key := reflect.TypeOf(section).Field(i).Tag.Get("yaml")
			require.Contains(t, page, key+":", key)
		}
	}
	for word, severity := range words() {
		found := false
		for line := range strings.Lines(page) {
			cells := strings.Split(line, "|")
			if len(cells) == 4 && strings.TrimSpace(cells[1]) == string(severity) {
				found = found || strings.Contains(cells[2]+",", " "+word+",") || strings.HasSuffix(strings.TrimSpace(cells[2]), " "+word)
			}
		}
		require.True(t, found, "%s is %s", word, severity)
	}
	for outcome := range newCounts().webhooks {
		require.Contains(t, page, "`"+outcome+"`")
	}
}
