package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/idp-exporter/idp_exporter/internal/web/access"
	"github.com/idp-exporter/idp_exporter/probes"
)

// TestEveryExampleRuns runs TestExamplesInsideTheNamespace: the addresses in
// examples are other people's.
func TestEveryExampleRuns(t *testing.T) { inNamespace(t, "TestExamplesInsideTheNamespace") }

// placeholder is what stands in examples for the hash of a token.
var placeholder = regexp.MustCompile(`sha256:0{64}\n +scopes: .*`)

// TestExamplesInsideTheNamespace serves each example where nothing but this
// machine can be reached. Every probe has to run on every node, and to say by a
// reason of the list why it did not pass.
func TestExamplesInsideTheNamespace(t *testing.T) {
	enter(t)
	for _, file := range exampleFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			config := exampleCopy(t, file)
			content, err := os.ReadFile(config)
			require.NoError(t, err)
			mine := placeholder.ReplaceAllString(string(content), access.HashToken(testToken)+"\n      scopes: [all]")
			e := serveFile(t, writeFile(t, filepath.Dir(config), filepath.Base(config), mine), "--log.level=info")
			eventually(t, 30*time.Second, func() error {
				results := e.results()
				for key, r := range results {
					if r.Last == nil {
						return fmt.Errorf("%s has not run", key)
					}
				}
				if len(results) == 0 {
					return fmt.Errorf("there are no probes")
				}
				return nil
			})
			for key, r := range e.results() {
				if r.Last.Outcome.OK() { // of this machine
					continue
				}
				require.Contains(t, probes.Reasons(), r.Last.Reason, key)
				require.NotEqual(t, probes.ReasonInternal, r.Last.Reason, "%s: %s", key, r.Last.Detail)
				require.NotEmpty(t, r.Last.FailedStep, key)
				t.Logf("%s: %s at %s: %s", key, r.Last.Outcome, r.Last.FailedStep, r.Last.Reason)
			}
			require.NotContains(t, e.output(), "panic")
		})
	}
}
