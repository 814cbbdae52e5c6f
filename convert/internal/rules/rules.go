// Package rules explains the nodes of a graph: what their outputs are affine
// functions of. A rule sees one node and the explanations of its operands, and
// never changes what another has said.
package rules

import (
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A rule explains the outputs of one node. It returns nil, nil where the node is
// not its business, a refusal for a near miss, or explanations.
type rule struct {
	Doc
	ops     []string
	explain func(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal)
}

// Doc is the documentation of a rule, printed by "repmlp rules".
type Doc struct {
	Name    string
	Title   string
	Formula string // before and after
	When    string // when it is exact
	Example string
}

// all lists every rule in the order in which they are asked. The first one that
// explains a node wins.
func all() []rule {
	return []rule{
		unshuffleRule,
		viewRule,
		transposeRule,
		convRule,
		convTransposeRule,
		fcRule,
		batchNormRule,
		scaleRule,
		sumRule,
		poolRule,
		padRule,
		splitFCRule,
		selectRule,
		activationRule,
	}
}

// Catalogue is the documentation of all rules, in order.
func Catalogue() []Doc {
	var docs []Doc
	for _, r := range all() {
		docs = append(docs, r.Doc)
	}
	return docs
}

// A context is what rules see.
type context struct {
	g         *graph.Graph
	constants *affine.Constants
	sofar     *affine.Builder
}

// A table finds the rules of an operator when it is met: bodies of nodes are many, and of
// few operators each.
type table struct {
	rules []rule
	met   map[string][]rule
}

// of lists the rules of an operator, in order.
func (t *table) of(op string) []rule {
	rules, met := t.met[op]
	if !met {
		for _, r := range t.rules {
			if slices.Contains(r.ops, op) {
				rules = append(rules, r)
			}
		}
		t.met[op] = rules
	}
	return rules
}

// Explain walks the graph once and explains what the rules know. Nodes in cut are
// left out, with the refusal that stands there. Where ended, if not nil, says that nobody waits
// any more, the explanations come at once and are of no use.
func Explain(g *graph.Graph, cut map[*onnxio.Node]*reason.Refusal, ended func() bool) *affine.Explained {
	b := affine.NewBuilder(g)
	c := &context{g, b.Constants(), b}
	table := table{all(), map[string][]rule{}}
	findRepeats(b)
	for _, n := range g.Nodes {
		if ended != nil && ended() {
			break
		}
		if n.Domain() != "" || n.First() == nil || g.IsConst(n.Out[0]) {
			continue
		}
		if why := cut[n.Node]; why != nil {
			b.Refuse(n, why)
			continue
		}
		for _, r := range table.of(n.OpType()) {
			explained, why := r.explain(c, n)
			if why != nil && why.Code != "" {
				b.Refuse(n, why)
			}
			for _, a := range explained {
				if a.Rule == "" {
					a.Rule = r.Name
				}
				b.Add(a)
			}
			if len(explained) > 0 {
				break
			}
		}
	}
	return b.Done()
}

// is explains the first output of n as op of args.
func is(n *graph.Node, op affine.Op, args ...*graph.Value) []*affine.Affine {
	return []*affine.Affine{{Out: n.Out[0], Args: args, Nodes: []*graph.Node{n}, Op: op}}
}

// single reports whether the node has no other output that is used.
func single(n *graph.Node) bool {
	for _, v := range n.Out[1:] {
		if v != nil && v.ReadCount() > 0 {
			return false
		}
	}
	return true
}
