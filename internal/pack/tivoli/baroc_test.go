package tivoli

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/bridges"
	"github.com/idp-exporter/idp_exporter/bridges/eif"
	"github.com/idp-exporter/idp_exporter/internal/pack/tivoli/nco"
	"github.com/idp-exporter/idp_exporter/probes"
)

// barocClass is a class; Slots are its own and those above it, with their types.
type barocClass struct {
	Above string
	Slots map[string]string
}

// ofRoot is EVENT as the console's root.baroc has it, and the enumeration of
// severities.
func ofRoot() (map[string]barocClass, map[string][]string) {
	slots := map[string]string{"severity": "SEVERITY"}
	for _, s := range []string{"source", "sub_source", "origin", "sub_origin", "hostname", "adapter_host", "date", "msg", "msg_catalog", "administrator"} {
		slots[s] = "STRING"
	}
	return map[string]barocClass{"EVENT": {"", slots}}, map[string][]string{"SEVERITY": {"UNKNOWN", "HARMLESS", "WARNING", "MINOR", "CRITICAL", "FATAL"}}
}

var barocToken = regexp.MustCompile(`^(?:\s+|#[^\n]*)*([A-Za-z_][A-Za-z0-9_]*|"[^"\n]*"|[:;{},=])`)

// parseBaroc reads classes, strictly: every type, facet and superclass has to be
// known, and an inherited slot may have another default only.
func parseBaroc(content string) (map[string]barocClass, error) {
	var tokens []string
	for strings.TrimSpace(content) != "" {
		m := barocToken.FindStringSubmatch(content)
		if m == nil {
			return nil, fmt.Errorf("no such syntax: %.30q", content)
		}
		tokens = append(tokens, m[1])
		content = content[len(m[0]):]
	}
	classes, enumerations := ofRoot()
	i := 0
	next := func(wants ...string) (string, error) {
		if i == len(tokens) {
			return "", fmt.Errorf("the file ends where %q is to be", wants)
		}
		i++
		if got := tokens[i-1]; len(wants) == 0 || slices.Contains(wants, got) {
			return got, nil
		}
		return "", fmt.Errorf("%q stands where %q is to be", tokens[i-1], wants)
	}
	must := func(wants ...string) error {
		for _, w := range wants {
			if _, err := next(w); err != nil {
				return err
			}
		}
		return nil
	}
	for i < len(tokens) {
		if err := must("TEC_CLASS", ":"); err != nil {
			return nil, err
		}
		name, _ := next()
		if err := must("ISA"); err != nil {
			return nil, err
		}
		above, _ := next()
		parent, ok := classes[above]
		if _, twice := classes[name]; !ok || twice {
			return nil, fmt.Errorf("%s stands below %s, which is not there, or is there twice", name, above)
		}
		c := barocClass{above, maps.Clone(parent.Slots)}
		if err := must("DEFINES", "{"); err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for i < len(tokens) && tokens[i] != "}" {
			slot, _ := next()
			if seen[slot] {
				return nil, fmt.Errorf("slot %s is there twice", slot)
			}
			seen[slot] = true
			if err := must(":"); err != nil {
				return nil, err
			}
			inherited, known := parent.Slots[slot]
			kind, err := next("STRING", "default")
			switch {
			case err != nil:
				return nil, err
			case kind == "STRING" && known:
				return nil, fmt.Errorf("slot %s is that of %s", slot, above)
			case kind == "default":
				if !known {
					return nil, fmt.Errorf("slot %s has no type", slot)
				}
				if err := must("="); err != nil {
					return nil, err
				}
				value, _ := next()
				if members, is := enumerations[inherited]; is && !slices.Contains(members, value) {
					return nil, fmt.Errorf("%s is none of %s", value, inherited)
				} else if !is && !strings.HasPrefix(value, `"`) {
					return nil, fmt.Errorf("%s is no text", value)
				}
			default:
				c.Slots[slot] = kind
			}
			if i < len(tokens) && tokens[i] == "," {
				if err := must(",", "dup_detect", "=", "yes"); err != nil {
					return nil, err
				}
			}
			if err := must(";"); err != nil {
				return nil, err
			}
		}
		if err := must("}", ";", "END"); err != nil {
			return nil, err
		}
		classes[name] = c
	}
	return classes, nil
}

// Every slot of every event that the bridge sends is declared, with what its
// type takes, and the pack declares none that is never sent.
func TestBaroc(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	classes, err := parseBaroc(string(files["tec/idp_exporter.baroc"]))
	require.NoError(t, err)
	trial := raise("a1b2", probes.Major)
	trial.Test = true
	events := []bridges.Event{trial, clearing("a1b2"), beatOf("exporter1")}
	for _, s := range probes.Severities() {
		events = append(events, raise("a1b2", s))
	}
	sent := map[string]bool{}
	_, enumerations := ofRoot()
	for rest := stream(t, nil, events...); len(rest) > 0; {
		var tokens map[string]string
		tokens, rest, err = nco.EIF(rest, false)
		require.NoError(t, err)
		class, ok := classes[tokens["ClassName"]]
		require.True(t, ok, tokens["ClassName"])
		delete(tokens, "ClassName")
		for slot, value := range tokens {
			sent[slot] = true
			kind, ok := class.Slots[slot]
			require.True(t, ok, "%s is not declared", slot)
			if members, is := enumerations[kind]; is {
				require.Contains(t, members, value, slot)
			}
		}
	}
	var all []string
	for _, s := range own() {
		all = append(all, s.Name)
	}
	require.ElementsMatch(t, append(all, inherited()...), slices.Collect(maps.Keys(sent)))
	require.Equal(t, eif.NewOptions().Class, classes[eif.NewOptions().HeartbeatClass].Above)
}

func TestBarocMutations(t *testing.T) {
	t.Parallel()
	_, files := made(t, "", "", "")
	text := string(files["tec/idp_exporter.baroc"])
	for _, c := range [][3]string{
		{"ISA EVENT", "ISA EVENTS", "not there"},
		{"IDP_Alarm ISA", "EVENT ISA", "twice"},
		{"default = WARNING", "default = MAJOR", "none of SEVERITY"},
		{`"IDP_EXPORTER"`, "IDP_EXPORTER", "is no text"},
		{"alarm_id: STRING", "alarm_id: STRNG", "is to be"},
		{"alarm_id: STRING", "alarm_state: STRING", "twice"},
		{"alarm_id: STRING", "hostname: STRING", "is that of EVENT"},
		{"alarm_id: STRING", "alarm_id: default = \"\"", "has no type"},
		{"dup_detect = yes", "dup_detect = maybe", "is to be"},
		{"  };\nEND", "  }\nEND", "is to be"},
		{"END\n\nTEC", "\n\nTEC", "is to be"},
		{"DEFINES {", "DEFINES", "is to be"},
	} {
		require.Contains(t, text, c[0])
		_, err := parseBaroc(strings.Replace(text, c[0], c[1], 1))
		require.ErrorContains(t, err, c[2], c[1])
	}
}

// inherited are the slots of the bridge's events that EVENT has (root.baroc).
func inherited() []string {
	return []string{"source", "sub_source", "hostname", "severity", "adapter_host", "msg"}
}
