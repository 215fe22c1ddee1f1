// Package draw draws Grafana's dashboards as SVG from the answers to their
// queries, for documents: calm, on white, and without Grafana.
//
// It owns looks alone. It knows of a dashboard what its file says, asks nobody,
// and is part of tests and of generators, never of the exporter.
package draw

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
)

// Board is of a dashboard's file what is drawn.
type Board struct {
	UID, Title, Description string
	Panels                  []Panel
	Annotations             struct{ List []Annotation }
}

// Annotation marks the time in which its query returns something.
type Annotation struct {
	Name, IconColor, Expr, TitleFormat string
}

// Panel is a panel, or the heading of a row if its Type is row.
type Panel struct {
	Title, Type string
	GridPos     struct{ X, Y, W, H int }
	Targets     []Target
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue string
			Min, Max      *float64
			Mappings      []struct {
				Options map[string]struct {
					Text, Color string
					Index       int
				}
			}
			Thresholds struct {
				Steps []struct {
					Value *float64
					Color string
				}
			}
			Custom struct {
				DrawStyle string
				Stacking  struct{ Mode string }
			}
		}
	}
	// Options has of a stat whether names are shown even where there is only one.
	Options         struct{ TextMode string }
	Transformations []struct {
		Options struct {
			ExcludeByName map[string]bool
			IndexByName   map[string]int
			RenameByName  map[string]string
		}
	}
}

// Target is a query of a panel.
type Target struct {
	Expr, LegendFormat string
	Instant            bool
}

// Question returns what is to be asked for the target.
func (t Target) Question() Question { return Question{t.Expr, t.Instant} }

// Question is a query as the dashboard spells it, variables included, for the
// present or for a range of time.
type Question struct {
	Expr    string
	Instant bool
}

// Read reads a dashboard's file.
func Read(content []byte) (Board, error) {
	var b Board
	if err := json.Unmarshal(content, &b); err != nil {
		return b, fmt.Errorf("reading the dashboard: %w", err)
	}
	return b, nil
}

// Questions lists everything that has to be asked to draw the dashboard.
func (b Board) Questions() []Question {
	var all []Question
	for _, p := range b.Panels {
		for _, t := range p.Targets {
			all = append(all, t.Question())
		}
	}
	for _, a := range b.Annotations.List {
		all = append(all, Question{a.Expr, false})
	}
	return all
}

// Series is a time series of an answer.
type Series struct {
	Labels map[string]string
	Points []Point
}

// Point is a value at a time in seconds since the Unix epoch.
type Point struct{ At, Value float64 }

var label = regexp.MustCompile(`{{\s*(\w+)\s*}}`)

// named puts the labels of a series in a format of a legend.
func named(format string, labels map[string]string) string {
	return label.ReplaceAllStringFunc(format, func(s string) string { return labels[label.FindStringSubmatch(s)[1]] })
}

// Looks returns text and color of a value, by its mapping or its level.
func (p *Panel) Looks(v float64) (text, color string) {
	d := &p.FieldConfig.Defaults
	for _, m := range d.Mappings {
		if o, ok := m.Options[strconv.FormatFloat(v, 'f', -1, 64)]; ok {
			return o.Text, o.Color
		}
	}
	for _, step := range d.Thresholds.Steps {
		if step.Value == nil || v >= *step.Value {
			color = step.Color
		}
	}
	return spell(v, d.Unit), color
}
