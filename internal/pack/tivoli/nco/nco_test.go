package nco

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func load(content string, more ...string) (*Program, error) {
	files := fstest.MapFS{"main": {Data: []byte(content)}}
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = &fstest.MapFile{Data: []byte(more[i+1])}
	}
	return Load(files, "main", func(name string) bool { return name == "a" || name == "x-y" || name == "(l.m)" || name == "l.m" })
}

const sample = `# A comment with "quotes" and {.
table t = { {"1","one","uno"}, {"2","two","due"} } default = {"none","nessuno"}
table s =
{
    {"k","v"}
}
default = "w"
if (match($a, "1") && !exists($n)) { @Summary = "is one" }
else if ($a == "2") { @Summary = "two" + "!" update(@Summary) }
else { discard }
switch($x-y)
{
    case "p"|"q":
        [$e,$i] = lookup($a, t)
        @AlertKey = $e + "/" + $i + lookup("k", s) + lookup("x", s)
    include "$NC_RULES_HOME/part"
    default:
        @AlertKey = $(l.m)
}
$n = int("07")
@Severity = $n
@ExtendedAttr = nvp_add(@ExtendedAttr, "q", "say ""it")
details($a,$n)
log(DEBUG, "at " + $n)
`

const part = `case "r":
@AlertKey = extract($(l.m), "^(.*)-[0-9]+$")
`

func TestRun(t *testing.T) {
	t.Parallel()
	// A text has no quotes within: those of the sample end it.
	text := strings.ReplaceAll(strings.ReplaceAll(sample, `"say ""it"`, `"it's"`), `int("07")`, `int("03")`)
	p, err := load(text, "part", part)
	require.NoError(t, err)
	row, err := p.Run(map[string]string{"a": "1", "x-y": "q", "l.m": "zz-12"}, map[string]string{"ExtendedAttr": `p="1"`})
	require.NoError(t, err)
	require.Equal(t, Row{
		Fields:  map[string]string{"Summary": "is one", "AlertKey": "one/unovw", "Severity": "3", "ExtendedAttr": `p="1";q="it's"`},
		Details: map[string]string{"a": "1", "n": "3"}, Update: map[string]bool{},
	}, row)
	row, err = p.Run(map[string]string{"a": "2", "x-y": "r", "l.m": "zz-12"}, nil)
	require.NoError(t, err)
	require.Equal(t, "zz", row.Fields["AlertKey"])
	require.True(t, row.Update["Summary"])
	row, err = p.Run(map[string]string{"a": "3", "x-y": "r"}, nil)
	require.NoError(t, err)
	require.True(t, row.Discarded)
	require.Empty(t, row.Fields)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		`@Sevrity = 1`:                                "no field Sevrity",
		`update(@Smry)`:                               "no field Smry",
		`$b = @Nod`:                                   "no field Nod",
		`$b = mach($a, "1")`:                          `no function "mach"`,
		`$b = match($a)`:                              "does not take 1 values",
		`if(match($a, "1") { }`:                       `")" is to be`,
		`if(match($a, "1")) { @Type = 1`:              `"}" is to be`,
		`@Type = 1 }`:                                 "closes nothing",
		`switch($a) { case "1": @Type = 1 }`:          "has its default",
		`switch($a) { case "1": case "1": default: }`: "twice",
		`switch($a) { default: case "1": @Type = 1 }`: `"}" is to be`,
		`case "1": @Type = 1`:                         "closes nothing",
		`@Type = `:                                    "is no value",
		`@Type := 1`:                                  `"=" is to be`,
		`$b = "no end`:                                "no such syntax",
		`$b = "a" - "b"`:                              "no such syntax",
		`$b = $c`:                                     "$c is no token of the probe and set nowhere",
		`details($c)`:                                 "$c is no token",
		`$b = lookup($a, nowhere)`:                    "no table",
		`table t = { {"1","2"} }`:                     "has its default",
		`table t = { {"1","2"}, {"1","3"} } default = "x"`:                   "twice",
		`table t = { {"1","2"}, {"2"} } default = "x"`:                       "number of columns",
		`table t = { {"1","2","3"} } default = "x"`:                          "1 columns of 2",
		"@Type = 1\n" + `table t = { {"1","2"} } default = "x"`:              "before everything else",
		`table t = { {"1","2"} } default = "x" [$b,$c] = lookup($a, t)`:      "has 1 columns, not 2",
		`table t = { {"1","2","3"} } default = {"x","y"} $b = lookup($a, t)`: "has 2 columns, not 1",
		`include "$NC_RULES_HOME/missing"`:                                   "missing",
		`include "/etc/rules"`:                                               "does not begin with",
		`include "$NC_RULES_HOME/main"`:                                      "deep",
		`log(LOUD, "x")`:                                                     "no level",
		`goto end`:                                                           "begins no statement",
		`while($a) { }`:                                                      "begins no statement",
		`foreach(e in $a) { }`:                                               "goes through $* alone",
		`foreach(e) { }`:                                                     "foreach takes",
		`foreach(e in $*) { foreach(f in $*) { } }`:                          "no other within",
		`foreach(e in $*) { $e = "x" } $b = $e`:                              "$e is no token of the probe and set nowhere",
		`foreach(e in $*) { details($e) }`:                                   "by their own names",
		`table t = { {"1","2","3"} } default = {"x","y"} foreach(e in $*) { [$e,$b] = lookup($a, t) }`: "set alone",
	} {
		_, err := load(content)
		require.ErrorContains(t, err, want, content)
	}
	for content, want := range map[string]string{
		`@Severity = 6`:                   "no severity",
		`@Severity = $a`:                  "is a number",
		`@Type = "one"`:                   "is a number",
		`$b = int("x")`:                   "int",
		`$b = nvp_add("", "a", "b", "c")`: "nvp_add",
		`$b = extract($a, "(")`:           "extract",
	} {
		p, err := load(content)
		require.NoError(t, err, content)
		_, err = p.Run(nil, nil)
		require.ErrorContains(t, err, want, content)
	}
}

// What a loop sets, it sets in the event.
func TestForeach(t *testing.T) {
	t.Parallel()
	p, err := load(`
$n = "'mine'"
foreach ( e in $* ) { if(regmatch($e, "^'.*'$") && exists($e)) { $e = extract($e, "^'(.*)'$") $last = $e } }
@Summary = $a + "," + $x-y + "," + $n + "," + $last`)
	require.NoError(t, err)
	row, err := p.Run(map[string]string{"a": "'it''s'", "x-y": "'half"}, nil)
	require.NoError(t, err)
	require.Equal(t, "it''s,'half,mine,mine", row.Fields["Summary"])
	p, err = load(`foreach ( e in $* ) { @Severity = $e }`)
	require.NoError(t, err)
	_, err = p.Run(map[string]string{"a": "high"}, nil)
	require.ErrorContains(t, err, "is a number")
}

func TestFieldsAreCutToTheirWidth(t *testing.T) {
	t.Parallel()
	p, err := load(`@Node = $a`)
	require.NoError(t, err)
	row, err := p.Run(map[string]string{"a": strings.Repeat("é", 40)}, nil)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("é", 32), row.Fields["Node"])
	row, err = p.Run(map[string]string{"a": "x" + strings.Repeat("é", 40)}, nil)
	require.NoError(t, err)
	require.Equal(t, "x"+strings.Repeat("é", 31), row.Fields["Node"])
}

func row(identifier string, fields ...string) Row {
	r := Row{Fields: map[string]string{"Identifier": identifier, "Node": "n", "AlertKey": "k", "AlertGroup": "g", "Manager": "m"}, Update: map[string]bool{}}
	for i := 0; i < len(fields); i += 2 {
		r.Fields[fields[i]] = fields[i+1]
	}
	return r
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := NewServer()
	s.Insert(row("p", "Type", "1", "Severity", "5"))
	s.Pass(10)
	again := row("p", "Type", "1", "Severity", "3", "Summary", "new")
	s.Insert(again)
	require.Equal(t, 2, s.Standing()[0].Tally)
	require.Equal(t, "5", s.Standing()[0].Fields["Severity"], "rules did not tell to update it")
	require.Equal(t, "new", s.Standing()[0].Fields["Summary"])
	s.Insert(row("r", "Type", "2", "Severity", "1"))
	s.Pass(0)
	require.Len(t, s.Standing(), 1, "a resolution of the same second clears nothing")
	s.Pass(1)
	s.Insert(row("r", "Type", "2", "Severity", "1", "Node", "n"))
	s.Insert(row("other", "Type", "1", "Severity", "5", "AlertKey", "another"))
	s.Pass(0)
	require.Len(t, s.Standing(), 1)
	require.Equal(t, "another", s.Standing()[0].Fields["AlertKey"])
	s.Pass(120)
	require.Len(t, s.rows, 3, "what is cleared stays for two minutes")
	s.Pass(1)
	require.Len(t, s.rows, 1, "what is cleared goes")
	s.Insert(row("beat", "Type", "13", "Severity", "1", "ExpireTime", "60"))
	s.Pass(60)
	require.Len(t, s.Standing(), 2)
	s.Pass(1)
	require.Len(t, s.Standing(), 1)
	s.Insert(Row{Discarded: true})
	require.Len(t, s.rows, 2)
}

// FuzzLoad: no content breaks the interpreter that other tests trust.
func FuzzLoad(f *testing.F) {
	f.Add(strings.ReplaceAll(sample, `"say ""it"`, `"it's"`))
	f.Add(part)
	f.Add(`((((((`)
	f.Fuzz(func(_ *testing.T, content string) {
		if p, err := load(content, "part", part); err == nil {
			_, _ = p.Run(map[string]string{"a": "1"}, nil)
		}
	})
}
