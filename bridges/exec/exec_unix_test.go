//go:build unix

package execbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	osexec "os/exec"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/internal/secret"
	"github.com/idp-exporter/idp_exporter/probes"
)

// actEnv makes the test binary act as a command.
const actEnv = "EXECBRIDGE_TEST_ACT"

func TestMain(m *testing.M) {
	if act := os.Getenv(actEnv); act != "" {
		os.Exit(command(act))
	}
	goleak.VerifyTestMain(m)
}

type call struct {
	Args, Env []string
	Stdin     string
	Dir       string
}

// command is what the bridge runs in these tests.
func command(act string) int {
	kind, rest, _ := strings.Cut(act, " ")
	switch kind {
	case "record":
		in, _ := io.ReadAll(os.Stdin)
		dir, _ := os.Getwd()
		b, _ := json.Marshal(call{os.Args[1:], os.Environ(), string(in), dir})
		_ = os.WriteFile(rest, b, 0o600)
	case "exit":
		status, _ := strconv.Atoi(rest)
		fmt.Println("out of", os.Getenv("CANARY"), strings.Repeat("noise ", 100_000))
		return status
	case "hang": // with a child that hangs too and holds the output
		signal.Ignore(syscall.SIGTERM)
		child := osexec.Command(os.Args[0])
		child.Env = []string{actEnv + "=sleep"}
		child.Stdout = os.Stdout
		_ = child.Start()
		_ = os.WriteFile(rest, []byte(strconv.Itoa(child.Process.Pid)), 0o600)
		time.Sleep(time.Hour)
	case "leave": // a child that goes on, and be done
		child := osexec.Command(os.Args[0])
		child.Env = []string{actEnv + "=sleep"}
		child.Stdout = os.Stdout
		_ = child.Start()
	case "sleep":
		time.Sleep(time.Hour)
	}
	return 0
}

func open(t testing.TB, act string, change func(*Options)) bridges.Destination {
	o := NewOptions()
	o.Command = []string{os.Args[0]}
	o.Env = map[string]string{actEnv: act}
	if change != nil {
		change(o)
	}
	require.Empty(t, o.Check(bridges.Setting{}))
	d, err := o.New(bridges.Setting{Name: "opc", Exporter: "exporter1", Site: "https://idp.example"})
	require.NoError(t, err)
	require.Len(t, d, 1)
	require.True(t, d[0].Acknowledged)
	return d[0]
}

var at = time.Date(2026, 9, 1, 10, 0, 0, 0, time.UTC)

func raise(id, text string) bridges.Event {
	return bridges.Event{Kind: bridges.Raise, Sequence: 17, Time: at, Alarm: bridges.Alarm{
		ID: id, Name: "login", Severity: probes.Major, Target: "shop", Text: text, Probe: "http", Raised: at, Changed: at,
		Labels: map[string]string{"job": "x"},
	}}
}

func deliver(t testing.TB, d bridges.Destination, e bridges.Event) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return d.Deliverer.Deliver(ctx, e)
}

func TestRuns(t *testing.T) {
	t.Setenv("NOT_FOR_THE_COMMAND", "x")
	file := filepath.Join(t.TempDir(), "call")
	d := open(t, "record "+file, func(o *Options) {
		o.Command = append(o.Command, "severity={severity_openview}", "{text}", "-x", "a{{b}}{id}:{kind}:{severity_omnibus}:{sequence}", "msg_text={text}")
		o.SecretEnv = map[string]secret.Secret{"TOKEN": secret.New("tok")}
		o.MaxBytes = 40
	})
	e := raise("a1b2", "--help $(touch /tmp/x) `id`; \"q\" 'q' \n\x00"+strings.Repeat("é", 5000))
	require.NoError(t, deliver(t, d, e))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var got call
	require.NoError(t, json.Unmarshal(b, &got))
	const text = "--help $(touch /tmp/x) `id`; \"q\" 'q' …"
	require.Equal(t, []string{"severity=major", " " + text, "-x", "a{b}a1b2:raise:4:17", "msg_text=" + text}, got.Args)
	require.Equal(t, "/", got.Dir)
	require.Contains(t, got.Env, "TOKEN=tok")
	require.Contains(t, got.Env, "LC_ALL=C.UTF-8")
	require.NotContains(t, strings.Join(got.Env, " "), "NOT_FOR_THE_COMMAND")
	var doc document
	require.NoError(t, json.Unmarshal([]byte(got.Stdin), &doc))
	require.Equal(t, document{Kind: "raise", ID: "a1b2", Name: "login", Severity: "major", Target: "shop", Text: e.Alarm.Text, Probe: "http",
		Raised: "2026-09-01T10:00:00Z", Changed: "2026-09-01T10:00:00Z", Labels: map[string]string{"job": "x"}, Sequence: 17,
		Time: "2026-09-01T10:00:00Z", Exporter: "exporter1", Site: "https://idp.example"}, doc)

	clear := e
	clear.Kind = bridges.Clear
	require.NoError(t, deliver(t, d, clear))
	b, err = os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &got))
	require.Equal(t, "severity=normal", got.Args[0])
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "call")
	beat := bridges.Event{Kind: bridges.Heartbeat, Time: at, Alarm: bridges.Alarm{Name: "heartbeat", Severity: bridges.Cleared}}
	require.NoError(t, deliver(t, open(t, "record "+file, nil), beat))
	require.FileExists(t, file)
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	canary := "canary-é&%7"
	d := open(t, "exit 3", func(o *Options) { o.SecretEnv = map[string]secret.Secret{"CANARY": secret.New(canary)} })
	err := deliver(t, d, raise("a", ""))
	require.ErrorContains(t, err, "exit status 3: out of <secret> noise")
	require.NotContains(t, err.Error(), canary)
	require.Less(t, len(err.Error()), 400)
	require.False(t, bridges.IsPermanent(err))

	err = deliver(t, open(t, "exit 65", func(o *Options) { o.Refused = []int{65} }), raise("a", ""))
	require.True(t, bridges.IsPermanent(err), "%v", err)

	o := NewOptions()
	o.Command = []string{filepath.Join(t.TempDir(), "missing")}
	problems := o.Check(bridges.Setting{})
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	ds, err := o.New(bridges.Setting{})
	require.NoError(t, err)
	err = deliver(t, ds[0], raise("a", ""))
	require.ErrorContains(t, err, "cannot be run")
	require.False(t, bridges.IsPermanent(err))
}

// TestTimeoutKillsTheGroup: nothing that the command started outlives it.
func TestTimeoutKillsTheGroup(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	d := open(t, "hang "+file, func(o *Options) { o.Timeout = 5 * time.Second })
	err := deliver(t, d, raise("a", ""))
	require.ErrorContains(t, err, "longer than 5s")
	require.False(t, bridges.IsPermanent(err))
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(b))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return gone(pid) }, 30*time.Second, 10*time.Millisecond)
}

// gone tells whether a process has ended; one that nobody waited for counts.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) != nil
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(state, "Z")
}

// TestLeftBehind: what a command leaves running does not hold up the next, and
// a status of 0 stays a delivery.
func TestLeftBehind(t *testing.T) {
	t.Parallel()
	began := time.Now()
	require.NoError(t, deliver(t, open(t, "leave", func(o *Options) { o.Timeout = time.Minute }), raise("a", "")))
	require.Less(t, time.Since(began), 50*time.Second)
}

func TestCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, open(t, "sleep", nil).Deliverer.Deliver(ctx, raise("a", "")), context.Canceled)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for path, change := range map[string]func(*Options){
		"command":    func(o *Options) { o.Command = nil },
		"command[0]": func(o *Options) { o.Command = []string{"opcmsg"} },
		"command[1]": func(o *Options) { o.Command = append(o.Command, "{password}") },
		"command[2]": func(o *Options) { o.Command = append(o.Command, "a", "b}") },
		"command[3]": func(o *Options) { o.Command = append(o.Command, "a", "b", "{id") },
		"env.A=B":    func(o *Options) { o.Env = map[string]string{"A=B": ""} },
		"secret_env.A": func(o *Options) {
			o.Env, o.SecretEnv = map[string]string{"A": ""}, map[string]secret.Secret{"A": secret.New("x")}
		},
		"directory":  func(o *Options) { o.Directory = "tmp" },
		"timeout":    func(o *Options) { o.Timeout = 0 },
		"refused[0]": func(o *Options) { o.Refused = []int{0} },
		"max_bytes":  func(o *Options) { o.MaxBytes = 1 },
	} {
		o := NewOptions()
		o.Command = []string{os.Args[0]}
		require.Empty(t, o.Check(bridges.Setting{}))
		change(o)
		problems := o.Check(bridges.Setting{})
		require.Len(t, problems, 1, path)
		require.Equal(t, path, problems[0].Path)
		_, err := o.New(bridges.Setting{})
		require.ErrorContains(t, err, path)
	}
}

// FuzzArgument: an argument keeps its fixed beginning, is one line of UTF-8
// without NUL, and never becomes an option.
func FuzzArgument(f *testing.F) {
	f.Add("{text}", "-rf")
	f.Add("a={text}{{", "\x00\n\xff")
	f.Fuzz(func(t *testing.T, argument, text string) {
		parts, err := parse(argument)
		if err != nil {
			return
		}
		r := &runner{options: Options{MaxBytes: 64}}
		got := r.argument(parts, raise("a", text))
		if !strings.HasPrefix(argument, "-") && strings.HasPrefix(got, "-") || strings.Contains(got, "\x00") || len(got) > 80*len(argument) {
			t.Fatalf("%q and %q make %q", argument, text, got)
		}
	})
}
