package draw

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var nine = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

// filled is a picture of a dashboard in which every question has n series.
func filled(t *testing.T, file string, n int) Picture {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	b, err := Read(content)
	require.NoError(t, err)
	p := Picture{Board: b, From: nine, To: nine.Add(time.Hour), Step: time.Minute, Chosen: "Node All", Answers: map[Question][]Series{}}
	for _, q := range b.Questions() {
		p.Answers[q] = []Series{}
		for i := range n {
			s := Series{Labels: map[string]string{}}
			for _, name := range []string{"probe", "node", "provider", "instance", "step", "reason", "severity", "kind", "window", "what", "bridge", "resource"} {
				s.Labels[name] = fmt.Sprintf("a rather long %s <&\"%d\">", name, i)
			}
			for at := 0.0; at <= 3600; at += 60 {
				if q.Instant && at < 3600 || at == 1200 {
					continue
				}
				s.Points = append(s.Points, Point{seconds(nine) + at, float64((i + int(at/600)) % 3)})
			}
			p.Answers[q] = append(p.Answers[q], s)
		}
	}
	return p
}

var drawnText = regexp.MustCompile(`<text class="(\w+)" x="([\d.-]+)" y="([\d.-]+)"(?: text-anchor="(\w+)")?(?: style="font-size:([\d.]+)px[^"]*")?[^>]*>([^<]*)</text>`)

// TestEveryDashboardIsDrawnWhateverTheAnswers draws all dashboards with none, few
// and many series under hostile names, and looks whether each picture is
// well-formed and each text within it.
func TestEveryDashboardIsDrawnWhateverTheAnswers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../dashboards/*.json")
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, file := range files {
		for _, n := range []int{0, 1, 3, 40} {
			svg, err := filled(t, file, n).SVG()
			require.NoError(t, err)
			for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
				_, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err, file)
			}
			require.Contains(t, string(svg), Note)
			require.NotContains(t, string(svg), "NaN")
			require.NotContains(t, string(svg), "Inf")
			texts := drawnText.FindAllStringSubmatch(string(svg), -1)
			require.Len(t, texts, strings.Count(string(svg), "<text "))
			for _, m := range texts {
				x, err := strconv.ParseFloat(m[2], 64)
				require.NoError(t, err)
				require.Greater(t, x, 0.0, m[0])
				require.Less(t, x, wide, m[0])
			}
		}
	}
}

func TestAPictureNeedsAllAnswers(t *testing.T) {
	t.Parallel()
	p := filled(t, "../../../dashboards/idp-exporter-sign-in.json", 1)
	delete(p.Answers, p.Board.Panels[0].Targets[0].Question())
	_, err := p.SVG()
	require.ErrorContains(t, err, "no answer to min(idp_testall_pass)")
	_, err = Read([]byte("{"))
	require.Error(t, err)
}

// board is a dashboard with one panel.
func board(t *testing.T, panel string) Board {
	t.Helper()
	b, err := Read([]byte(`{"title": "T", "panels": [` + panel + `], "annotations": {"list": [
		{"name": "Drains", "expr": "drained", "iconColor": "orange", "titleFormat": "Drained: {{node}}"}]}}`))
	require.NoError(t, err)
	return b
}

func drawn(t *testing.T, panel string, answer, drained []Series) string {
	t.Helper()
	b := board(t, panel)
	svg, err := Picture{Board: b, From: nine, To: nine.Add(time.Hour), Step: time.Minute, Answers: map[Question][]Series{
		b.Panels[0].Targets[0].Question(): answer, {"drained", false}: drained,
	}}.SVG()
	require.NoError(t, err)
	return string(svg)
}

func at(minute int, value float64) Point { return Point{seconds(nine) + 60*float64(minute), value} }

const gridded = `"gridPos": {"x": 0, "y": 0, "w": 24, "h": 8}, "targets": [{"expr": "up", "legendFormat": "{{job}} {{node}}"}]`

func TestATimelineShowsStatesAndGaps(t *testing.T) {
	t.Parallel()
	panel := `{"type": "state-timeline", "title": "P", "fieldConfig": {"defaults": {"mappings": [{"options": {
		"1": {"text": "pass", "color": "green"}, "0": {"text": "FAIL", "color": "red"}}}]}}, ` + gridded + `}`
	s := Series{Labels: map[string]string{"job": "a", "node": "n1"}}
	for minute := range 61 {
		switch {
		case minute < 20:
			s.Points = append(s.Points, at(minute, 1))
		case minute >= 30 && minute < 40:
			s.Points = append(s.Points, at(minute, 0))
		case minute >= 40:
			s.Points = append(s.Points, at(minute, math.NaN()))
		}
	}
	svg := drawn(t, panel, []Series{s}, nil)
	require.Contains(t, svg, ">a n1</text>")
	require.Equal(t, 2, strings.Count(svg, hex("green")), "one span and the legend")
	require.Equal(t, 2, strings.Count(svg, hex("red")), "one span and the legend")
}

func TestAnnotationsAreBandsAndNamed(t *testing.T) {
	t.Parallel()
	line := Series{Points: []Point{at(0, 1), at(1, 2), at(2, 3), at(3, 1)}}
	var n2 Series
	n2.Labels = map[string]string{"node": "n2"}
	for _, minute := range []int{5, 6, 7, 58, 59, 60} {
		n2.Points = append(n2.Points, at(minute, 1))
	}
	svg := drawn(t, `{"type": "timeseries", "title": "P", `+gridded+`}`, []Series{line}, []Series{n2})
	require.Contains(t, svg, ">Drained: n2, 09:05 to 09:08</text>")
	require.Contains(t, svg, ">Drained: n2, since 09:58</text>")
	require.Equal(t, 2, strings.Count(svg, `fill="`+hex("orange")+`" opacity="0.1"`))
	require.Contains(t, svg, ">09:10</text>")
}

func TestStackedBarsStandOnEachOther(t *testing.T) {
	t.Parallel()
	layers := stack([]curve{{points: []Point{at(0, 1), at(1, 2)}}, {points: []Point{at(1, 3)}}}, true)
	require.Equal(t, [][][2]float64{{{0, 1}, {0, 2}}, {{2, 5}}}, layers)
	layers = stack([]curve{{points: []Point{at(0, 1)}}, {points: []Point{at(0, 3)}}}, false)
	require.Equal(t, [][][2]float64{{{0, 1}}, {{0, 3}}}, layers)
}

func TestColorsAreThoseOfTheLevels(t *testing.T) {
	t.Parallel()
	p := board(t, `{"type": "stat", "fieldConfig": {"defaults": {"unit": "s", "thresholds": {"steps": [
		{"color": "green"}, {"color": "yellow", "value": 300}, {"color": "red", "value": 900}]}}}, `+gridded+`}`).Panels[0]
	for v, want := range map[float64][2]string{
		-1: {"-1 s", "green"}, 299: {"4.98 min", "green"}, 300: {"5 min", "yellow"}, 1e6: {"11.6 days", "red"},
	} {
		text, color := p.Looks(v)
		require.Equal(t, want, [2]string{text, color})
	}
}

func TestSpell(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		v          float64
		unit, want string
	}{
		{0, "s", "0 s"}, {.00042, "s", "420 µs"}, {.123456, "s", "123 ms"}, {59.96, "s", "60 s"}, {7200, "s", "2 hours"},
		{.7594, "percentunit", "75.9 %"}, {1, "percentunit", "100 %"}, {.1893, "suffix: intervals", "0.189 intervals"}, {1536, "bytes", "1.5 KiB"}, {.4, "reqps", "0.4 req/s"},
		{1234, "", "1234"}, {12345, "none", "12.3 thousand"}, {-.5, "", "-0.5"},
	} {
		require.Equal(t, tt.want, spell(tt.v, tt.unit))
	}
}

func TestAxis(t *testing.T) {
	t.Parallel()
	zero, one := 0.0, 1.0
	for _, tt := range []struct {
		low, high float64
		unit      string
		min, max  *float64
		labels    []string
	}{
		{.2, 9.7, "s", &zero, nil, []string{"0 s", "5 s", "10 s"}},
		{.3, .6, "percentunit", &zero, &one, []string{"0 %", "50 %", "100 %"}},
		{0, .00099, "s", &zero, nil, []string{"0 ms", "0.5 ms", "1 ms"}},
		{3, 3, "", &zero, nil, []string{"0", "1", "2", "3"}},
		{0, 0, "", &zero, nil, []string{"0", "0.5", "1"}},
	} {
		a := newAxis(tt.low, tt.high, tt.unit, tt.min, tt.max)
		require.Equal(t, tt.labels, a.labels)
		require.LessOrEqual(t, a.low, tt.low)
		require.GreaterOrEqual(t, a.high, tt.high)
	}
	require.Greater(t, newAxis(5, 5, "", nil, nil).high, 5.0)
}

func TestFit(t *testing.T) {
	t.Parallel()
	require.Equal(t, "short", fit("short", 100, 11))
	long := fit(strings.Repeat("x", 100), 100, 11)
	require.True(t, strings.HasSuffix(long, "x…"))
	require.LessOrEqual(t, width(long, 11), 100.0)
	require.Equal(t, "…", fit("ab", 0, 11))
}
