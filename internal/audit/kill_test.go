package audit

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// child records admin actions among accesses until it is killed. It prints the
// number of each action once it is acknowledged.
func child(path string) {
	o := Options{Config: Config{File: &FileConfig{Path: path, Keep: maxKeep}}, maxSize: small}
	l, err := Open(o)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	begin, _ := strconv.Atoi(os.Getenv("AUDIT_TEST_BEGIN"))
	for c := range 4 {
		go func() {
			for i := begin + c; ; i += 4 {
				r := drain
				r.Target = strconv.Itoa(i)
				if err := l.Admin(context.Background(), r); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Println(i)
			}
		}()
	}
	for {
		l.Access(scrape)
		time.Sleep(50 * time.Microsecond)
	}
}

// TestKilledAtRandom kills the writer twenty times: no acknowledged action is
// lost, and the trail shows no break.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	o := options(t)
	kills := 20
	if os.Getenv("IDP_EXPORTER_SOAK") != "" {
		kills = 200
	}
	acknowledged := make(map[string]bool)
	for run := range kills {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), "AUDIT_TEST_CHILD="+o.Config.File.Path, "AUDIT_TEST_BEGIN="+strconv.Itoa(run*1_000_000))
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		s := bufio.NewScanner(out)
		require.True(t, s.Scan(), "it starts")
		timer := time.AfterFunc(rand.N(120*time.Millisecond), func() { _ = cmd.Process.Kill() })
		for ok := true; ok; ok = s.Scan() {
			acknowledged[s.Text()] = true
			require.NotContains(t, s.Text(), "error")
		}
		timer.Stop()
		_ = cmd.Wait()
	}
	require.Greater(t, len(acknowledged), 100)
	r := sound(t, o)
	require.Equal(t, kills, r.Starts)
	require.Equal(t, kills-1, r.Unclean)
	require.True(t, r.Whole)

	l := open(t, o) // the last torn end, if there is one
	require.NoError(t, l.Close())
	r = sound(t, o)
	require.True(t, r.Ended)
	present := make(map[string]bool)
	for _, path := range files(t, o) {
		for _, text := range lines(read(t, path)) {
			if _, ok := parse([]byte(text)); ok {
				present[parseAll(t, []byte(text))[0].Target] = true
			}
		}
	}
	for number := range acknowledged {
		require.True(t, present[number], "action %s was acknowledged and is lost", number)
	}
	t.Logf("%d acknowledged actions, %d records in %d files, %d torn lines recovered, %d dropped", len(acknowledged), r.Records, len(files(t, o)), r.Recovered, r.Dropped)
}
