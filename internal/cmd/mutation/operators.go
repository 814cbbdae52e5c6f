package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// An operator is one kind of small mistake.
type operator struct {
	name  string
	edits func(c *cursor, n ast.Node) []edit // none where it has nothing to change in n itself
}

// operators is the table of all of them.
var operators = []operator{
	{"arithmetic", arithmetic},
	{"comparison", comparison},
	{"boundary", boundary},
	{"logic", logic},
	{"condition", condition},
	{"step", step},
	{"constant", constant},
	{"statement", statement},
	{"result", result},
	{"loop", loopEnds},
	{"branch", branch},
}

// swap replaces an operator token by others.
func swap(at token.Pos, have token.Token, by map[token.Token]token.Token) []edit {
	to, ok := by[have]
	if !ok {
		return nil
	}
	return []edit{{at, at + token.Pos(len(have.String())), to.String()}}
}

var arithmeticSwaps = map[token.Token]token.Token{
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.QUO,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
}

// arithmetic swaps + and -, * and /, % and /.
func arithmetic(c *cursor, n ast.Node) []edit {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if c.isNumber(n.X) {
			return swap(n.OpPos, n.Op, arithmeticSwaps)
		}
	case *ast.AssignStmt:
		if c.isNumber(n.Lhs[0]) {
			return swap(n.TokPos, n.Tok, arithmeticSwaps)
		}
	}
	return nil
}

// comparison turns a comparison into its opposite.
func comparison(_ *cursor, n ast.Node) []edit {
	b, ok := n.(*ast.BinaryExpr)
	if !ok {
		return nil
	}
	return swap(b.OpPos, b.Op, map[token.Token]token.Token{
		token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.GEQ, token.GEQ: token.LSS, token.GTR: token.LEQ, token.LEQ: token.GTR,
	})
}

// boundary moves a comparison by its border.
func boundary(_ *cursor, n ast.Node) []edit {
	b, ok := n.(*ast.BinaryExpr)
	if !ok {
		return nil
	}
	return swap(b.OpPos, b.Op, map[token.Token]token.Token{
		token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	})
}

// logic swaps && and ||.
func logic(_ *cursor, n ast.Node) []edit {
	b, ok := n.(*ast.BinaryExpr)
	if !ok {
		return nil
	}
	return swap(b.OpPos, b.Op, map[token.Token]token.Token{token.LAND: token.LOR, token.LOR: token.LAND})
}

// condition negates a condition that is no comparison, and leaves a "not" out.
func condition(c *cursor, n ast.Node) []edit {
	switch n := n.(type) {
	case *ast.IfStmt:
		switch x := n.Cond.(type) {
		case *ast.UnaryExpr: // a "not"
			return nil
		case *ast.BinaryExpr:
			if x.Op != token.LAND && x.Op != token.LOR {
				return nil
			}
		}
		return []edit{{n.Cond.Pos(), n.Cond.End(), "!(" + c.text(n.Cond) + ")"}}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			return []edit{{n.OpPos, n.OpPos + 1, ""}}
		}
	}
	return nil
}

// step swaps ++ and --.
func step(_ *cursor, n ast.Node) []edit {
	s, ok := n.(*ast.IncDecStmt)
	if !ok {
		return nil
	}
	return swap(s.TokPos, s.Tok, map[token.Token]token.Token{token.INC: token.DEC, token.DEC: token.INC})
}

// constant makes a number one larger and one smaller, and swaps true and false.
func constant(c *cursor, n ast.Node) []edit {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind != token.INT && n.Kind != token.FLOAT {
			return nil
		}
		more, less := fmt.Sprintf("(%s + 1)", n.Value), fmt.Sprintf("(%s - 1)", n.Value)
		if k, err := strconv.Atoi(n.Value); err == nil {
			more, less = strconv.Itoa(k+1), strconv.Itoa(k-1)
		}
		return []edit{{n.Pos(), n.End(), more}, {n.Pos(), n.End(), less}}
	case *ast.Ident:
		switch c.file.info.Uses[n] {
		case types.Universe.Lookup("true"):
			return []edit{{n.Pos(), n.End(), "false"}}
		case types.Universe.Lookup("false"):
			return []edit{{n.Pos(), n.End(), "true"}}
		}
	}
	return nil
}

// statement leaves a statement of a list out: an assignment, a call, a step, a defer.
// What it would have assigned is still worked out, so that everything is used.
func statement(c *cursor, n ast.Node) []edit {
	if !c.inList(n) {
		return nil
	}
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok == token.DEFINE || c.allBlank(n.Lhs) {
			return nil
		}
		var rhs []string
		for _, x := range n.Rhs {
			rhs = append(rhs, c.text(x))
		}
		blanks := strings.Repeat("_, ", len(n.Lhs)-1) + "_"
		return []edit{{n.Pos(), n.End(), blanks + " = " + strings.Join(rhs, ", ")}}
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
		return []edit{{n.Pos(), n.End(), ""}}
	}
	return nil
}

// result returns zero in place of one of the results.
func result(c *cursor, n ast.Node) []edit {
	r, ok := n.(*ast.ReturnStmt)
	types := c.results()
	if !ok || !c.inList(n) || len(r.Results) != len(types) {
		return nil
	}
	var out []edit
	for i, x := range r.Results {
		zero := c.zero(types[i])
		if c.text(x) == zero || c.isZero(x) {
			continue
		}
		list := make([]string, len(types))
		for j, y := range r.Results {
			list[j] = c.text(y)
		}
		list[i] = zero
		text := "return " + strings.Join(list, ", ")
		if c.file.info.Types[x].Value == nil { // a variable stays used
			text = fmt.Sprintf("_ = %s; %s", c.text(x), text)
		}
		out = append(out, edit{r.Pos(), r.End(), text})
	}
	return out
}

// loopEnds leaves the first or the last iteration of a range loop out.
func loopEnds(c *cursor, n ast.Node) []edit {
	r, ok := n.(*ast.RangeStmt)
	if !ok {
		return nil
	}
	over := c.text(r.X)
	key, hasKey := r.Key.(*ast.Ident)
	hasKey = hasKey && key.Name != "_"
	var first edit
	if hasKey {
		first = edit{r.Body.Lbrace + 1, r.Body.Lbrace + 1, fmt.Sprintf(" if %s == 0 { continue };", key.Name)}
	}
	switch t := c.file.info.TypeOf(r.X).Underlying().(type) {
	case *types.Basic:
		if t.Info()&types.IsInteger == 0 {
			return nil
		}
		last := edit{r.X.Pos(), r.X.End(), "(" + over + ") - 1"}
		if !hasKey {
			return []edit{last}
		}
		return []edit{first, last}
	case *types.Slice:
		last := edit{r.X.Pos(), r.X.End(), fmt.Sprintf("(%s)[:max(len(%s)-1, 0)]", over, over)}
		if !hasKey {
			first = edit{r.X.Pos(), r.X.End(), fmt.Sprintf("(%s)[min(len(%s), 1):]", over, over)}
		}
		return []edit{first, last}
	}
	return nil
}

// branch swaps break and continue.
func branch(_ *cursor, n ast.Node) []edit {
	b, ok := n.(*ast.BranchStmt)
	if !ok {
		return nil
	}
	return swap(b.TokPos, b.Tok, map[token.Token]token.Token{token.BREAK: token.CONTINUE, token.CONTINUE: token.BREAK})
}

func (c *cursor) isNumber(x ast.Expr) bool {
	t := c.file.info.TypeOf(x)
	if t == nil { // the blank identifier has none
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsNumeric != 0
}

func (c *cursor) isBuiltin(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && c.file.info.Uses[id] == types.Universe.Lookup(name)
}

func (c *cursor) allBlank(list []ast.Expr) bool {
	for _, x := range list {
		if id, ok := x.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// zero is the zero value of a type, as text.
func (c *cursor) zero(t ast.Expr) string {
	switch u := c.file.info.TypeOf(t).Underlying().(type) {
	case *types.Basic:
		switch {
		case u.Info()&types.IsBoolean != 0:
			return "false"
		case u.Info()&types.IsString != 0:
			return `""`
		}
		return "0"
	case *types.Struct, *types.Array:
		return c.text(t) + "{}"
	case *types.Interface:
		if _, ok := c.file.info.TypeOf(t).(*types.TypeParam); ok {
			return "*new(" + c.text(t) + ")"
		}
	}
	return "nil"
}

// isZero reports whether x is a zero value as it stands there.
func (c *cursor) isZero(x ast.Expr) bool {
	if c.isBuiltin(x, "nil") {
		return true
	}
	v := c.file.info.Types[x].Value
	return v != nil && (v.ExactString() == "0" || v.ExactString() == "false" || v.ExactString() == `""`)
}
