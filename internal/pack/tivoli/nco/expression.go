package nco

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// What conditions come to.
const (
	yes = "1"
	no  = "0"
)

func truth(b bool) string {
	if b {
		return yes
	}
	return no
}

// expression reads operands joined by ||, && and then == and != and then +.
func (p *parser) expression() (expression, error) { return p.joined(0) }

// operators are those that bind two operands, the weakest first.
var operators = []map[string]func(a, b string) string{
	{"||": func(a, b string) string { return truth(a != no || b != no) }},
	{"&&": func(a, b string) string { return truth(a != no && b != no) }},
	{"==": func(a, b string) string { return truth(a == b) }, "!=": func(a, b string) string { return truth(a != b) }},
	{"+": func(a, b string) string { return a + b }},
}

func (p *parser) joined(level int) (expression, error) {
	if level == len(operators) {
		return p.operand()
	}
	left, err := p.joined(level + 1)
	if err != nil {
		return nil, err
	}
	for {
		t := p.peek()
		join, ok := operators[level][t.text]
		if t.kind != sign || !ok {
			return left, nil
		}
		p.next()
		right, err := p.joined(level + 1)
		if err != nil {
			return nil, err
		}
		first := left
		left = func(r *run) (string, error) {
			a, err := first(r)
			if err != nil {
				return "", err
			}
			b, err := right(r)
			return join(a, b), err
		}
	}
}

func (p *parser) operand() (expression, error) {
	t := p.next()
	switch {
	case t.kind == text || t.kind == number:
		return func(*run) (string, error) { return t.text, nil }, nil
	case t.kind == variable && t.text != "*":
		p.reads(t)
		return func(r *run) (string, error) { return r.tokens[r.named(t)], nil }, nil
	case t.kind == field:
		return func(r *run) (string, error) { return r.row.Fields[t.text], nil }, p.knownField(t)
	case t.is("!"):
		inner, err := p.operand()
		return func(r *run) (string, error) { v, err := inner(r); return truth(v == no), err }, err
	case t.is("("):
		inner, err := p.expression()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case t.says("lookup"):
		find, err := p.lookup(1)
		return func(r *run) (string, error) {
			values, err := find(r)
			if err != nil {
				return "", err
			}
			return values[0], nil
		}, err
	case t.says("exists"):
		return p.exists()
	case t.kind == word:
		return p.call(t)
	}
	return nil, fmt.Errorf("%s: %s is no value", t.at, t)
}

// exists reads exists($variable).
func (p *parser) exists() (expression, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	t := p.next()
	if t.kind != variable || t.text == "*" {
		return nil, fmt.Errorf("%s: exists takes a variable", t.at)
	}
	p.reads(t)
	return func(r *run) (string, error) { _, ok := r.tokens[r.named(t)]; return truth(ok), nil }, p.expect(")")
}

// lookup reads (key, table) and returns what finds the columns of a row.
func (p *parser) lookup(columns int) (func(*run) ([]string, error), error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	key, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	name := p.next()
	t, ok := p.program.tables[name.text]
	if name.kind != word || !ok {
		return nil, fmt.Errorf("%s: there is no table %s", name.at, name)
	}
	if t.columns != columns {
		return nil, fmt.Errorf("%s: table %s has %d columns, not %d", name.at, name, t.columns, columns)
	}
	return func(r *run) ([]string, error) {
		k, err := key(r)
		if row, ok := t.rows[k]; ok {
			return row, err
		}
		return t.missing, err
	}, p.expect(")")
}

// function is one that makes a value of others.
type function struct {
	least, most int
	do          func(args []string) (string, error)
}

func functions() map[string]function {
	return map[string]function{
		"match":    {2, 2, func(a []string) (string, error) { return truth(a[0] == a[1]), nil }},
		"nmatch":   {2, 2, func(a []string) (string, error) { return truth(strings.HasPrefix(a[0], a[1])), nil }},
		"regmatch": {2, 2, func(a []string) (string, error) { m, err := find(a); return truth(m != nil), err }},
		"extract": {2, 2, func(a []string) (string, error) {
			m, err := find(a)
			if len(m) < 2 {
				return "", err
			}
			return m[1], err
		}},
		"lower": {1, 1, func(a []string) (string, error) { return strings.ToLower(a[0]), nil }},
		"int": {1, 1, func(a []string) (string, error) {
			n, err := strconv.Atoi(a[0])
			return strconv.Itoa(n), err
		}},
		"hostname": {0, 0, func([]string) (string, error) { return "probehost", nil }},
		"nvp_add":  {3, 64, nvpAdd},
	}
}

func find(a []string) ([]string, error) {
	re, err := regexp.CompilePOSIX(a[1])
	if err != nil {
		return nil, err
	}
	return re.FindStringSubmatch(a[0]), nil
}

// nvpAdd adds names and values to those that a field has.
func nvpAdd(a []string) (string, error) {
	if len(a)%2 != 1 {
		return "", fmt.Errorf("nvp_add takes a list and then names with their values; there are %d", len(a)-1)
	}
	var pairs []string
	if a[0] != "" {
		pairs = append(pairs, a[0])
	}
	for i := 1; i < len(a); i += 2 {
		pairs = append(pairs, a[i]+`="`+strings.ReplaceAll(a[i+1], `"`, `""`)+`"`)
	}
	return strings.Join(pairs, ";"), nil
}

func (p *parser) call(name token) (expression, error) {
	f, ok := p.functions[name.text]
	if !ok {
		return nil, fmt.Errorf("%s: there is no function %s", name.at, name)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var args []expression
	for !p.peek().is(")") {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	if len(args) < f.least || len(args) > f.most {
		return nil, fmt.Errorf("%s: %s does not take %d values", name.at, name, len(args))
	}
	return func(r *run) (string, error) {
		values := make([]string, len(args))
		for i, arg := range args {
			var err error
			if values[i], err = arg(r); err != nil {
				return "", err
			}
		}
		v, err := f.do(values)
		if err != nil {
			return "", fmt.Errorf("%s: %s: %w", name.at, name.text, err)
		}
		return v, nil
	}, p.expect(")")
}
