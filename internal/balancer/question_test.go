package balancer

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// said is a part of a question, and how long after the one before it is sent.
type said struct {
	after time.Duration
	text  string
}

// frozen is a connection of a process that stops right before its first read
// and goes on some time after the deadline of that.
type frozen struct {
	net.Conn
	late time.Duration
	once sync.Once
	end  time.Time
}

func (f *frozen) SetReadDeadline(t time.Time) error {
	f.end = t
	return f.Conn.SetReadDeadline(t)
}

func (f *frozen) Read(b []byte) (int, error) {
	var err error
	f.once.Do(func() {
		if f.late > 0 {
			time.Sleep(time.Until(f.end) + f.late)
			err = os.ErrDeadlineExceeded
		}
	})
	if err != nil {
		return 0, err
	}
	return f.Conn.Read(b)
}

// Only the answer of the node that is meant is right; none changes nothing.
func TestQuestions(t *testing.T) {
	t.Parallel()
	const late = 300 * time.Millisecond
	for name, c := range map[string]struct {
		parts  []said
		hangUp bool
		frozen time.Duration
		want   string
		log    string
	}{
		"at once":                        {parts: []said{{0, "n2\n"}}, want: "down\n"},
		"late":                           {parts: []said{{late, "n2\n"}}, want: "down\n"},
		"just in time":                   {parts: []said{{patience - time.Millisecond, "n2\n"}}, want: "down\n"},
		"split":                          {parts: []said{{0, "n1"}, {late, "2\n"}}, log: "does not exist"},
		"split in three":                 {parts: []said{{0, "n"}, {late, "2"}, {late, "\n"}}, want: "down\n"},
		"never ended":                    {parts: []said{{0, "n1"}}, log: "without the end of its line"},
		"ended too late":                 {parts: []said{{0, "n1"}, {2 * patience, "2\n"}}, log: "without the end of its line"},
		"ended by the connection":        {parts: []said{{late, "n2"}}, hangUp: true, want: "down\n"},
		"a connection without a word":    {hangUp: true, want: "up\n"},
		"an empty line":                  {parts: []said{{late, "\n"}}, want: "up\n"},
		"silence":                        {want: "up\n"},
		"frozen":                         {parts: []said{{0, "n2\n"}}, frozen: 10 * time.Second, want: "down\n"},
		"frozen, asked meanwhile":        {parts: []said{{patience, "n2\n"}}, frozen: late, want: "down\n"},
		"frozen, asked just after":       {parts: []said{{patience + late + lastLook/2, "n2\n"}}, frozen: late, want: "down\n"},
		"frozen before the end of it":    {parts: []said{{0, "n"}, {lastLook / 2, "2\n"}}, frozen: time.Second, want: "down\n"},
		"frozen and silent":              {frozen: late, log: "held up"},
		"frozen and silent, for no time": {frozen: heldUp / 2, want: "up\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &verdicts{}
				v.ok.Store(true)
				var log bytes.Buffer
				l, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer func() { _ = l.Close() }()
				a := &agent{Listener: l, answer: v.of, words: newWords(nil), log: slog.New(slog.NewTextHandler(&log, nil))}
				ours, theirs := net.Pipe()
				done := make(chan struct{})
				go func() {
					defer close(done)
					a.serve(t.Context(), &halfClosing{Conn: &frozen{Conn: ours, late: c.frozen}, hangUp: c.hangUp, parts: len(c.parts)})
				}()
				go func() {
					for _, p := range c.parts {
						time.Sleep(p.after)
						_, _ = io.WriteString(theirs, p.text)
					}
				}()
				answer, err := io.ReadAll(theirs)
				require.NoError(t, err)
				<-done
				require.Equal(t, c.want, string(answer))
				if c.log == "" {
					require.Empty(t, log.String())
				}
				require.Contains(t, log.String(), c.log)
				_ = theirs.Close()
				synctest.Wait()
			})
		})
	}
}

// halfClosing ends what is read after so many parts, as a client does that
// closes its half alone; a pipe cannot.
type halfClosing struct {
	net.Conn
	hangUp bool
	parts  int
}

func (h *halfClosing) Read(b []byte) (int, error) {
	if h.hangUp && h.parts == 0 {
		return 0, io.EOF
	}
	n, err := h.Conn.Read(b)
	if n > 0 {
		h.parts--
	}
	return n, err
}

// A balancer that sends the name to a listener that does not need it gets its
// answer and a proper end, not a reset.
func TestAnUnneededQuestionIsNoReset(t *testing.T) {
	t.Parallel()
	v := &verdicts{}
	b := run(t, Options{Agent: []string{"n2@127.0.0.1:0"}, Answer: v.of})
	for range 50 {
		conn, err := net.Dial("tcp", b.Addresses()[0].String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, "n2\n")
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		answer := make([]byte, len("down\n"))
		_, err = io.ReadFull(conn, answer)
		require.NoError(t, err)
		require.Equal(t, "down\n", string(answer))
		_, err = conn.Read(answer)
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, conn.Close())
	}
}

func TestTheEndWaitsForNobody(t *testing.T) {
	t.Parallel()
	v := &verdicts{}
	b := run(t, Options{Agent: []string{"n2@127.0.0.1:0", "127.0.0.1:0"}, Answer: v.of})
	for _, address := range b.Addresses() {
		conn, err := net.Dial("tcp", address.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
}
