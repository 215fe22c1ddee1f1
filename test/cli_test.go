package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/demo"
)

// command runs the binary and returns its outputs and exit code.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), binary(t), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// provider starts the built-in provider inside the test.
func provider(t *testing.T, o demo.StartOptions) *demo.Running {
	t.Helper()
	p, err := demo.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// loginConfig is a configuration with one login probe against the demo provider.
func loginConfig(issuer, more string) string {
	return `providers: [{issuer: "` + issuer + `"}]
probes:
  - name: login
    kind: login
    every: 2s
    client_id: ` + demo.ClientID + `
    client_secret: ` + demo.ClientSecret + `
    redirect_uri: ` + demo.RedirectURI + `
    username: ` + demo.Username + `
    password: ` + demo.Password + `
    budget: {per_minute: 0}
` + more
}

func TestProbeCommandShowsStepsAndExitCodes(t *testing.T) {
	t.Parallel()
	p := provider(t, demo.StartOptions{})
	file := writeFile(t, t.TempDir(), "c.yml", loginConfig(p.Issuer, ""))

	out, _, code := command(t, "probe", "login", "--config.file="+file)
	require.Equal(t, 0, code, out)
	at := 0
	for _, step := range []string{"discovery", "jwks", "authorize", "login_page", "credentials", "consent", "callback", "token", "verify"} {
		i := strings.Index(out[at:], step)
		require.GreaterOrEqual(t, i, 0, "step %s in order in\n%s", step, out)
		at += i
	}
	require.NotContains(t, out, "\x1b[", "no color where there is no terminal")

	out, _, code = command(t, "probe", "login", "--config.file="+file, "--output=nagios")
	require.Equal(t, 0, code)
	require.Regexp(t, `^OK - login in [0-9.]+ ms \| time=[0-9.]+s;;;0 discovery=`, out)

	require.NoError(t, p.Provider.Set(demo.SwitchWrongAudience, true))
	out, _, code = command(t, "probe", "login", "--config.file="+file)
	require.Equal(t, 2, code)
	require.Regexp(t, `✗ verify`, out)
	require.Contains(t, out, "token_invalid")
	out, _, code = command(t, "probe", "login", "--config.file="+file, "--output=nagios")
	require.Equal(t, 2, code)
	require.Regexp(t, `^CRITICAL - login: step verify: token_invalid: `, out)
	require.Equal(t, 1, strings.Count(out, "\n"))

	out, _, code = command(t, "probe", "login", "--config.file="+file, "--output=json")
	require.Equal(t, 2, code)
	var answer struct {
		Result struct {
			Outcome string `json:"outcome"`
			Step    string `json:"failed_step"`
		} `json:"result"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &answer))
	require.Equal(t, "fail", answer.Result.Outcome)
	require.Equal(t, "verify", answer.Result.Step)

	_, stderr, code := command(t, "probe", "nothing", "--config.file="+file)
	require.Equal(t, 3, code)
	require.Contains(t, stderr, `there is no probe "nothing"; there are: login`)
	out, _, code = command(t, "probe", "login", "--config.file="+file+".none", "--output=nagios")
	require.Equal(t, 3, code)
	require.True(t, strings.HasPrefix(out, "UNKNOWN - "), out)
}

func TestCheckConfigNamesPlaceAndRemedy(t *testing.T) {
	t.Parallel()
	file := writeFile(t, t.TempDir(), "bad.yml", "providers: [{issuer: nonsense}]\nprobes:\n  - {kind: login, evry: 1s}\n")
	for _, args := range [][]string{{"check-config", file}, {"serve", "--config.check", "--config.file=" + file}, {"--config.check", "--config.file=" + file}, {"--config.file=" + file}} {
		_, stderr, code := command(t, args...)
		require.Equal(t, 1, code, args)
		require.Contains(t, stderr, file+`:1:22: "nonsense" is not an issuer`)
		require.Contains(t, stderr, file+`:3:19: unknown key "evry"; did you mean "every"?`)
		require.GreaterOrEqual(t, strings.Count(stderr, "\n"), 3, "all at once:\n%s", stderr)
	}
	good := writeFile(t, t.TempDir(), "good.yml", loginConfig("https://login.example.com/", ""))
	stdout, stderr, code := command(t, "check-config", good)
	require.Equal(t, 0, code, stderr)
	require.Contains(t, stdout, "ok")
	require.Contains(t, stderr, "(warning)", "inline secrets are warned about")
}

func TestTokenCreateOpensWhatItSays(t *testing.T) {
	t.Parallel()
	out, _, code := command(t, "token", "create", "--name=prometheus", "--scope=metrics")
	require.Equal(t, 0, code)
	token := regexp.MustCompile(`idp_[A-Za-z0-9_-]+`).FindString(out)
	section := out[strings.Index(out, "    access:"):]
	require.NotContains(t, section, token, "the configuration holds the hash alone")
	section = regexp.MustCompile(`(?m)^    `).ReplaceAllString(section, "")
	p := provider(t, demo.StartOptions{})
	e := serveFile(t, writeFile(t, t.TempDir(), "c.yml", loginConfig(p.Issuer, section)))
	e.token = token
	code, _ = e.get("/metrics")
	require.Equal(t, 200, code)
	code, _ = e.get("/api/v1/results")
	require.Equal(t, 403, code)
	for name, headers := range map[string]map[string]string{
		"api key": {"X-API-Key": token}, "wrong": {"Authorization": "Bearer " + token + "x"}, "none": nil,
	} {
		got, _, err := e.try("GET", "/metrics", headers)
		require.NoError(t, err)
		if name == "api key" {
			require.Equal(t, 200, got)
		} else {
			require.Equal(t, 401, got, name)
		}
	}
	_, stderr, code := command(t, "token", "create", "--scope=everything")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "everything")
}

func TestEveryExampleIsAGoodConfiguration(t *testing.T) {
	t.Parallel()
	for _, file := range exampleFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, stderr, code := command(t, "check-config", exampleCopy(t, file))
			require.Equal(t, 0, code, stderr)
			for line := range strings.Lines(stderr) {
				// What the example cannot know: the enterprise number, the console's commands.
				require.Regexp(t, `32473, which is for documentation|cannot be run here now`, line)
			}
		})
	}
}

// exampleFiles are the configurations among the examples.
func exampleFiles(t *testing.T) (files []string) {
	t.Helper()
	all, err := filepath.Glob("../examples/*/*.yml")
	require.NoError(t, err)
	for _, file := range all {
		// These are for other programs; test/alerts_tools_test.go and stack_form_test.go try them.
		if folder := filepath.Base(filepath.Dir(file)); folder != "alertmanager" && folder != "stack" {
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files)
	return files
}

var secretFile = regexp.MustCompile(`_file: ([a-z-]+)`)

// exampleCopy copies an example to a folder with the secrets that it names.
func exampleCopy(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	dir := t.TempDir()
	for _, m := range secretFile.FindAllStringSubmatch(string(content), -1) {
		secret := "a secret\n"
		if strings.HasSuffix(m[1], "-url") {
			secret = "https://hooks.example.com/a-secret\n"
		}
		writeFile(t, dir, m[1], secret)
	}
	return writeFile(t, dir, filepath.Base(file), string(content))
}

// TestTheReadmesFiveLines makes sure that the configuration that the README
// promises is one.
func TestTheReadmesFiveLines(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```yaml\n")
	require.True(t, found)
	text, _, _ := strings.Cut(rest, "```")
	require.LessOrEqual(t, strings.Count(text, "\n"), 5)
	dir := t.TempDir()
	writeFile(t, dir, "client-secret", "a secret\n")
	writeFile(t, dir, "password", "a secret\n")
	_, stderr, code := command(t, "check-config", writeFile(t, dir, "idp_exporter.yml", text))
	require.Equal(t, 0, code, stderr)
	require.Empty(t, stderr)
}
