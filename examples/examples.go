// Package examples carries the ready configuration files.
package examples

import "embed"

// Files are the examples by their slash-separated names below examples/.
//
//go:embed *
var Files embed.FS
