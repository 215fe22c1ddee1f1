package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// withoutData are the queries that cannot return data here, and why.
var withoutData = map[string]string{
	"idp_host_service_active": "needs systemd's D-Bus, which containers and build machines have not",
}

// alwaysData are the queries that return a number whatever is chosen, since none
// of something is a number as well.
const alwaysData = " or vector(0)"

// dashboardQuery is one query of one dashboard.
type dashboardQuery struct {
	where, expr string
	instant     bool
}

// dashboardQueries reads the queries of all panels and annotations, and those of
// the variables.
func dashboardQueries(t *testing.T) (queries []dashboardQuery, variables map[string]string) {
	t.Helper()
	files, err := filepath.Glob("../dashboards/*.json")
	require.NoError(t, err)
	require.Len(t, files, 5)
	variables = map[string]string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var d struct {
			Title  string
			Panels []struct {
				Title, Type string
				Targets     []struct {
					Expr    string
					Instant bool
				}
			}
			Templating struct {
				List []struct{ Name, Type, Query string }
			}
			Annotations struct {
				List []struct{ Name, Expr string }
			}
		}
		require.NoError(t, json.Unmarshal(content, &d), file)
		for _, p := range d.Panels {
			require.True(t, p.Type == "row" || len(p.Targets) > 0, "%s: %s has no query", d.Title, p.Title)
			for _, q := range p.Targets {
				queries = append(queries, dashboardQuery{d.Title + ": " + p.Title, q.Expr, q.Instant})
			}
		}
		for _, a := range d.Annotations.List {
			queries = append(queries, dashboardQuery{d.Title + ": annotation " + a.Name, a.Expr, false})
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				variables[v.Name] = v.Query
			}
		}
	}
	return queries, variables
}

// promQL puts values in the place of Grafana's variables. The range is short, so
// that a machine that has been up for seconds can fill it.
func promQL(expr, provider, node string) string {
	return strings.NewReplacer(
		"$__rate_interval", "20s", "$__range", "2m", "$provider", provider, "$node", node,
	).Replace(expr)
}

// promServer is a running Prometheus.
type promServer struct{ name, url string }

func (s promServer) api(path string, parameters url.Values) (json.RawMessage, error) {
	resp, err := (&http.Client{Timeout: 30 * time.Second}).Get(s.url + path + "?" + parameters.Encode())
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%w: %s", err, body)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", path, answer.Error)
	}
	return answer.Data, nil
}

// numbers runs a query as Grafana does and counts the values that are numbers.
func (s promServer) numbers(q dashboardQuery, provider, node string) (n int, err error) {
	now := time.Now()
	path, parameters := "/api/v1/query", url.Values{"query": {promQL(q.expr, provider, node)}}
	if !q.instant {
		path = "/api/v1/query_range"
		parameters.Set("start", strconv.FormatInt(now.Add(-time.Minute).Unix(), 10))
		parameters.Set("end", strconv.FormatInt(now.Unix(), 10))
		parameters.Set("step", "1")
	}
	data, err := s.api(path, parameters)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Result []struct {
			Value  [2]any
			Values [][2]any
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, fmt.Errorf("%w: %s", err, data)
	}
	for _, r := range answer.Result {
		for _, v := range append(r.Values, r.Value) {
			if text, ok := v[1].(string); ok && text != "NaN" {
				n++
			}
		}
	}
	return n, nil
}

// choices runs the query of a variable as Grafana's Prometheus data source does.
func (s promServer) choices(t *testing.T, query, provider string) ([]string, error) {
	t.Helper()
	m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(query)
	require.NotNil(t, m, query)
	data, err := s.api("/api/v1/label/"+m[2]+"/values", url.Values{"match[]": {promQL(m[1], provider, "")}})
	if err != nil {
		return nil, err
	}
	var values []string
	return values, json.Unmarshal(data, &values)
}

// TestEveryQueryOfEveryDashboardReturnsData has two Prometheus servers, one with
// native histograms and one without, scrape the demo and an exporter that watches
// a cluster in trouble, and asks them everything that the dashboards ask.
func TestEveryQueryOfEveryDashboardReturnsData(t *testing.T) {
	t.Parallel()
	counterpart(t, "prometheus")
	queries, variables := dashboardQueries(t)
	require.Greater(t, len(queries), 100)
	require.Len(t, variables, 2)
	servers := startScrapers(t, startTroubles(t)...)

	for _, s := range servers {
		begin := time.Now()
		open := queries
		eventually(t, 30*time.Second, func() error {
			var wrong error
			open, wrong = s.unanswered(open)
			return wrong
		})
		t.Logf("%s: %d queries answered within %s", s.name, len(queries), time.Since(begin).Round(time.Second))

		providers, err := s.choices(t, variables["provider"], "")
		require.NoError(t, err)
		require.Equal(t, []string{"acme", "demo"}, providers)
		nodes, err := s.choices(t, variables["node"], ".*")
		require.NoError(t, err)
		require.Equal(t, []string{"n1", "n2", "n3"}, nodes)
		nodes, err = s.choices(t, variables["node"], "demo")
		require.NoError(t, err)
		require.Empty(t, nodes, "the demo has no nodes")

		// What is chosen counts: of a provider and a node that are not there nothing is shown.
		chosen := 0
		for _, q := range queries {
			if strings.HasSuffix(q.expr, alwaysData) || !strings.Contains(q.expr, "$") {
				continue
			}
			for _, v := range []string{"$provider", "$node"} {
				if !strings.Contains(q.expr, v) {
					continue
				}
				provider, node := ".*", ".*"
				if v == "$provider" {
					provider = "nobody"
				} else {
					node = "nobody"
				}
				chosen++
				n, err := s.numbers(q, provider, node)
				require.NoError(t, err, q.where)
				require.Zero(t, n, "%s: %s does not heed %s: %s", s.name, q.where, v, q.expr)
			}
		}
		require.Greater(t, chosen, 50)
	}
}

// unanswered returns the queries that returned no data, or an error, and says so.
func (s promServer) unanswered(queries []dashboardQuery) (open []dashboardQuery, wrong error) {
	for _, q := range queries {
		n, err := s.numbers(q, ".*", ".*")
		if err == nil && n == 0 && !unanswerable(q.expr) {
			err = errors.New("no data")
		}
		if err != nil {
			open = append(open, q)
			wrong = errors.Join(wrong, fmt.Errorf("%s: %s: %w: %s", s.name, q.where, err, q.expr))
		}
	}
	return open, wrong
}

func unanswerable(expr string) bool {
	for part := range withoutData {
		if strings.Contains(expr, part) {
			return true
		}
	}
	return false
}
