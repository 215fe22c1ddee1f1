// Package nco is a stand-in for a probe of Netcool/OMNIbus and its ObjectServer,
// for tests: it reads the language of rules as far as the exporter's files use
// it, refuses all else, runs the rules on what a probe receives, and keeps the
// rows as the stock automations would. No program holds it.
package nco

import (
	"fmt"
	"io/fs"
	"strings"
)

// Program is a rules file with all that it includes, checked.
type Program struct {
	tables map[string]table
	body   []statement
}

type table struct {
	rows    map[string][]string
	columns int // without the key
	missing []string
}

// Load reads a rules file and checks it. It may use the tokens of its probe
// that known names, and those that it sets itself.
func Load(files fs.FS, name string, known func(token string) bool) (*Program, error) {
	tokens, err := lex(files, name, 1)
	if err != nil {
		return nil, err
	}
	p := &parser{
		tokens: tokens, program: &Program{tables: map[string]table{}}, fields: fields(), functions: functions(),
		set: map[string]bool{}, used: map[string]string{},
	}
	if p.program.body, err = p.statements(); err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, fmt.Errorf("%s: %s closes nothing", t.at, t)
	}
	for name, at := range p.used {
		if !p.set[name] && !known(name) {
			return nil, fmt.Errorf("%s: $%s is no token of the probe and set nowhere", at, name)
		}
	}
	return p.program, nil
}

// statement is executed, expression evaluated on a run.
type (
	statement  func(*run) error
	expression func(*run) (string, error)
)

// Row is what rules made of an event.
type Row struct {
	// Fields are the columns of alerts.status, cut to their widths.
	Fields map[string]string
	// Details are those of alerts.details.
	Details map[string]string
	// Update names the fields that a repetition of the event sets anew.
	Update map[string]bool
	// Discarded tells that the event goes nowhere.
	Discarded bool
}

// run is one event on its way through the rules.
type run struct {
	program *Program
	tokens  map[string]string
	row     *Row
	// element is the token that the variable of a loop stands for.
	loop, element string
}

// Run runs the rules on one event: the tokens that the probe made of it, and
// the fields that it sets itself.
func (p *Program) Run(tokens, preset map[string]string) (Row, error) {
	r := &run{program: p, tokens: map[string]string{}, row: &Row{Fields: map[string]string{}, Details: map[string]string{}, Update: map[string]bool{}}}
	for name, value := range tokens {
		r.tokens[name] = value
	}
	for name, value := range preset {
		r.row.Fields[name] = value
	}
	if err := r.all(p.body); err != nil {
		return Row{}, err
	}
	widths := fields()
	for name, value := range r.row.Fields {
		if width := widths[name]; width != integer && len(value) > width {
			r.row.Fields[name] = strings.ToValidUTF8(value[:width], "")
		}
	}
	return *r.row, nil
}

// all executes statements until one discards the event.
func (r *run) all(body []statement) error {
	for _, s := range body {
		if r.row.Discarded {
			return nil
		}
		if err := s(r); err != nil {
			return err
		}
	}
	return nil
}
