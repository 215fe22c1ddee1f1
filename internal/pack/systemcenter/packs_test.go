package systemcenter

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every pack of every site stands the checker.
func TestPacks(t *testing.T) {
	t.Parallel()
	for _, s := range [][3]string{{}, {"1.3.6.1.4.1.9999.5.7", "corp", "https://wiki.example.com/idp"}, {"1.3.6.1.4.1.4294967295.1.2.3.4", "aVeryLongPrefix1", "http://wiki/a&b/"}} {
		site, files := made(t, s[0], s[1], s[2])
		n := 0
		for name, content := range files {
			if strings.HasSuffix(name, ".xml") {
				require.Empty(t, check(site.MIB, name, content), name)
				n++
			}
		}
		require.Equal(t, 3, n)
	}
}
