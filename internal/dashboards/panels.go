package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// panel is one picture on a dashboard.
type panel struct {
	title, about string
	w, h         uint32
	unit         string // one of Grafana's, such as s or percentunit
	min, max     *float64
	empty        string // what stands there while there is no data
	scale        scale
	words        words
	draw         drawing
	runbooks     []string // alerts that speak of the same, whose runbooks are linked
	queries      []query
}

// drawing is the kind of picture.
type drawing struct {
	kind            string
	instant         bool // the present alone, not the range shown
	format          prometheus.PromQueryFormat
	options, custom any
	transformations []dashboard.DataTransformerConfig
}

func (p panel) build(id uint32) dashboard.Panel {
	built := dashboard.Panel{
		Id: &id, Type: p.draw.kind, Title: &p.title, Description: &p.about, Datasource: source(),
		GridPos: &dashboard.GridPos{W: p.w, H: p.h}, Options: p.draw.options, Transformations: p.draw.transformations,
		FieldConfig: &dashboard.FieldConfigSource{
			Defaults: dashboard.FieldConfig{
				Min: p.min, Max: p.max, Mappings: p.words.mappings(), Thresholds: p.scale.thresholds(),
				Color: p.scale.color(p.draw), Custom: p.draw.custom,
			},
			Overrides: []dashboard.DashboardFieldConfigSourceOverrides{},
		},
	}
	if p.unit != "" {
		built.FieldConfig.Defaults.Unit = &p.unit
	}
	if p.empty != "" {
		built.FieldConfig.Defaults.NoValue = &p.empty
	}
	for _, alert := range p.runbooks {
		built.Links = append(built.Links, link("Runbook "+alert, "What it means and what to do", "docs/runbooks/"+alert+".md"))
	}
	for i, q := range p.queries {
		built.Targets = append(built.Targets, p.draw.target(string(rune('A'+i)), q))
	}
	return built
}

func (d drawing) target(ref string, q query) variants.Dataquery {
	t := prometheus.Dataquery{
		Datasource: source(), EditorMode: new(prometheus.QueryEditorModeCode), Expr: q.expr, Format: &d.format,
		Instant: new(d.instant), Range: new(!d.instant), RefId: &ref,
	}
	if q.legend != "" {
		t.LegendFormat = &q.legend
	}
	return t
}

// number shows the present value of each series in large type.
func number() drawing {
	o := stat.NewOptions()
	o.GraphMode, o.ColorMode = common.BigValueGraphModeNone, common.BigValueColorModeBackgroundSolid
	o.ReduceOptions.Calcs = []string{"lastNotNull"}
	o.Orientation = common.VizOrientationAuto
	return drawing{kind: "stat", instant: true, format: prometheus.PromQueryFormatTimeSeries, options: o}
}

// named shows the name of a number even where there is only one.
func (d drawing) named() drawing {
	if o, ok := d.options.(*stat.Options); ok {
		o.TextMode = common.BigValueTextModeValueAndName
	}
	return d
}

// bars shows the present value of each series as a bar.
func bars() drawing {
	o := bargauge.NewOptions()
	o.Orientation = common.VizOrientationHorizontal
	o.ReduceOptions.Calcs = []string{"lastNotNull"}
	return drawing{kind: "bargauge", instant: true, format: prometheus.PromQueryFormatTimeSeries, options: o}
}

// lines shows values over time.
func lines() drawing {
	o := timeseries.NewOptions()
	o.Legend.ShowLegend = true
	o.Tooltip = common.VizTooltipOptions{Mode: common.TooltipDisplayModeMulti, Sort: common.SortOrderDescending}
	f := timeseries.NewFieldConfig()
	f.LineWidth, f.FillOpacity, f.ShowPoints = new(1.0), new(10.0), new(common.VisibilityModeNever)
	return drawing{kind: "timeseries", format: prometheus.PromQueryFormatTimeSeries, options: o, custom: f}
}

// stacked shows parts of a whole over time.
func stacked() drawing {
	d := lines()
	f := timeseries.NewFieldConfig()
	f.DrawStyle, f.LineWidth, f.FillOpacity = new(common.GraphDrawStyleBars), new(0.0), new(80.0)
	f.Stacking = &common.StackingConfig{Mode: new(common.StackingModeNormal), Group: new("A")}
	d.custom = f
	return d
}

// timeline shows over time in which state each series was.
func timeline() drawing {
	o := statetimeline.NewOptions()
	o.ShowValue = common.VisibilityModeNever
	o.Tooltip = common.VizTooltipOptions{Mode: common.TooltipDisplayModeSingle, Sort: common.SortOrderNone}
	return drawing{kind: "state-timeline", format: prometheus.PromQueryFormatTimeSeries, options: o, custom: statetimeline.NewFieldConfig()}
}

// list shows a table with the given columns, which are labels of the series, and
// their value under a name of its own; an empty name leaves the value out.
func list(value string, columns ...string) drawing {
	index, renamed := map[string]any{}, map[string]any{}
	for i, c := range columns {
		index[c] = i
	}
	index["Value"] = len(columns)
	hidden := map[string]any{"Time": true}
	if value == "" {
		hidden["Value"] = true
	} else {
		renamed["Value"] = value
	}
	o := table.NewOptions()
	o.Footer = nil // the SDK's own default is none that it would read again
	return drawing{
		kind: "table", instant: true, format: prometheus.PromQueryFormatTable, options: o, custom: table.NewFieldConfig(),
		transformations: []dashboard.DataTransformerConfig{{
			Id:      "organize",
			Options: map[string]any{"excludeByName": hidden, "indexByName": index, "renameByName": renamed, "includeByName": map[string]any{}},
		}},
	}
}
