package identical

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Count is how much of a model is the same in another.
type Count struct {
	Nodes   int   `json:"nodes"`
	Tensors int   `json:"tensors"`
	Bytes   int64 `json:"bytes"`
}

// Count counts the nodes of s that the outputs depend on and that compute what nodes of the
// other side do, by nothing that was claimed, and the initializers that are such of the other,
// with their bytes.
func (s *Side) Count(other *Side) (n Count) {
	alive := s.Graph.Alive()
	read := map[*graph.Value]bool{}
	for _, node := range s.Graph.Nodes {
		if !alive[node] {
			continue
		}
		for _, v := range slices.Concat(node.In, node.Captures) {
			read[v] = true
		}
		if !slices.ContainsFunc(node.Out, func(v *graph.Value) bool {
			return v != nil && (!other.Has(s.class[v]) || s.claimed[v])
		}) {
			n.Nodes++
		}
	}
	for _, x := range s.Graph.Model.Graph().Inits() {
		if v := s.Graph.Value(x.Name()); v != nil && (read[v] || v.IsOutput) && other.Has(s.class[v]) {
			n.Tensors++
			n.Bytes += (x.Len()*int64(x.DType().Bits()) + 7) / 8
		}
	}
	return n
}

// Differences lists the outputs of the other side that s does not have, each with the first
// node on the way to it that computes what the other does not. It is empty where the models
// are one but for what was claimed.
func (s *Side) Differences(other *Side) (list []string) {
	if a, b := names(other.Graph.Model.Graph().Outputs()), names(s.Graph.Model.Graph().Outputs()); !slices.Equal(a, b) {
		return []string{fmt.Sprintf("the outputs are %q and were %q", b, a)}
	}
	for _, v := range other.Graph.Outputs {
		mine := s.Graph.Value(v.Name)
		if c := s.class[mine]; c != 0 && c == other.class[v] {
			continue
		}
		list = append(list, fmt.Sprintf("output %q is not what it was: %s", v.Name, s.nearest(mine, other)))
	}
	return list
}

func names(list []*onnxio.ValueInfo) (out []string) {
	for _, v := range list {
		out = append(out, v.Name())
	}
	return out
}

// nearest says what is new on the way back from v, nearest the inputs.
func (s *Side) nearest(v *graph.Value, other *Side) string {
	if v == nil {
		return "nothing makes it"
	}
	if other.Has(s.class[v]) {
		return fmt.Sprintf("it is what %s was", other.called(s.class[v]))
	}
	seen := map[*graph.Value]bool{}
	for {
		seen[v] = true
		n := v.Producer
		if n == nil {
			return fmt.Sprintf("%q is another constant or input", v.Name)
		}
		i := slices.IndexFunc(n.In, func(x *graph.Value) bool { return x != nil && !seen[x] && !other.Has(s.class[x]) })
		if i < 0 {
			return s.why(n, v, other)
		}
		v = n.In[i]
	}
}

// called names the values of a class.
func (s *Side) called(c Class) string {
	var list []string
	for v, k := range s.class {
		if k == c {
			list = append(list, fmt.Sprintf("%q", v.Name))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// why says in what a node differs from the one that made a value of this name.
func (s *Side) why(n *graph.Node, v *graph.Value, other *Side) string {
	what := fmt.Sprintf("%s %q", n.OpType(), n.Title())
	old := other.Graph.Value(v.Name)
	switch {
	case old == nil || old.Producer == nil:
		return what + " computes what no node did"
	case old.Producer.OpType() != n.OpType() || old.Producer.Domain() != n.Domain():
		return fmt.Sprintf("%s was %s %q", what, old.Producer.OpType(), old.Producer.Title())
	}
	var differ []string
	a, b := trimmed(old.Producer.Inputs()), trimmed(n.Inputs())
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || other.class[old.Producer.In[i]] != s.class[n.In[i]] {
			differ = append(differ, fmt.Sprintf("input %d", i))
		}
	}
	for _, x := range slices.Concat(n.Attrs(), old.Producer.Attrs()) {
		p, q := n.Node.Attr(x.Name()), old.Producer.Node.Attr(x.Name())
		if (p == nil) != (q == nil) || p != nil && string(p.Encoded()) != string(q.Encoded()) {
			if said := "attribute " + x.Name(); !slices.Contains(differ, said) {
				differ = append(differ, said)
			}
		}
	}
	if len(differ) == 0 {
		return what + " is written for another version of the operator"
	}
	return fmt.Sprintf("%s differs in %s", what, strings.Join(differ, ", "))
}
