package nco

import "fmt"

// ifElse reads what follows an if.
func (p *parser) ifElse() (statement, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	condition, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	then, err := p.block()
	if err != nil {
		return nil, err
	}
	var otherwise []statement
	if p.peek().says("else") {
		p.next()
		if p.peek().says("if") {
			p.next()
			s, err := p.ifElse()
			if err != nil {
				return nil, err
			}
			otherwise = []statement{s}
		} else if otherwise, err = p.block(); err != nil {
			return nil, err
		}
	}
	return func(r *run) error {
		v, err := condition(r)
		if err != nil {
			return err
		}
		if v != no {
			return r.all(then)
		}
		return r.all(otherwise)
	}, nil
}

// switchCase reads what follows a switch. It has to have a default, at the end,
// and no case twice.
func (p *parser) switchCase() (statement, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	on, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")", "{"); err != nil {
		return nil, err
	}
	cases := map[string][]statement{}
	for p.peek().says("case") {
		labels, err := p.labels(cases)
		if err != nil {
			return nil, err
		}
		body, err := p.statements()
		if err != nil {
			return nil, err
		}
		for _, label := range labels {
			cases[label] = body
		}
	}
	if t := p.next(); !t.says("default") {
		return nil, fmt.Errorf("%s: %s stands where a switch has its default", t.at, t)
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	otherwise, err := p.statements()
	if err != nil {
		return nil, err
	}
	return func(r *run) error {
		v, err := on(r)
		if err != nil {
			return err
		}
		if body, ok := cases[v]; ok {
			return r.all(body)
		}
		return r.all(otherwise)
	}, p.expect("}")
}

// labels reads case "a"|"b":.
func (p *parser) labels(known map[string][]statement) ([]string, error) {
	p.next()
	var labels []string
	for {
		t := p.next()
		if t.kind != text {
			return nil, fmt.Errorf("%s: %s is no value of a case", t.at, t)
		}
		if _, twice := known[t.text]; twice {
			return nil, fmt.Errorf("%s: case %s stands here twice", t.at, t)
		}
		labels = append(labels, t.text)
		if t = p.next(); t.is(":") {
			return labels, nil
		} else if !t.is("|") {
			return nil, fmt.Errorf("%s: %s stands where \"|\" or \":\" is to be", t.at, t)
		}
	}
}

// table reads table name = { {"key","value"}, … } default = "value".
func (p *parser) table() error {
	p.next()
	name := p.next()
	if name.kind != word {
		return fmt.Errorf("%s: %s is no name of a table", name.at, name)
	}
	if _, twice := p.program.tables[name.text]; twice {
		return fmt.Errorf("%s: table %s stands here twice", name.at, name)
	}
	if err := p.expect("=", "{"); err != nil {
		return err
	}
	t := table{rows: map[string][]string{}}
	for {
		at := p.peek().at
		row, err := p.row()
		if err != nil {
			return err
		}
		if _, twice := t.rows[row[0]]; twice || len(row) < 2 || t.columns != 0 && len(row) != t.columns+1 {
			return fmt.Errorf("%s: row %q is there twice or has another number of columns", at, row)
		}
		t.rows[row[0]], t.columns = row[1:], len(row)-1
		if next := p.next(); next.is("}") {
			break
		} else if !next.is(",") {
			return fmt.Errorf("%s: %s stands where \",\" or \"}\" is to be", next.at, next)
		}
	}
	if d := p.next(); !d.says("default") {
		return fmt.Errorf("%s: %s stands where table %s has its default", d.at, d, name)
	}
	if err := p.expect("="); err != nil {
		return err
	}
	if d := p.peek(); d.kind == text {
		t.missing = []string{p.next().text}
	} else {
		row, err := p.row()
		if err != nil {
			return err
		}
		t.missing = row
	}
	if len(t.missing) != t.columns {
		return fmt.Errorf("%s: the default of table %s has %d columns of %d", name.at, name, len(t.missing), t.columns)
	}
	p.program.tables[name.text] = t
	return nil
}

// row reads {"a","b"}.
func (p *parser) row() ([]string, error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	var row []string
	for {
		t := p.next()
		if t.kind != text {
			return nil, fmt.Errorf("%s: %s is no value of a table", t.at, t)
		}
		row = append(row, t.text)
		if t = p.next(); t.is("}") {
			return row, nil
		} else if !t.is(",") {
			return nil, fmt.Errorf("%s: %s stands where \",\" or \"}\" is to be", t.at, t)
		}
	}
}
