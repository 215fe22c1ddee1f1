package nco

import (
	"fmt"
	"slices"
	"strconv"
)

// parser turns tokens into a program, and refuses what it does not know.
type parser struct {
	tokens    []token
	program   *Program
	fields    map[string]int
	functions map[string]function
	begun     bool              // the tables are over
	set       map[string]bool   // variables that are set somewhere
	used      map[string]string // variables that are read, with a place
	loop      string            // the variable of the foreach around, or nothing
}

func (p *parser) peek() token {
	if len(p.tokens) == 0 {
		return token{kind: end, at: "the end"}
	}
	return p.tokens[0]
}

func (p *parser) next() token {
	t := p.peek()
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) expect(signs ...string) error {
	for _, s := range signs {
		if t := p.next(); !t.is(s) {
			return fmt.Errorf("%s: %s stands where %q is to be", t.at, t, s)
		}
	}
	return nil
}

// statements reads up to what closes the block, or begins the next case.
func (p *parser) statements() ([]statement, error) {
	var all []statement
	for {
		t := p.peek()
		if t.kind == end || t.is("}") || t.says("case") || t.says("default") {
			return all, nil
		}
		if t.says("table") {
			if p.begun {
				return nil, fmt.Errorf("%s: tables stand before everything else", t.at)
			}
			if err := p.table(); err != nil {
				return nil, err
			}
			continue
		}
		p.begun = true
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
}

func (p *parser) block() ([]statement, error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	body, err := p.statements()
	if err != nil {
		return nil, err
	}
	return body, p.expect("}")
}

func (p *parser) statement() (statement, error) {
	t := p.next()
	switch {
	case t.says("if"):
		return p.ifElse()
	case t.says("switch"):
		return p.switchCase()
	case t.says("foreach"):
		return p.foreach()
	case t.says("discard"):
		return func(r *run) error { r.row.Discarded = true; return nil }, nil
	case t.says("update"):
		return p.update()
	case t.says("details"):
		return p.details()
	case t.says("log"):
		return p.log()
	case t.kind == variable && t.text != "*":
		p.sets(t)
		value, err := p.assigned()
		return func(r *run) (err error) { r.tokens[r.named(t)], err = value(r); return err }, err
	case t.kind == field:
		return p.assignField(t)
	case t.is("["):
		return p.assignColumns()
	}
	return nil, fmt.Errorf("%s: %s begins no statement", t.at, t)
}

func (p *parser) assigned() (expression, error) {
	if err := p.expect("="); err != nil {
		return nil, err
	}
	return p.expression()
}

func (p *parser) knownField(t token) error {
	if _, ok := p.fields[t.text]; !ok {
		return fmt.Errorf("%s: alerts.status has no field %s", t.at, t.text)
	}
	return nil
}

func (p *parser) assignField(t token) (statement, error) {
	if err := p.knownField(t); err != nil {
		return nil, err
	}
	value, err := p.assigned()
	return func(r *run) error {
		v, err := value(r)
		if err != nil {
			return err
		}
		if _, err := strconv.Atoi(v); p.fields[t.text] == integer && err != nil {
			return fmt.Errorf("%s: @%s is a number and cannot be %q", t.at, t.text, v)
		}
		if t.text == "Severity" && !slices.Contains([]string{"0", "1", "2", "3", "4", "5"}, v) {
			return fmt.Errorf("%s: %s is no severity", t.at, v)
		}
		r.row.Fields[t.text] = v
		return nil
	}, err
}

// assignColumns reads [$a,$b] = lookup(key, table).
func (p *parser) assignColumns() (statement, error) {
	var names []string
	for {
		t := p.next()
		if t.kind != variable {
			return nil, fmt.Errorf("%s: %s is no variable", t.at, t)
		}
		if t.text == p.loop {
			return nil, fmt.Errorf("%s: the variable of a loop is set alone", t.at)
		}
		p.sets(t)
		names = append(names, t.text)
		if t = p.next(); t.is("]") {
			break
		} else if !t.is(",") {
			return nil, fmt.Errorf("%s: %s stands where \",\" or \"]\" is to be", t.at, t)
		}
	}
	if err := p.expect("="); err != nil {
		return nil, err
	}
	if t := p.next(); !t.says("lookup") {
		return nil, fmt.Errorf("%s: several variables are set by a lookup alone", t.at)
	}
	find, err := p.lookup(len(names))
	return func(r *run) error {
		values, err := find(r)
		for i, name := range names {
			if err == nil {
				r.tokens[name] = values[i]
			}
		}
		return err
	}, err
}

// update reads update(@Field).
func (p *parser) update() (statement, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	t := p.next()
	if t.kind != field {
		return nil, fmt.Errorf("%s: update takes a field", t.at)
	}
	if err := p.knownField(t); err != nil {
		return nil, err
	}
	return func(r *run) error { r.row.Update[t.text] = true; return nil }, p.expect(")")
}

// details reads details($a,$b) or details($*).
func (p *parser) details() (statement, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var names []string
	for {
		t := p.next()
		if t.kind != variable {
			return nil, fmt.Errorf("%s: details takes variables", t.at)
		}
		if t.text == p.loop {
			return nil, fmt.Errorf("%s: details takes variables by their own names", t.at)
		}
		names = append(names, t.text)
		if t.text != "*" {
			p.reads(t)
		}
		if t = p.next(); t.is(")") {
			break
		} else if !t.is(",") {
			return nil, fmt.Errorf("%s: %s stands where \",\" or \")\" is to be", t.at, t)
		}
	}
	return func(r *run) error {
		for _, name := range names {
			if name != "*" {
				r.row.Details[name] = r.tokens[name]
				continue
			}
			for token, value := range r.tokens {
				r.row.Details[token] = value
			}
		}
		return nil
	}, nil
}

// log reads log(LEVEL, text).
func (p *parser) log() (statement, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if t := p.next(); t.kind != word || !slices.Contains([]string{"DEBUG", "INFO", "WARN", "ERROR", "FATAL"}, t.text) {
		return nil, fmt.Errorf("%s: %s is no level of the log", t.at, t)
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	value, err := p.expression()
	if err != nil {
		return nil, err
	}
	return func(r *run) error { _, err := value(r); return err }, p.expect(")")
}
