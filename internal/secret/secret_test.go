package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const canary = "cAnArY-9f8e7d"

// holders are ways in which code may hold a secret.
func holders(s Secret) map[string]any {
	type exported struct {
		S Secret `json:"s" yaml:"s"`
	}
	type hidden struct{ s Secret }
	return map[string]any{
		"value": s, "pointer": &s, "field": exported{s}, "field pointer": &exported{s},
		"unexported field": hidden{s}, "unexported field pointer": &hidden{s},
		"slice": []Secret{s}, "map": map[string]Secret{"k": s}, "error": fmt.Errorf("with %v and %s", s, s),
		"nested": map[string]any{"a": []any{hidden{s}, exported{s}}},
	}
}

func sources(t *testing.T) map[string]Secret {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(canary+"\n"), 0o600))
	file := FromFile(path)
	v, err := file.Value() // the content is cached from here on
	require.NoError(t, err)
	require.Equal(t, canary, v)
	return map[string]Secret{"fixed": New(canary), "file": file}
}

func TestNeverPrints(t *testing.T) {
	t.Parallel()
	verbs := []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10v", "%-5s", "%w"}
	for kind, s := range sources(t) {
		for name, h := range holders(s) {
			t.Run(kind+" "+name, func(t *testing.T) {
				t.Parallel()
				var out bytes.Buffer
				for _, verb := range verbs {
					fmt.Fprintf(&out, verb+"\n", h)
				}
				fmt.Fprintln(&out, h)
				j, err := json.Marshal(h)
				require.NoError(t, err)
				out.Write(j)
				y, err := yaml.Marshal(h)
				if _, isError := h.(error); !isError {
					require.NoError(t, err)
				}
				out.Write(y)
				x, err := xml.Marshal(h)
				if err == nil {
					out.Write(x)
				}
				for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
					l.Info("m", slog.Group("g", slog.Any("h", h)), slog.Any("a", h))
				}
				text := out.String()
				for _, spelling := range append(spellings(canary), fmt.Sprintf("%X", canary)) {
					require.NotContains(t, text, spelling)
				}
			})
		}
	}
}

func TestPlaceholder(t *testing.T) {
	t.Parallel()
	require.Equal(t, "<secret>", New("x").String())
	require.Equal(t, "<secret>", fmt.Sprintf("%#v", New("x")))
	require.Equal(t, "<secret>", New("x").LogValue().String())
	var none Secret
	require.Empty(t, none.String())
	require.False(t, none.IsSet())
	v, err := none.Value()
	require.NoError(t, err)
	require.Empty(t, v)
	require.True(t, New("").IsSet())
	copied := New("y")
	again := copied
	v, err = again.Value()
	require.NoError(t, err)
	require.Equal(t, "y", v)
}

func TestFileProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	for _, c := range []struct {
		name, path, want string
		is               error
	}{
		{"missing", filepath.Join(dir, "none"), "none", fs.ErrNotExist},
		{"folder", dir, "directory", nil},
		{"empty", write("empty", ""), "empty; write the secret into it", errEmpty},
		{"two lines", write("lines", "two\nlines\n"), "more than one line", errLines},
		{"empty line at the end", write("blank", "one\n\n"), "more than one line", errLines},
		{"byte order mark", write("mark", "\ufeffsecret\n"), "byte order mark", errMark},
		{"line break only", write("break", "\r\n"), "empty; write the secret into it", errEmpty},
		{"too large", write("large", canary+strings.Repeat("x", MaxBytes)), "longer than 65536 bytes", errLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := FromFile(c.path).Value()
			require.Empty(t, v)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
			var e *Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, c.path, e.Path)
			require.Equal(t, 1, strings.Count(err.Error(), c.path), "the path is named once")
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
	v, err := FromFile(write("largest", strings.Repeat("x", MaxBytes))).Value()
	require.NoError(t, err)
	require.Len(t, v, MaxBytes)
	v, err = FromFile(write("spaces", " one line \r\n")).Value()
	require.NoError(t, err)
	require.Equal(t, " one line ", v)
}

func TestFileChanges(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	write := func(path, content string) {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chtimes(path, old, old))
	}
	s := FromFile(path)
	want := func(content string) {
		t.Helper()
		v, err := s.Value()
		require.NoError(t, err)
		require.Equal(t, content, v)
	}
	_, err := s.Value()
	require.ErrorIs(t, err, fs.ErrNotExist)
	write(path, "first")
	want("first")
	want("first")

	require.NoError(t, os.WriteFile(path, []byte("other"), 0o600)) // same size, new time
	want("other")
	require.NoError(t, os.WriteFile(path, []byte("again"), 0o600)) // within the clock's grain
	want("again")

	write(path, "third")
	want("third")
	write(path+".new", "forth") // same size, same time, another file
	require.NoError(t, os.Rename(path+".new", path))
	want("forth")

	require.NoError(t, os.Remove(path))
	_, err = s.Value()
	require.ErrorIs(t, err, fs.ErrNotExist)
	write(path, "back again")
	want("back again")
}

func TestFileIsCached(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.WriteFile(path, []byte("value"), 0o600))
	require.NoError(t, os.Chtimes(path, old, old))
	f := &file{path: path}
	v, err := f.value()
	require.NoError(t, err)
	require.Equal(t, "value", v)
	f.cache = "from the cache"
	v, err = f.value()
	require.NoError(t, err)
	require.Equal(t, "from the cache", v)
}
