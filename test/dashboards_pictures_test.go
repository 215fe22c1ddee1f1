package test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/dashboards/draw"
	"github.com/idp-exporter/idp_exporter/test/incident"
)

// pictures are those in docs/pictures: of each dashboard the hour up to a minute
// of the incident in which it has something to tell, and texts that tell it.
var pictures = []struct {
	file, dashboard string
	minute          int
	tells           []string
}{
	{"sign-in-outage", "idp-exporter-sign-in", 33, []string{"NO", "FAIL", "credentials", "http_status", "directory", "Drained: n2, since 09:25", "Maintenance: new certificate, since 09:30"}},
	{"sign-in-after", "idp-exporter-sign-in", 70, []string{"YES", "Nothing fails.", "warning", "Drained: n2, 09:25 to 09:50", "Nodes of acme differ: jwks, 09:40 to 09:48"}},
	{"logins", "idp-exporter-logins", 46, []string{"credentials: timeout", "expectations: claim_mismatch", "rule-crm n3: CRM id is stamped", "FAIL"}},
	{"cluster", "idp-exporter-cluster", 46, []string{"none to spare", "drained", "differ", "expectations", "n3", "YES"}},
	{"dependencies", "idp-exporter-dependencies", 33, []string{"ldap directory", "connect", "certificate_untrusted", "WARNING", "kept right"}},
	{"operations", "idp-exporter-operations", 33, []string{"IdPSignInDown", "netcool: retried", "in force", "written"}},
}

const (
	pictureFolder = "../docs/pictures"
	shown         = time.Hour
	// maxPicture is how large a picture may be, in bytes.
	maxPicture = 300_000
)

// TestThePicturesOfTheDashboards lives through an incident, puts what would have
// been scraped into a real Prometheus, asks it everything that the dashboards
// ask, and compares what is drawn from the answers with the pictures in docs.
// UPDATE_GOLDEN=1 writes them anew, as go generate ./dashboards does.
func TestThePicturesOfTheDashboards(t *testing.T) {
	t.Parallel()
	samples, fired := liveThrough(t)
	server := filledServer(t, "incident", samples, incident.ScrapeEvery)
	requireAlarmsOfTheRules(t, server, fired)
	for _, picture := range pictures {
		got := drawPicture(t, server, picture.dashboard, incident.At(picture.minute))
		require.Less(t, len(got), maxPicture, picture.file)
		for _, text := range append(picture.tells, draw.Note) {
			require.True(t, strings.Contains(string(got), ">"+text+"</text>"), "%s does not tell %s", picture.file, text)
		}
		require.False(t, strings.Contains(string(got), "no data"), picture.file)
		file := filepath.Join(pictureFolder, picture.file+".svg")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.MkdirAll(pictureFolder, 0o755))
			require.NoError(t, os.WriteFile(file, got, 0o644))
			continue
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		requireSamePicture(t, file, want, got)
	}
	stored, err := filepath.Glob(filepath.Join(pictureFolder, "*"))
	require.NoError(t, err)
	require.Len(t, stored, len(pictures), "a picture that nothing draws")
}

// TestTheDashboardsAreDescribed holds the page about them to the dashboards: each
// picture is there and said to be drawn, and so is each row.
func TestTheDashboardsAreDescribed(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../docs/dashboards.md")
	require.NoError(t, err)
	page := string(content)
	for _, picture := range pictures {
		_, after, found := strings.Cut(page, "](pictures/"+picture.file+".svg)\n\n*")
		require.True(t, found, "%s is not on the page, or without a caption", picture.file)
		caption, _, _ := strings.Cut(after, "*")
		require.Contains(t, caption, "Drawn from a simulated incident; not a picture of Grafana.", picture.file)
		board := readBoard(t, picture.dashboard)
		require.Contains(t, page, "uid `"+board.UID+"`")
		for _, panel := range board.Panels {
			if panel.Type == "row" {
				require.Contains(t, page, "\n| "+panel.Title+" | ", picture.dashboard)
			}
		}
	}
}

func readBoard(t *testing.T, dashboard string) draw.Board {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("../dashboards", dashboard+".json"))
	require.NoError(t, err)
	board, err := draw.Read(content)
	require.NoError(t, err)
	return board
}

// filledServer starts a Prometheus that knows the samples of a file, in the text
// format of OpenMetrics, and scrapes nothing itself. They are so far apart.
func filledServer(t *testing.T, name, samples string, interval time.Duration) promServer {
	t.Helper()
	prometheus, promtool := counterpart(t, "prometheus"), counterpart(t, "promtool")
	dir := t.TempDir()
	storage := filepath.Join(dir, "data")
	out, err := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", samples, storage).CombinedOutput()
	require.NoError(t, err, tail(string(out), 2000))
	address := "127.0.0.1:" + freePort(t)
	// Blocks know no end of a series. Without a scrape one is over, as if there were.
	start(t, prometheus, "--config.file="+writeFile(t, dir, "prometheus.yml", "{}"), "--storage.tsdb.path="+storage, "--storage.tsdb.retention.time=100y",
		"--query.lookback-delta="+(interval+interval/3).String(), "--web.listen-address="+address)
	s := promServer{name, "http://" + address}
	eventually(t, 30*time.Second, func() error {
		_, err := s.api("/api/v1/query", url.Values{"query": {"1"}})
		return err
	})
	return s
}

// drawPicture draws the hour up to a time.
func drawPicture(t *testing.T, s promServer, dashboard string, now time.Time) []byte {
	t.Helper()
	board := readBoard(t, dashboard)
	p := draw.Picture{
		Board: board, From: now.Add(-shown), To: now, Step: incident.ScrapeEvery, Chosen: "Data source Prometheus · Provider All · Node All",
		Answers: map[draw.Question][]draw.Series{},
	}
	for _, q := range board.Questions() {
		answer, err := s.answer(q, p)
		p.Answers[q] = answer
		require.NoError(t, err, "%s: %s", board.Title, q.Expr)
	}
	svg, err := p.SVG()
	require.NoError(t, err)
	return svg
}

// answer asks what Grafana would ask for a panel that is as wide as the picture.
func (s promServer) answer(q draw.Question, p draw.Picture) ([]draw.Series, error) {
	expr := strings.NewReplacer("$__rate_interval", (4 * incident.ScrapeEvery).String(), "$__range", "3600s", "$provider", ".*", "$node", ".*").Replace(q.Expr)
	path, parameters := "/api/v1/query", url.Values{"query": {expr}, "time": {strconv.FormatInt(p.To.Unix(), 10)}}
	if !q.Instant {
		path, parameters = "/api/v1/query_range", url.Values{
			"query": {expr}, "start": {strconv.FormatInt(p.From.Unix(), 10)}, "end": {strconv.FormatInt(p.To.Unix(), 10)}, "step": {p.Step.String()},
		}
	}
	data, err := s.api(path, parameters)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Result []struct {
			Metric map[string]string
			Value  *[2]any
			Values [][2]any
		}
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("%w: %s", err, data)
	}
	all := []draw.Series{}
	for _, r := range answer.Result {
		if r.Value != nil {
			r.Values = append(r.Values, *r.Value)
		}
		one := draw.Series{Labels: r.Metric}
		for _, v := range r.Values {
			value, err := strconv.ParseFloat(v[1].(string), 64)
			if err != nil {
				return nil, err
			}
			one.Points = append(one.Points, draw.Point{At: v[0].(float64), Value: value})
		}
		all = append(all, one)
	}
	return all, nil
}

// numeral is a number in a picture, of its texts and of its shapes.
var numeral = regexp.MustCompile(`-?\d+(\.\d+)?`)

// requireSamePicture compares two pictures: the same texts, as far as they are
// words, figures that are about the same, and about as many shapes of each color.
// They are not the same to the byte, since bridges try again after chance pauses.
func requireSamePicture(t *testing.T, file string, want, got []byte) {
	t.Helper()
	texts := func(svg []byte) (words []string, figures [][]string) {
		for _, m := range regexp.MustCompile(`<text[^>]*>([^<]*)</text>`).FindAllSubmatch(svg, -1) {
			words = append(words, numeral.ReplaceAllString(string(m[1]), "#"))
			figures = append(figures, numeral.FindAllString(string(m[1]), -1))
		}
		return words, figures
	}
	wantWords, wantFigures := texts(want)
	gotWords, gotFigures := texts(got)
	again := file + " is not what is drawn now; if it should be, run go generate ./dashboards"
	require.Equal(t, wantWords, gotWords, again)
	for i := range wantFigures {
		for j := range wantFigures[i] {
			a, err := strconv.ParseFloat(wantFigures[i][j], 64)
			require.NoError(t, err)
			b, err := strconv.ParseFloat(gotFigures[i][j], 64)
			require.NoError(t, err)
			require.LessOrEqual(t, math.Abs(a-b), .1*math.Max(math.Abs(a), math.Abs(b))+1, "%s: %s", again, wantWords[i])
		}
	}
	shapes := func(svg []byte) map[string]float64 {
		n := map[string]float64{}
		for _, m := range regexp.MustCompile(`(fill|stroke)="[^"]*"`).FindAll(svg, -1) {
			n[string(m)]++
		}
		return n
	}
	had, have := shapes(want), shapes(got)
	for color := range have {
		had[color] += 0
	}
	for color, n := range had {
		require.LessOrEqual(t, math.Abs(n-have[color]), .1*n+1, "%s: %s", again, color)
	}
}
