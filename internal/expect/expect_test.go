package expect

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var vars = map[string]VarType{
	"id_token": Object, "durations": Seconds, "status": Int, "body": String, "json": Dyn, "ok": Bool, "ratio": Double,
}

func values() map[string]any {
	return map[string]any{
		"id_token": map[string]any{
			"sub": "alice", "https://acme.example/crm_id": "42", "n": int64(9007199254740993), "x": 1.5,
			"roles": []any{"admin", "dev"}, "address": map[string]any{"country": "AT"}, "email_verified": true,
			"private": "hush-hush-value",
		},
		"durations": map[string]float64{"token": 0.25},
		"status":    200, "body": "hello", "json": []any{int64(1)}, "ok": true, "ratio": 0.5,
	}
}

func TestEval(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, expr, why string
	}{
		{"equal", `id_token["https://acme.example/crm_id"] == "42"`, ""},
		{"field", `id_token.sub == "alice" && id_token.address.country == "AT"`, ""},
		{"differs", `id_token.sub == "bob"`, "does not hold"},
		{"in list", `"admin" in id_token.roles && size(id_token.roles) == 2`, ""},
		{"exists", `id_token.roles.exists(r, r.startsWith("ad"))`, ""},
		{"large integer", `id_token.n == 9007199254740993`, ""},
		{"mixed numbers", `durations.token < 1 && id_token.x > 1 && status < 200.5`, ""},
		{"dyn bool", `id_token.email_verified`, ""},
		{"dyn not bool", `id_token.sub`, "yields string, want bool"},
		{"missing", `id_token["https://acme.example/none"] == "42"`, `there is no "https://acme.example/none"`},
		{"missing field", `id_token.address.city == "Wien"`, `there is no "city"`},
		{"missing, asked", `!has(id_token.none)`, ""},
		{"missing, optional", `id_token[?"none"].orValue("x") == "x"`, ""},
		{"missing duration", `durations.userinfo < 1.0`, `there is no "userinfo"`},
		{"key from a value", `id_token[id_token.private] == 1`, "a key it looks up is not there"},
		{"wrong type", `id_token.sub < 3`, "the values are not of the types it expects"},
		{"wrong type of map", `id_token.sub.deeper == 3`, ""},
		{"conversion", `int(id_token.private) == 3`, "the values are not of the types it expects"},
		{"timestamp", `timestamp(id_token.private) < timestamp("2020-01-01T00:00:00Z")`, ""},
		{"index", `json[5] == 1`, "reaches beyond the end of a list"},
		{"zero", `1 / (status - 200) == 1`, "divides by zero"},
		{"regexp", `body.matches("^h.*o$")`, ""},
		{"regexp ignoring case", `body.matches("(?i)HELLO")`, ""},
		{"optional", `id_token[?"sub"].optMap(s, s == "alice")`, ""},
		{"optional differs", `id_token[?"sub"].optMap(s, s == "bob")`, "does not hold"},
		{"optional missing", `id_token[?"none"].optMap(s, s == "alice")`, "nothing there tells"},
		{"optional of a choice", `id_token.roles.exists(r, r == "none") ? optional.of(status == 200) : optional.none()`, "nothing there tells"},
		{"optional of any type", `json[?0].optMap(n, n == 1)`, ""},
		{"optional, not bool", `json[?0]`, "yields int, want bool"},
		{"sets", `sets.contains(id_token.roles, ["dev"])`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			set, problems := Compile(vars, map[string]string{"e": c.expr})
			require.Empty(t, problems)
			got := set.Eval(t.Context(), values())
			require.Len(t, got, 1)
			require.Equal(t, "e", got[0].Name)
			require.True(t, strings.HasPrefix(got[0].Detail, c.expr))
			require.NotContains(t, got[0].Detail, "hush")
			require.Equal(t, c.why == "nothing there tells", got[0].Untold)
			switch c.name {
			case "wrong type of map", "timestamp":
				require.False(t, got[0].Pass)
			default:
				require.Equal(t, c.why == "", got[0].Pass, got[0].Detail)
				require.Equal(t, c.why, strings.TrimPrefix(strings.TrimPrefix(got[0].Detail, c.expr), ": "))
			}
		})
	}
}

func TestCompileProblems(t *testing.T) {
	t.Parallel()
	set, problems := Compile(vars, map[string]string{
		"b_unknown": `nobody.sub == "x"`,
		"a_syntax":  `id_token.sub ==`,
		"c_type":    `body`,
		"d_second":  "status == 200 &&\n  status == 'x'",
		"e_fine":    `ok`,
		"f_regexp":  `body.matches("(")`,
		"g_empty":   ``,
	})
	require.Nil(t, set)
	var names []string
	for _, p := range problems {
		if len(names) == 0 || names[len(names)-1] != p.Name {
			names = append(names, p.Name)
		}
		require.NotEmpty(t, p.Message)
		switch p.Name {
		case "b_unknown":
			require.Equal(t, [2]int{1, 1}, [2]int{p.Line, p.Column})
			require.Contains(t, p.String(), "column 1")
		case "c_type":
			require.Contains(t, p.Message, "want bool")
		case "d_second":
			require.Equal(t, 2, p.Line)
			require.Contains(t, p.String(), "line 2")
		}
	}
	require.Subset(t, []string{"a_syntax", "b_unknown", "c_type", "d_second", "f_regexp", "g_empty"}, names)
	require.IsIncreasing(t, names)
	require.GreaterOrEqual(t, len(names), 5)
}

func TestOrderAndUses(t *testing.T) {
	t.Parallel()
	set, problems := Compile(vars, map[string]string{"z": `ok`, "a": `status == 200`, "m": `id_token.sub != ""`})
	require.Empty(t, problems)
	require.Equal(t, 3, set.Len())
	require.True(t, set.Uses("id_token"))
	require.False(t, set.Uses("body"))
	var names []string
	for _, o := range set.Eval(t.Context(), values()) {
		names = append(names, o.Name)
		require.True(t, o.Pass)
	}
	require.Equal(t, []string{"a", "m", "z"}, names)
	var none *Set
	require.Empty(t, none.Eval(t.Context(), nil))
	require.False(t, none.Uses("ok"))
	require.Zero(t, none.Len())
}

func TestBoundedCost(t *testing.T) {
	t.Parallel()
	long := make([]any, 2000)
	for i := range long {
		long[i] = int64(i)
	}
	set, problems := Compile(map[string]VarType{"l": Dyn}, map[string]string{
		"cubic": `l.all(a, l.all(b, l.all(c, a + b + c >= 0)))`,
	})
	require.Empty(t, problems)
	begin := time.Now()
	got := set.Eval(t.Context(), map[string]any{"l": long})
	require.False(t, got[0].Pass)
	require.Contains(t, got[0].Detail, "costs too much")
	require.Less(t, time.Since(begin), 20*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got = set.Eval(ctx, map[string]any{"l": long})
	require.Contains(t, got[0].Detail, "time was used up")
}

func TestMissingVariable(t *testing.T) {
	t.Parallel()
	set, problems := Compile(vars, map[string]string{"e": `status == 200`})
	require.Empty(t, problems)
	got := set.Eval(t.Context(), map[string]any{})
	require.False(t, got[0].Pass)
	require.Contains(t, got[0].Detail, `"status"`)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	v, err := JSONObject([]byte(`{"i":9007199254740993,"f":1.5,"big":1e400,"l":[1,{"n":2}]}`))
	require.NoError(t, err)
	require.Equal(t, int64(9007199254740993), v["i"])
	require.InEpsilon(t, 1.5, v["f"], 1e-9)
	require.Equal(t, []any{int64(1), map[string]any{"n": int64(2)}}, v["l"])
	_, err = JSONObject([]byte(`[1]`))
	require.ErrorIs(t, err, ErrNotObject)
	for _, bad := range []string{``, `{`, `{} {}`, `{"a":}`} {
		_, err = JSONObject([]byte(bad))
		require.Error(t, err, bad)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`id_token.sub == "alice"`)
	f.Add(`id_token.roles.all(r, r.matches(id_token.sub))`)
	f.Add(`id_token.sub.replace("", id_token.sub)=="`)
	f.Fuzz(func(t *testing.T, expr string) {
		set, problems := Compile(vars, map[string]string{"e": expr})
		require.NotEqual(t, set == nil, len(problems) == 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, o := range set.Eval(ctx, values()) {
			require.NotContains(t, strings.TrimPrefix(o.Detail, expr), "hush-hush")
		}
	})
}

func TestBoundedMemory(t *testing.T) {
	t.Parallel()
	set, problems := Compile(map[string]VarType{"l": Dyn, "s": String}, map[string]string{
		"amplified": `l.map(a, l.map(b, s + s + s + s)).size() > 0`,
	})
	require.Empty(t, problems)
	got := set.Eval(t.Context(), map[string]any{"l": make([]any, 300), "s": strings.Repeat("a", 20_000)})
	require.False(t, got[0].Pass)
	require.Contains(t, got[0].Detail, "costs too much")
}
