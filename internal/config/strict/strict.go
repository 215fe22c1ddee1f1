// Package strict decodes YAML into Go structs and forgives nothing: every
// unknown key, duplicate key and value of the wrong type is reported with its
// line and column, all of them at once, with what would be right.
//
// It knows nothing of what the values mean; internal/config does.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxBytes bounds a document, in bytes.
const MaxBytes = 8 << 20

// maxNodes bounds the values decoded, aliases counted each time they are used,
// so that a few nested aliases cannot make millions.
const maxNodes = 2_000_000

// Unknown is what a starter file has for a value in place of what only its
// owner knows.
const Unknown = "CHANGE_ME"

// LeftOut stands in a file that was written out for a secret of the file it was
// made from.
const LeftOut = "SECRET_LEFT_OUT"

// Position is a place in a file, counted from 1.
type Position struct{ Line, Column int }

// Problem is one thing wrong, or questionable, at one place of a file.
type Problem struct {
	File string
	Position
	Message string
	Warning bool
	// Unfilled tells that the file is only not filled in yet: a mark of what the
	// owner knows, or a secret that is not there.
	Unfilled bool
}

// String spells the problem as file:line:column: message.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems is a list of problems, in the order of the file.
type Problems []Problem //nolint:errname // a list that serves as an error

// Error spells one problem on each line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unfilled tells that nothing is wrong but what is not filled in yet.
func (ps Problems) Unfilled() bool {
	return !slices.ContainsFunc(ps, func(p Problem) bool { return !p.Warning && !p.Unfilled })
}

// Split separates errors from warnings.
func (ps Problems) Split() (errs, warnings Problems) {
	for _, p := range ps {
		if p.Warning {
			warnings = append(warnings, p)
		} else {
			errs = append(errs, p)
		}
	}
	return errs, warnings
}

// Document is a parsed file and the problems found in it so far.
type Document struct {
	// Root is the top-level node, nil for an empty document.
	Root *yaml.Node

	file  string
	dir   string
	found Problems
	at    map[string]Position
	// failed holds the paths of values that could not be read, mistaken those of
	// them that are not merely to be filled in.
	failed, mistaken map[string]bool
	// meant holds the paths that unknown keys were probably meant as.
	meant map[string]bool
	// secrets are the values that were read as secrets.
	secrets map[*yaml.Node]bool
	nodes   int
	over    bool
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+)(?:, column (\d+))?: )?`)

// yamlOpen are the errors of YAML's grammar, unlike those of its tokens.
var yamlOpen = regexp.MustCompile(`^did not find expected (<|node content|key|'-'|',')`)

// Parse reads a document. Relative paths of secret files are taken from dir.
// A document that is not YAML has one problem and a nil Root.
func Parse(r io.Reader, file, dir string) *Document {
	d := &Document{file: file, dir: dir, at: make(map[string]Position), failed: make(map[string]bool), mistaken: make(map[string]bool), meant: make(map[string]bool),
		secrets: make(map[*yaml.Node]bool)}
	content, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		d.add(Position{}, false, "cannot be read: %v", err)
		return d
	case len(content) > MaxBytes:
		d.add(Position{}, false, "longer than %d bytes; a configuration is never that long", MaxBytes)
		return d
	}
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return d
	case err != nil:
		d.addSyntax(err, content)
		return d
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		d.add(position(&second), false, "a second document; write everything into one, without ---")
	} else if !errors.Is(err, io.EOF) {
		d.addSyntax(err, content)
	}
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		d.Root = root.Content[0]
	}
	return d
}

func (d *Document) addSyntax(err error, content []byte) {
	text := err.Error()
	at := Position{}
	if m := yamlLine.FindStringSubmatch(text); m != nil && m[1] != "" {
		at.Line, _ = strconv.Atoi(m[1])
		at.Column = 1
		if c, err := strconv.Atoi(m[2]); err == nil {
			at.Column = c
		}
	}
	text = yamlLine.ReplaceAllString(text, "")
	remedy := ""
	if yamlOpen.MatchString(text) {
		// The library counts the lines of such errors from 0, and the end of the file as one more.
		at = Position{min(at.Line+1, 1+bytes.Count(bytes.TrimRight(content, "\n"), []byte("\n"))), 1}
		remedy = "; near here a bracket is open, or a line is indented otherwise than those around it"
	}
	d.add(at, false, "not valid YAML: %s%s", text, remedy)
}

func (d *Document) add(at Position, warning bool, format string, args ...any) {
	d.found = append(d.found, Problem{File: d.file, Position: at, Message: fmt.Sprintf(format, args...), Warning: warning})
}

func (d *Document) addUnfilled(at Position, format string, args ...any) {
	d.found = append(d.found, Problem{File: d.file, Position: at, Message: fmt.Sprintf(format, args...), Unfilled: true})
}

// Add notes a problem at the value that a path such as "probes[0].every" leads
// to, or at the nearest value above it that the file has.
func (d *Document) Add(path string, warning bool, format string, args ...any) {
	d.add(d.Position(path), warning, format, args...)
}

// Note records that the value at path stands where n does.
func (d *Document) Note(path string, n *yaml.Node) { d.at[path] = position(n) }

// Position returns where the value at path stands, or the nearest above it.
func (d *Document) Position(path string) Position {
	for {
		if p, ok := d.at[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			if p, ok := d.at[""]; ok {
				return p
			}
			return Position{1, 1}
		}
		path = path[:cut]
	}
}

// Has tells whether the file has a value at path.
func (d *Document) Has(path string) bool {
	_, ok := d.at[path]
	return ok
}

// Failed tells whether the value at path stands in the file but could not be
// read, so that what follows from it need not be told too.
func (d *Document) Failed(path string) bool { return d.failed[path] }

// Misspelled tells whether the key at path is missing and an unknown one was
// probably meant as it.
func (d *Document) Misspelled(path string) bool { return d.meant[path] && !d.Has(path) }

// Mistaken tells whether the value at path, or one in it, is wrong, and not merely
// to be filled in.
func (d *Document) Mistaken(path string) bool { return d.mistaken[path] }

// IsSecret tells whether a value was read as a secret.
func (d *Document) IsSecret(n *yaml.Node) bool { return d.secrets[n] }

// Problems returns what was found, in the order of the file.
func (d *Document) Problems() Problems {
	sort.SliceStable(d.found, func(i, j int) bool {
		a, b := d.found[i].Position, d.found[j].Position
		return a.Line < b.Line || a.Line == b.Line && a.Column < b.Column
	})
	return d.found
}

// unknown tells whether a value is yet to be filled in, and if so notes it with
// the comment beside it.
func (d *Document) unknown(n *yaml.Node, at Position, path string) bool {
	if n.Kind != yaml.ScalarNode {
		return false
	}
	key := path[strings.LastIndexByte(path, '.')+1:]
	if strings.Contains(n.Value, LeftOut) {
		d.addUnfilled(at, "fill in %s; %s marks a secret that was left out when this file was printed", key, LeftOut)
		return true
	}
	if n.Value != Unknown {
		return false
	}
	if about := strings.TrimSpace(strings.TrimPrefix(n.LineComment, "#")); about != "" {
		key += ", " + about
	}
	d.addUnfilled(at, "fill in %s; %s marks what only you know", key, Unknown)
	return true
}

func position(n *yaml.Node) Position { return Position{n.Line, n.Column} }
