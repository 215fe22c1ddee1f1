package dashboards

import (
	"maps"
	"slices"
	"strconv"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Colors of Grafana's palette.
const (
	green  = "green"
	yellow = "yellow"
	orange = "orange"
	red    = "red"
	blue   = "blue"
	gray   = "text"
)

// scale gives values a color. The first step has no lower end.
type scale []step

type step struct {
	from  float64
	color string
}

// lowIsBad is red below the first level, yellow from there and green from the second.
func lowIsBad(fail, warn float64) scale { return scale{{0, red}, {fail, yellow}, {warn, green}} }

// highIsBad is green, yellow from the first level and red from the second.
func highIsBad(warn, fail float64) scale { return scale{{0, green}, {warn, yellow}, {fail, red}} }

func (s scale) thresholds() *dashboard.ThresholdsConfig {
	if len(s) == 0 {
		s = scale{{0, gray}}
	}
	c := &dashboard.ThresholdsConfig{Mode: dashboard.ThresholdsModeAbsolute}
	for i, step := range s {
		t := dashboard.Threshold{Color: step.color}
		if i > 0 {
			t.Value = &step.from
		}
		c.Steps = append(c.Steps, t)
	}
	return c
}

// color is by level, except for lines, which have to be told from each other.
func (s scale) color(d drawing) *dashboard.FieldColor {
	if d.kind == "timeseries" {
		return &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdPaletteClassicByName}
	}
	return &dashboard.FieldColor{Mode: dashboard.FieldColorModeIdThresholds}
}

// words stand for the values of a metric that knows but a few.
type words map[int]word

type word struct{ text, color string }

func passOrFail() words { return words{1: {"pass", green}, 0: {"FAIL", red}} }

func yesOrNo() words { return words{1: {"YES", green}, 0: {"NO", red}} }

func (w words) mappings() []dashboard.ValueMapping {
	if len(w) == 0 {
		return nil
	}
	results := map[string]dashboard.ValueMappingResult{}
	for i, value := range slices.Backward(slices.Sorted(maps.Keys(w))) {
		results[strconv.Itoa(value)] = dashboard.ValueMappingResult{Text: new(w[value].text), Color: new(w[value].color), Index: new(int32(i))}
	}
	return []dashboard.ValueMapping{{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: results}}}
}
