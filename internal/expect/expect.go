// Package expect compiles and evaluates named expectations: expressions in CEL,
// the Common Expression Language, over what a probe received.
//
// It knows nothing of tokens or HTTP: whoever uses it says which variables
// exist. Evaluation is bounded in cost and ends with its context. What an
// evaluation reports shows the expression and never the values it saw.
package expect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// VarType is the type of a variable.
type VarType int

// The types of variables.
const (
	// Dyn is any value; its type is found at evaluation.
	Dyn VarType = iota
	// Object is a JSON object: a map from strings to any value.
	Object
	// String, Int, Double and Bool are the CEL types of those names.
	String
	Int
	Double
	Bool
	// Seconds is a map from names to durations in seconds.
	Seconds
)

func (t VarType) cel() *cel.Type {
	switch t {
	case Object:
		return cel.MapType(cel.StringType, cel.DynType)
	case String:
		return cel.StringType
	case Int:
		return cel.IntType
	case Double:
		return cel.DoubleType
	case Bool:
		return cel.BoolType
	case Seconds:
		return cel.MapType(cel.StringType, cel.DoubleType)
	default:
		return cel.DynType
	}
}

// The bounds of one evaluation. Cost is in CEL's abstract units, about one per
// operation; an ordinary expectation costs less than a hundred.
const (
	maxCost       = 1_000_000
	maxMemory     = 16 << 20 // bytes
	maxExpression = 10_000   // characters
	maxNesting    = 60
	maxRegexp     = 2_000 // instructions
	checkEvery    = 100   // comprehension steps between looks at the context
)

// Problem is one thing wrong with an expression.
type Problem struct {
	// Name is the expectation's name.
	Name string
	// Line and Column say where in the expression, from 1; zero if it is the whole.
	Line, Column int
	// Message says what is wrong.
	Message string
}

// String renders the problem with its position, for people.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.Message
	}
	if p.Line == 1 {
		return fmt.Sprintf("at column %d of the expression: %s", p.Column, p.Message)
	}
	return fmt.Sprintf("at line %d, column %d of the expression: %s", p.Line, p.Column, p.Message)
}

// Set is a compiled set of expectations. It is safe for concurrent use.
type Set struct {
	expectations []expectation
}

type expectation struct {
	name, text string
	program    cel.Program
	uses       map[string]bool
}

// Compile checks and compiles expressions, given by name, over variables. With
// any Problem the Set is nil. Besides the standard functions expressions may use
// optional values (`x[?"k"].orValue("")`) and CEL's sets extension. An expression
// that yields an optional without a value, as `x[?"k"].optMap(v, v == 1)` does where
// there is no k, does not hold, and is marked for whoever takes that for a gap.
// Its strings extension is left out: replacing one foreign value by another in a
// third multiplies their sizes.
func Compile(vars map[string]VarType, exprs map[string]string) (*Set, []Problem) {
	env, err := newEnv(vars)
	if err != nil {
		return nil, []Problem{{Message: err.Error()}}
	}
	set := &Set{}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(exprs)) {
		e, wrong := compile(env, vars, name, exprs[name])
		problems = append(problems, wrong...)
		set.expectations = append(set.expectations, e)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return set, nil
}

func newEnv(vars map[string]VarType) (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.OptionalTypes(),
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ExpressionNestingDepthLimit(maxNesting),
		cel.RegexProgramSizeLimit(maxRegexp),
		ext.Sets(),
	}
	for name, t := range vars {
		opts = append(opts, cel.Variable(name, t.cel()))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("preparing expressions: %w", err)
	}
	return env, nil
}

func compile(env *cel.Env, vars map[string]VarType, name, text string) (expectation, []Problem) {
	ast, issues := env.Compile(text)
	if issues != nil && len(issues.Errors()) > 0 {
		var problems []Problem
		for _, e := range issues.Errors() {
			p := Problem{Name: name, Message: e.Message}
			if e.Location != nil && e.Location.Line() > 0 {
				p.Line, p.Column = e.Location.Line(), e.Location.Column()+1
			}
			problems = append(problems, p)
		}
		return expectation{}, problems
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) && !t.IsExactType(cel.OptionalType(cel.BoolType)) {
		return expectation{}, []Problem{{Name: name, Message: fmt.Sprintf("the expression yields %s, want bool: compare it with something", cel.FormatCELType(t))}}
	}
	program, err := env.Program(ast,
		cel.EvalOptions(cel.OptOptimize),
		cel.CostLimit(maxCost),
		cel.MemoryLimit(maxMemory),
		cel.InterruptCheckFrequency(checkEvery))
	if err != nil {
		return expectation{}, []Problem{{Name: name, Message: err.Error()}}
	}
	e := expectation{name: name, text: text, program: program, uses: map[string]bool{}}
	for _, ref := range ast.NativeRep().ReferenceMap() {
		if _, ok := vars[ref.Name]; ok {
			e.uses[ref.Name] = true
		}
	}
	return e, nil
}

// Len returns the number of expectations.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.expectations)
}

// Uses tells whether any expression mentions the variable.
func (s *Set) Uses(variable string) bool {
	return s != nil && slices.ContainsFunc(s.expectations, func(e expectation) bool { return e.uses[variable] })
}

// Outcome is how one expectation turned out.
type Outcome struct {
	Name string
	Pass bool
	// Untold says that there was nothing to judge, by the expression's own word.
	// Pass is false then.
	Untold bool
	// Detail shows the expression and, where it did not hold, why.
	Detail string
}

// Eval evaluates every expectation, in the order of their names. Every variable
// given to Compile is to have a value; one that has none is reported like a
// missing key. An evaluation that fails is an expectation that does not hold.
func (s *Set) Eval(ctx context.Context, vars map[string]any) []Outcome {
	if s == nil {
		return nil
	}
	outcomes := make([]Outcome, 0, len(s.expectations))
	for _, e := range s.expectations {
		told, why := e.eval(ctx, vars)
		o := Outcome{Name: e.name, Pass: told && why == "", Untold: !told, Detail: e.text}
		if why != "" {
			o.Detail += ": " + why
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// eval returns why the expectation does not hold, empty if it does, and whether
// there was something to judge.
func (e expectation) eval(ctx context.Context, vars map[string]any) (told bool, why string) {
	if ctx.Err() != nil {
		return true, "not evaluated, the time was used up"
	}
	out, _, err := e.program.ContextEval(ctx, vars)
	if err != nil {
		return true, e.explain(ctx, err)
	}
	if o, optional := out.(*types.Optional); optional {
		if !o.HasValue() {
			return false, "nothing there tells"
		}
		out = o.GetValue()
	}
	held, ok := out.(types.Bool)
	switch {
	case !ok:
		return true, fmt.Sprintf("yields %s, want bool", out.Type().TypeName())
	case !bool(held):
		return true, "does not hold"
	default:
		return true, ""
	}
}

// ErrNotObject says that an answer was JSON but not an object.
var ErrNotObject = errors.New("not a JSON object")
