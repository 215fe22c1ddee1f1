package httpprobe

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// serverEnv makes the test binary serve in place of testing, so that benchmarks
// can measure the CPU of a client apart from its server's.
const serverEnv = "HTTPPROBE_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		serveUntilEOF()
		return
	}
	goleak.VerifyTestMain(m)
}

func serveUntilEOF() {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"ok"}`) })
	plain, secure := httptest.NewServer(h), httptest.NewTLSServer(h)
	fmt.Println(plain.URL, secure.URL)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// serverApart starts the servers in a process of their own and returns their URLs.
func serverApart(b testing.TB) (plain, secure string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serverEnv+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	urls := strings.Fields(line)
	return urls[0], urls[1]
}
