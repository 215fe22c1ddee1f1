// Package docs carries the project's documentation, runbooks included.
package docs

import "embed"

// Files are the pages by their slash-separated names below docs/, such as
// runbooks/IdPNodeOut.md.
//
//go:embed *.md probes bridges commands runbooks pictures
var Files embed.FS
