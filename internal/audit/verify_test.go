package audit

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func lines(b []byte) []string { return slices.Collect(strings.Lines(string(b))) }

func check(t *testing.T, o VerifyOptions, lines ...string) Report {
	t.Helper()
	r, err := Verify("trail", strings.NewReader(strings.Join(lines, "")), o)
	require.NoError(t, err)
	return r
}

func TestVerifyFindsEveryMeddling(t *testing.T) {
	t.Parallel()
	whole := lines(written(t, 8)) // ten lines
	require.Zero(t, check(t, VerifyOptions{}, whole...).Broken)
	for i := range len(whole) - 1 {
		at := fmt.Sprintf("line %d", i+1)
		edited := func(edit func(list []string) []string) Report {
			return check(t, VerifyOptions{}, edit(slices.Clone(whole))...)
		}

		r := edited(func(l []string) []string { return slices.Delete(l, i, i+1) })
		if i == 0 {
			require.False(t, r.Whole, "what is removed from the front looks rotated")
		} else {
			require.Equal(t, []Problem{{"trail", i + 1, uint64(i + 2), FaultGap, fmt.Sprintf("missing: records %d to %d", i+1, i+1)}}, r.Problems)
		}
		r = edited(func(l []string) []string { return slices.Insert(l, i, l[i]) })
		require.Equal(t, map[bool]Fault{true: FaultAnew, false: FaultOrder}[i == 0], first(r), at)
		if i > 0 {
			r = edited(func(l []string) []string { l[i], l[i+1] = l[i+1], l[i]; return l })
			require.NotZero(t, r.Broken, at)
		}
		r = edited(func(l []string) []string {
			l[i] = strings.Replace(l[i], `"outcome":"ok"`, `"outcome":"failed"`, 1)
			return l
		})
		require.Equal(t, FaultChain, first(r), at)
		require.Equal(t, i+2, r.Problems[0].Line)
		r = edited(func(l []string) []string { l[i] = "gone\n"; return l })
		require.Equal(t, FaultUnreadable, first(r), at)
		r = edited(func(l []string) []string { l[i] = "\n"; return l })
		require.Equal(t, FaultUnreadable, first(r), at)
		// Removed, and the next one made to tell of a drop.
		if i > 0 {
			r = edited(func(l []string) []string {
				l[i+1] = strings.Replace(l[i+1], `,"prev"`, `,"dropped":1,"prev"`, 1)
				return slices.Delete(l, i, i+1)
			})
			require.Equal(t, FaultChain, first(r), at)
		}
		// Cut in two by a forged end and start.
		r = edited(func(l []string) []string { return slices.Insert(l, i+1, l[0]) })
		require.NotZero(t, r.Broken, at)
	}
}

func first(r Report) Fault {
	if len(r.Problems) == 0 {
		return ""
	}
	return r.Problems[0].Fault
}

// TestVerifyTornIsNoCover: what stands before a recovered record is covered too.
func TestVerifyTornIsNoCover(t *testing.T) {
	t.Parallel()
	o := options(t)
	whole := written(t, 3)
	require.NoError(t, writeFile(o.Config.File.Path, append(whole, `{"seq":6,"ti`...)))
	require.NoError(t, open(t, o).Close())
	list := lines(read(t, o.Config.File.Path))
	require.Len(t, list, 9) // five, torn, recovered, start, stop
	require.Zero(t, check(t, VerifyOptions{}, list...).Broken)

	for name, edit := range map[string]func(l []string) []string{
		"record before the torn line changed": func(l []string) []string { l[4] = strings.Replace(l[4], "stop", "start", 1); return l },
		"record before it removed":            func(l []string) []string { return slices.Delete(l, 4, 5) },
		"record before it made unreadable":    func(l []string) []string { l[4] = "x\n"; return l },
		"torn line changed":                   func(l []string) []string { l[5] = "x\n"; return l },
		"torn line removed":                   func(l []string) []string { return slices.Delete(l, 5, 6) },
		"another beside it":                   func(l []string) []string { return slices.Insert(l, 5, "x\n") },
		"recovered record removed":            func(l []string) []string { return slices.Delete(l, 6, 7) },
	} {
		require.NotZero(t, check(t, VerifyOptions{}, edit(slices.Clone(list))...).Broken, name)
	}
}

func TestVerifyRuns(t *testing.T) {
	t.Parallel()
	one, two := lines(written(t, 2)), lines(written(t, 3))
	both := slices.Concat(one, two)
	r := check(t, VerifyOptions{}, both...)
	require.Equal(t, FaultAnew, first(r))
	require.Equal(t, 1, r.Broken)
	r = check(t, VerifyOptions{Runs: true}, both...)
	require.Zero(t, r.Broken)
	require.Equal(t, 2, r.Starts)
	require.Zero(t, r.Unclean)
	r = check(t, VerifyOptions{Runs: true}, slices.Concat(one[:3], two)...)
	require.Equal(t, 1, r.Unclean, "killed")
	require.NotZero(t, check(t, VerifyOptions{Runs: true}, slices.Concat(one, two[1:])...).Broken, "the start was removed")
}

func TestVerifyReads(t *testing.T) {
	t.Parallel()
	_, err := VerifyFiles([]string{"none"}, VerifyOptions{})
	require.Error(t, err)
	r := check(t, VerifyOptions{}, "hello\n", strings.Repeat("x", 1<<20)+"\n")
	require.Zero(t, r.Records)
	require.NotZero(t, r.Broken)
	require.Contains(t, r.String(), "no record found")

	many := strings.Repeat("x\n"+lines(written(t, 0))[0], 500)
	r = check(t, VerifyOptions{}, many)
	require.Len(t, r.Problems, maxProblems)
	require.Greater(t, r.Broken, 500)
}

// FuzzVerify: foreign bytes never panic, and no change of one byte before the
// last line goes unnoticed.
func FuzzVerify(f *testing.F) {
	f.Add([]byte("{}\n"), 3, byte('x'))
	f.Add([]byte("{\"seq\":1,\"event\":\"start\",\"prev\":\""+strings.Repeat("0", 64)+"\"}\n"), 100, byte('\n'))
	var whole []byte
	f.Fuzz(func(t *testing.T, foreign []byte, at int, c byte) {
		if whole == nil {
			whole = written(t, 5)
		}
		r, err := Verify("foreign", bytes.NewReader(foreign), VerifyOptions{})
		if err != nil || r.Broken < len(r.Problems) {
			t.Fatal(err, r)
		}
		last := bytes.LastIndexByte(whole[:len(whole)-1], '\n')
		at = ((at % last) + last) % last
		if whole[at] == c {
			return
		}
		changed := bytes.Clone(whole)
		changed[at] = c
		r, err = Verify("changed", bytes.NewReader(changed), VerifyOptions{})
		if err != nil || r.Broken == 0 {
			t.Fatalf("byte %d made %q: not noticed", at, c)
		}
	})
}
