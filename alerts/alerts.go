// Package alerts carries the rules for Prometheus. What lies in the folders of
// other consoles is made by internal/pack.
package alerts

import "embed"

// Files are the rules and their tests, by slash-separated names below alerts/.
//
//go:embed README.md prometheus
var Files embed.FS
