package pack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNew(t *testing.T) {
	t.Parallel()
	s, err := New("", "", "")
	require.NoError(t, err)
	require.Equal(t, "https://github.com/idp-exporter/idp_exporter/blob/main/docs/runbooks/IdPNodeOut.md", s.Runbook("IdPNodeOut"))
	require.Equal(t, "idp", s.MIB.Prefix)

	s, err = New("1.3.6.1.4.1.9999.7", "acmeIdp", "https://wiki.example.com/idp")
	require.NoError(t, err)
	require.Equal(t, "https://wiki.example.com/idp/docs/runbooks/README.md", s.Runbook(""))
	require.Equal(t, "acmeIdpAlarmRaise", s.MIB.Notifications()[0].Name)
	require.Equal(t, "1.3.6.1.4.1.9999.7.0.1", s.MIB.Notifications()[0].OID.String())
	require.Equal(t, s.MIB.Variables()[4], s.MIB.Carried()[4].OID)

	for _, bad := range [][3]string{
		{"1.3.6.1.2.1", "", ""}, {"nonsense", "", ""}, {"", "Upper", ""}, {"", "with space", ""},
		{"", "", "wiki"}, {"", "", "ftp://wiki.example.com/"}, {"", "", "https://user@wiki.example.com/"}, {"", "", "https://wiki.example.com/?a=b"},
	} {
		_, err := New(bad[0], bad[1], bad[2])
		require.Error(t, err, "%v", bad)
	}
}
