package maintenance

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The examples of docs/maintenance.md are right, and the worked one does what
// the text says.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/maintenance.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, blocks, 2)
	var windows []Recurring
	for _, block := range blocks {
		content := block[1]
		f, problems := decode(content[strings.Index(content, "maintenance:"):])
		require.Empty(t, problems)
		windows = f.Maintenance
	}
	b, _, clock := book(t, "")
	require.NoError(t, b.Configure(windows))
	var nights int
	for at := in(t, "Europe/Berlin", "2031-01-01 00:30"); at.Year() == 2031; at = at.Add(time.Hour) {
		clock.set(at)
		open := b.ActiveWindows()
		_, _, _, public := b.Suppressed("sign-in", "", at)
		require.False(t, public)
		if h := at.Hour(); at.Weekday() != time.Saturday || at.Day() > 7 || h < 21 {
			require.Empty(t, open, "%v", at)
			continue
		}
		nights++
		require.Len(t, open, 1, "%v", at)
		node := []string{"n1", "n2", "n3"}[at.Hour()-21]
		require.Equal(t, []string{node}, open[0].Nodes)
		_, _, _, ok := b.Suppressed("sign-in", node, at)
		require.True(t, ok)
	}
	require.Equal(t, 12*3, nights)
}
