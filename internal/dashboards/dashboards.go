// Package dashboards makes the Grafana dashboards that lie in the folder
// dashboards, by way of Grafana's own foundation SDK.
//
// It owns what is on them. It is part of a generator and of tests, never of the
// exporter, which carries the finished files (package dashboards at the root).
package dashboards

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// Site is where links to runbooks and documentation lead as long as nothing else
// was asked for: the root of the project's files, final slash included.
const Site = "https://github.com/idp-exporter/idp_exporter/blob/main/"

// tag is what all of the dashboards have in common; links between them go by it.
const tag = "idp_exporter"

// board is one dashboard.
type board struct {
	// uid never changes: links and provisioning know the dashboard by it.
	uid         string
	title       string
	description string
	from        string // the start of the range shown first, such as now-6h
	rows        []row
}

// row is a heading and the panels below it, laid out from left to right on a
// grid of 24 columns. Without a heading the panels stand on their own.
type row struct {
	title  string
	panels []panel
}

func boards() []board {
	return []board{signIn(), logins(), cluster(), dependencies(), operations()}
}

// Generate returns the dashboards as files, by name.
func Generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, b := range boards() {
		d, err := b.build()
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", b.uid, err)
		}
		content, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", b.uid, err)
		}
		files[b.uid+".json"] = append(content, '\n')
	}
	return files, nil
}

// model is a dashboard in Grafana's classic form, which can be imported and
// provisioned as a file by versions that do not know the second form yet.
type model = dashboard.Dashboard //nolint:staticcheck // deprecated in favor of the second form

func (b board) build() (model, error) {
	d := dashboard.NewDashboardBuilder(b.title). //nolint:staticcheck // as model
							Uid(b.uid).
							Description(b.description).
							Tags([]string{tag}).
							Timezone("browser").
							Tooltip(dashboard.DashboardCursorSyncCrosshair).
							Time(b.from, "now").
							Refresh("30s").
							Editable()
	for _, v := range variables() {
		d.WithVariable(ready[dashboard.VariableModel]{v})
	}
	for _, a := range annotations() {
		d.Annotation(ready[dashboard.AnnotationQuery]{a})
	}
	for _, l := range links() {
		d.Link(ready[dashboard.DashboardLink]{l})
	}
	id := uint32(0)
	next := func() uint32 { id++; return id }
	var wrong error
	for _, r := range b.rows {
		width := uint32(0)
		if r.title != "" {
			d.WithRow(dashboard.NewRowBuilder(r.title).Id(next()))
		}
		for _, p := range r.panels {
			width += p.w
			d.WithPanel(ready[dashboard.Panel]{p.build(next())})
		}
		if width%24 != 0 {
			wrong = errors.Join(wrong, fmt.Errorf("row %q is %d columns wide, no multiple of 24", r.title, width))
		}
	}
	built, err := d.Build()
	return built, errors.Join(wrong, err)
}

// ready is an object that is built already, where the SDK asks for a builder.
type ready[T any] struct{ object T }

// Build implements cog.Builder.
func (r ready[T]) Build() (T, error) { return r.object, nil }
