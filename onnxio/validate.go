package onnxio

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/internal/budget"
)

// validate checks the promises of Load. The error is that of the first tensor, then
// of the functions, then of the graph.
func (m *Model) validate() error {
	if m.irVersion < 0 || m.irVersion > 1<<20 {
		return &Invalid{fmt.Errorf("ir_version %d makes no sense", m.irVersion)}
	}
	var first error
	m.eachTensor(func(t *Tensor) {
		if first == nil {
			first = t.check()
		}
	})
	if first != nil {
		return first
	}
	if err := m.checkFunctions(); err != nil {
		if _, ok := errors.AsType[*Exceeded](err); ok {
			return err
		}
		return &Invalid{err}
	}
	if err := checkGraph(m.graph, nil); err != nil {
		return &Invalid{err}
	}
	return nil
}

// A scope holds the names that a graph's nodes may read.
type scope struct {
	names map[string]bool
	outer *scope
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.names[name] {
			return true
		}
	}
	return false
}

func checkGraph(g *Graph, outer *scope) error {
	names := make(map[string]bool, len(g.nodes)+len(g.inits))
	for _, v := range g.inputs {
		if names[v.name] {
			return fmt.Errorf("two graph inputs are called %q", v.name)
		}
		names[v.name] = true
	}
	inits := map[string]bool{}
	add := func(name string) error {
		if name == "" {
			return errors.New("an initializer has no name")
		}
		if inits[name] {
			return fmt.Errorf("two initializers are called %q", name)
		}
		inits[name] = true
		names[name] = true
		return nil
	}
	for _, t := range g.inits {
		if err := add(t.name); err != nil {
			return err
		}
	}
	for _, s := range g.sparseInit {
		if err := add(s.values.name); err != nil {
			return err
		}
	}
	return checkNodes(g.nodes, g.outputs, &scope{names, outer})
}

// checkNodes checks a node list whose inputs and initializers are in s.
func checkNodes(nodes []*Node, outputs []*ValueInfo, s *scope) error {
	producer := make(map[string]*Node, len(nodes))
	for _, n := range nodes {
		for _, o := range n.outputs {
			if o == "" {
				continue
			}
			if other := producer[o]; other != nil {
				return fmt.Errorf("value %q has two producers: %q and %q", o, other.Title(), n.Title())
			}
			if s.names[o] {
				return fmt.Errorf("value %q is made by node %q and is an input or initializer too", o, n.Title())
			}
			producer[o] = n
		}
	}
	for o := range producer {
		s.names[o] = true
	}
	for _, n := range nodes {
		for _, in := range n.inputs {
			if in != "" && !s.has(in) {
				return dangling(in, fmt.Sprintf("node %q (%s) reads", n.Title(), n.opType))
			}
		}
		for _, g := range n.Subgraphs() {
			if err := checkGraph(g, s); err != nil {
				return fmt.Errorf("in a subgraph of node %q: %w", n.Title(), err)
			}
		}
	}
	for _, o := range outputs {
		if !s.has(o.name) {
			return dangling(o.name, "the graph returns")
		}
	}
	_, err := SortNodes(nodes)
	return err
}

func dangling(name, who string) error {
	return &Hint{fmt.Errorf("%s the value %q, which nothing in the file makes", who, name),
		"if the model was exported without its parameters (export_params=False), export it again with them"}
}

// SortNodes returns nodes so that every value is made before it is read, in
// subgraphs too. The order changes only where the given one does not do that.
func SortNodes(nodes []*Node) ([]*Node, error) { return SortNodesFor(nodes, nil) }

// SortNodesFor is SortNodes with what some values are made of before all else, in the
// order of the values.
func SortNodesFor(nodes []*Node, values []string) ([]*Node, error) {
	producer := make(map[string]int, len(nodes))
	for i, n := range nodes {
		for _, o := range n.outputs {
			if o != "" {
				producer[o] = i
			}
		}
	}
	state := make([]byte, len(nodes)) // 1 on the path, 2 placed
	sorted := make([]*Node, 0, len(nodes))
	type frame struct {
		node, next int
		reads      []string
	}
	var roots []int
	for _, name := range values {
		if i, ok := producer[name]; ok {
			roots = append(roots, i)
		}
	}
	for i := range nodes {
		roots = append(roots, i)
	}
	var stack []frame
	for _, root := range roots {
		if state[root] != 0 {
			continue
		}
		state[root] = 1
		stack = append(stack, frame{node: root, reads: nodes[root].Reads()})
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if f.next == len(f.reads) {
				state[f.node] = 2
				sorted = append(sorted, nodes[f.node])
				stack = stack[:len(stack)-1]
				continue
			}
			name := f.reads[f.next]
			f.next++
			dep, ok := producer[name]
			if !ok || state[dep] == 2 {
				continue
			}
			if state[dep] == 1 {
				return nil, fmt.Errorf("the graph has a cycle through node %q, which reads %q", nodes[f.node].Title(), name)
			}
			state[dep] = 1
			stack = append(stack, frame{node: dep, reads: nodes[dep].Reads()})
		}
	}
	return sorted, nil
}

// Reads lists the names that the node reads, those that its subgraphs capture
// from outside included, in a defined order. Absent inputs are left out. The list is not
// to be changed.
func (n *Node) Reads() []string {
	bodies := n.Subgraphs()
	if len(bodies) == 0 && !slices.Contains(n.inputs, "") {
		return n.Inputs()
	}
	var names []string
	for _, in := range n.inputs {
		if in != "" {
			names = append(names, in)
		}
	}
	for _, g := range bodies {
		names = append(names, g.Captures()...)
	}
	return names
}

// Captures lists the names that a subgraph reads from outside.
func (g *Graph) Captures() []string {
	own := map[string]bool{}
	g.defines(func(name string) { own[name] = true })
	var names []string
	take := func(name string) {
		if name != "" && !own[name] {
			own[name] = true
			names = append(names, name)
		}
	}
	for _, n := range g.nodes {
		for _, in := range n.Reads() {
			take(in)
		}
	}
	for _, o := range g.outputs {
		take(o.name)
	}
	return names
}

// FunctionID identifies a model-local function.
type FunctionID struct{ Domain, Name, Overload string }

// Calls returns the key of the function that n would call.
func (n *Node) Calls() FunctionID { return FunctionID{n.domain, n.opType, n.overload} }

// Function returns the model-local function with that key, nil if there is none.
func (m *Model) Function(id FunctionID) *Function {
	for _, f := range m.functions {
		if f.domain == id.Domain && f.name == id.Name && f.overload == id.Overload {
			return f
		}
	}
	return nil
}

// functionsByID is Function for many look-ups.
func (m *Model) functionsByID() map[FunctionID]*Function {
	byID := make(map[FunctionID]*Function, len(m.functions))
	for _, f := range m.functions {
		byID[FunctionID{f.domain, f.name, f.overload}] = f
	}
	return byID
}

func (m *Model) checkFunctions() error {
	if len(m.functions) == 0 {
		return nil
	}
	byID := map[FunctionID]*Function{}
	for _, f := range m.functions {
		id := FunctionID{f.domain, f.name, f.overload}
		if byID[id] != nil {
			return fmt.Errorf("two functions are called %q in domain %q", f.name, f.domain)
		}
		byID[id] = f
		names := map[string]bool{}
		for _, in := range f.inputs {
			names[in] = true
		}
		if err := checkNodes(f.nodes, nil, &scope{names, nil}); err != nil {
			return fmt.Errorf("in function %q: %w", f.name, err)
		}
		for _, o := range f.outputs {
			if !names[o] {
				return fmt.Errorf("function %q returns the value %q, which nothing in it makes", f.name, o)
			}
		}
	}
	depth := map[*Function]int64{} // of the calls below, itself included; 0: not known, -1: on the path
	var path []string
	var visit func(f *Function) error
	var visitNodes func(nodes []*Node) (int64, error)
	visitNodes = func(nodes []*Node) (below int64, err error) {
		for _, n := range nodes {
			if callee := byID[n.Calls()]; callee != nil {
				if err := visit(callee); err != nil {
					return 0, err
				}
				below = max(below, depth[callee])
			}
			for _, g := range n.Subgraphs() {
				inner, err := visitNodes(g.nodes)
				if err != nil {
					return 0, err
				}
				below = max(below, inner)
			}
		}
		return below, nil
	}
	visit = func(f *Function) error {
		if depth[f] > 0 {
			return nil
		}
		path = append(path, f.name)
		defer func() { path = path[:len(path)-1] }()
		if depth[f] < 0 {
			return fmt.Errorf("function %q calls itself: %q", f.name, path)
		}
		if err := m.limits.Ask(budget.Depth, int64(len(path)), f.name); err != nil {
			return err
		}
		depth[f] = -1
		below, err := visitNodes(f.nodes)
		if err != nil {
			return err
		}
		depth[f] = 1 + below
		return m.limits.Ask(budget.Depth, depth[f], f.name) // a callee may have been visited before
	}
	for _, f := range m.functions {
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}
