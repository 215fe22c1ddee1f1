package discover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/idp-exporter/idp_exporter/probes"
)

// The bounds of a file: its size in bytes, and its targets, which may name a
// node more than once.
const (
	maxFile    = 1 << 20
	maxTargets = 10 * MaxNodes
)

func extensions() []string { return []string{".json", ".yml", ".yaml"} }

// file is a source of nodes in Prometheus's file_sd format.
type file struct{ path string }

func (f file) String() string { return "file " + f.path }

func (f file) nodes(context.Context) ([]probes.Node, error) {
	content, err := f.read()
	if err != nil {
		return nil, err
	}
	return parseFile(content, strings.EqualFold(filepath.Ext(f.path), ".json"))
}

func (f file) read() ([]byte, error) {
	// A pipe or a device could be waited for without end.
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	r, err := os.Open(f.path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return content, err
}

// group is one group of targets; labels other than name are left aside.
type group struct {
	Targets []string          `json:"targets" yaml:"targets"`
	Labels  map[string]string `json:"labels" yaml:"labels"`
}

// parseFile reads a file_sd file: a list of groups, each with targets and labels.
// The label name is the node's name, if there is one. A file without any content
// is an error, as it is one that is being written; an empty list is errEmpty.
func parseFile(content []byte, isJSON bool) ([]probes.Node, error) {
	var groups []group
	var err error
	if isJSON {
		groups, err = decodeJSON(content)
	} else {
		groups, err = decodeYAML(content)
	}
	if err != nil {
		return nil, err
	}
	if groups == nil {
		return nil, errors.New("there is nothing in it; write a list of groups, or [] if there are no nodes")
	}
	var nodes []probes.Node
	for _, g := range groups {
		for _, t := range g.Targets {
			if len(nodes) == maxTargets {
				return nil, fmt.Errorf("it lists more than %d targets; %d nodes are the most", maxTargets, MaxNodes)
			}
			nodes = append(nodes, probes.Node{Name: g.Labels["name"], Address: t})
		}
	}
	if len(nodes) == 0 {
		return nil, errEmpty
	}
	return tidy(nodes)
}

func decodeJSON(content []byte) ([]group, error) {
	var groups []group
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&groups); err != nil {
		return nil, fmt.Errorf("it is not JSON as file_sd has it: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after its end; one list is wanted")
	}
	return groups, nil
}

func decodeYAML(content []byte) ([]group, error) {
	var groups []group
	d := yaml.NewDecoder(bytes.NewReader(content))
	d.KnownFields(true)
	if err := d.Decode(&groups); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it is not YAML as file_sd has it: %w", err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more follows after its end; one list is wanted")
	}
	return groups, nil
}
