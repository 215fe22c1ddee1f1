package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// source is the data source that was chosen at the top of the dashboard.
func source() *common.DataSourceRef {
	return &common.DataSourceRef{Type: new("prometheus"), Uid: new("${datasource}")}
}

func variables() []dashboard.VariableModel {
	return []dashboard.VariableModel{
		{
			Type: dashboard.VariableTypeDatasource, Name: "datasource", Label: new("Data source"),
			Description: new("The Prometheus that scrapes the exporters."),
			Query:       &dashboard.StringOrMap{String: new("prometheus")},
		},
		choice("provider", "Provider", "The identity provider.", `label_values(idp_probe_info, provider)`),
		choice("node", "Node", "A node of the provider. All includes the public name, which the load balancer answers to.",
			`label_values(idp_probe_info{provider=~"$provider"}, node)`),
	}
}

// choice is a variable of which several values can be chosen. All of them is
// the expression .*, since the public name is a node without a name.
func choice(name, label, description, query string) dashboard.VariableModel {
	return dashboard.VariableModel{
		Type: dashboard.VariableTypeQuery, Name: name, Label: &label, Description: &description,
		Query: &dashboard.StringOrMap{String: &query}, Definition: &query, Datasource: source(),
		Refresh: new(dashboard.VariableRefreshOnTimeRangeChanged), Sort: new(dashboard.VariableSortNaturalAsc),
		Multi: new(true), IncludeAll: new(true), AllValue: new(".*"),
		Current: &dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{"All"}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{"$__all"}},
		},
	}
}

func annotations() []dashboard.AnnotationQuery {
	return []dashboard.AnnotationQuery{
		annotation("Maintenance", "blue", `max by (window) (idp_maintenance_active) == 1`, "Maintenance: {{window}}", "window"),
		annotation("Drains", "orange", `max by (node) (idp_node_drained{node=~"$node"}) == 1`, "Drained: {{node}}", "node"),
		annotation("Drift", "purple", `max by (provider, what) (idp_nodes_disagree{provider=~"$provider"}) == 1`,
			"Nodes of {{provider}} differ: {{what}}", "provider,what"),
	}
}

// annotation marks the time in which the expression returns something.
func annotation(name, color, expr, title, tags string) dashboard.AnnotationQuery {
	return dashboard.AnnotationQuery{
		Name: name, Datasource: source(), Enable: true, IconColor: color,
		Expr: &expr, TitleFormat: &title, TagKeys: &tags, Step: new("30s"),
	}
}

func links() []dashboard.DashboardLink {
	return []dashboard.DashboardLink{
		{
			Title: "Sign-in monitoring", Type: dashboard.DashboardLinkTypeDashboards, Icon: "dashboard", Tooltip: "The other dashboards",
			Tags: []string{tag}, AsDropdown: true, IncludeVars: true, KeepTime: true,
		},
		link("Runbooks", "What each alarm means and what to do", "docs/runbooks/README.md"),
		link("Metrics", "What each metric and each reason means", "docs/metrics.md"),
	}
}

// link leads to one of the project's files.
func link(title, tooltip, path string) dashboard.DashboardLink {
	return dashboard.DashboardLink{
		Title: title, Type: dashboard.DashboardLinkTypeLink, Icon: "doc", Tooltip: tooltip, Url: new(Site + path),
		Tags: []string{}, TargetBlank: true,
	}
}
