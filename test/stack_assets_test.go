package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheStackRunsFromStampedAssets starts the script in a folder that `assets`
// has written: snmptrapd decodes an alarm below the OID of its own with the MIB
// that lies there.
func TestTheStackRunsFromStampedAssets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const oid, site = "1.3.6.1.4.1.99999.7", "https://wiki.example.com/idp/"
	_, stderr, code := command(t, "assets", "--oid="+oid, "--prefix=acmeIdp", "--site="+site, dir)
	require.Zero(t, code, stderr)
	s := startStack(t, filepath.Join(dir, "examples", "stack"), "")
	log := func() string {
		text, _ := os.ReadFile(filepath.Join(s.dir, "snmptrapd.log"))
		return string(text)
	}
	s.waitTestall("OK", 20*time.Second)
	s.throw("break", "rule-removed")
	alarm := regexp.MustCompile(`(?m)^.*IDP-EXPORTER-MIB::acmeIdpAlarmRaise\t.*IDP-EXPORTER-MIB::acmeIdpAlarmName\.0 = STRING: rule-crm\t.*$`)
	eventually(t, 20*time.Second, func() error {
		if !alarm.MatchString(log()) {
			return errors.New("snmptrapd shows no alarm of rule-crm by its name:\n" + tail(log(), 2000))
		}
		return nil
	})
	require.Contains(t, alarm.FindString(log()), "acmeIdpAlarmRunbook.0 = STRING: "+site+"docs/runbooks/IdPRuleNotRun.md")
	require.NotContains(t, log(), "enterprises.", "an OID is left undecoded")
	s.endsAll()
}

// TestTheDockerfileTakesTheSourceOrTheProgram runs what the Dockerfile runs to
// get the program, with a compiler that is none.
func TestTheDockerfileTakesTheSourceOrTheProgram(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(stackDir + "/Dockerfile")
	require.NoError(t, err)
	run := regexp.MustCompile(`(?m)^RUN ((?:.*\\\n)*.*)$`).FindStringSubmatch(string(text))
	require.NotNil(t, run)
	const program = "#!/bin/sh\necho " // and who made it
	compiler := t.TempDir()
	script(t, filepath.Join(compiler, "go"), `#!/bin/sh
[ "$1 $2 $3 $5" = "build -trimpath -o ./cmd/idp_exporter" ] && [ "$CGO_ENABLED" = 0 ] && printf '`+strings.ReplaceAll(program, "\n", `\n`)+`compiled\n' >"$4" && chmod +x "$4"
`)
	for name, c := range map[string]struct {
		source, program, want, wrong string
	}{
		"source":            {source: "module example", want: "compiled\n"},
		"both":              {source: "module example", program: program + "copied\n", want: "compiled\n"},
		"program":           {program: program + "copied\n", want: "copied\n"},
		"neither":           {wrong: "copy idp_exporter, made for Linux, to where alerts/ and examples/ are"},
		"another's program": {program: "\x7fELF of another machine", wrong: "idp_exporter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "src"), 0o700))
			if c.source != "" {
				writeFile(t, filepath.Join(dir, "src"), "go.mod", c.source)
			}
			if c.program != "" {
				writeFile(t, filepath.Join(dir, "src"), "idp_exporter", c.program)
			}
			cmd := exec.Command("/bin/sh", "-c", run[1])
			cmd.Dir, cmd.Env = dir, []string{"PATH=" + compiler + ":/usr/bin:/bin"}
			out, err := cmd.CombinedOutput()
			if c.wrong != "" {
				require.Error(t, err)
				require.Contains(t, string(out), c.wrong)
				return
			}
			require.NoError(t, err, "%s", out)
			require.Equal(t, c.want, string(out), "the program is run once")
			require.FileExists(t, filepath.Join(dir, "idp_exporter"))
		})
	}
}

func script(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o700)) //nolint:gosec // a program
}
