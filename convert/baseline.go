package convert

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/rules"
	"repmlp/onnxio"
)

// baseline is the model that a conversion starts from and has to equal: the
// source with its functions inlined, its sequences of pieces as Split and,
// where asked for, inputs of fixed shapes and training switches off. All that was asked
// for is reported.
func baseline(m *onnxio.Model, opts Options) (*onnxio.Model, []Warning, error) {
	plain, err := m.Plain()
	if err != nil {
		return nil, nil, err
	}
	plain, notes, err := opts.shaped(plain)
	if err != nil || !opts.BatchStatistics {
		return plain, notes, err
	}
	var edit onnxio.Edit
	opset, fed := plain.Opset(""), reached(plain.Graph())
	for _, n := range plain.Graph().Nodes() {
		r := inference(n, opset)
		if r == nil || !fed[n] {
			continue
		}
		edit.DropNodes = append(edit.DropNodes, n)
		edit.AddNodes = append(edit.AddNodes, onnxio.Placed{Node: r, Before: n})
		notes = append(notes, Warning{Code: "training_switched_off", Message: fmt.Sprintf("%s %q is taken as an inference node; the outputs change accordingly", n.OpType(), n.Title())})
	}
	if len(edit.DropNodes) == 0 {
		return plain, notes, nil
	}
	out, err := plain.Apply(edit)
	if err != nil {
		return nil, nil, fmt.Errorf("switching training nodes off: %w", err)
	}
	return out, notes, nil
}

// reached are the nodes that calculate with data: what makes constants of constants does
// the same in training and inference, and is no switch to turn.
func reached(g *onnxio.Graph) map[*onnxio.Node]bool {
	constant := map[string]bool{"": true}
	for _, t := range g.Inits() {
		constant[t.Name()] = true
	}
	for _, in := range g.Inputs() {
		delete(constant, in.Name())
	}
	fed := map[*onnxio.Node]bool{}
	for _, n := range g.Nodes() {
		if len(n.Inputs()) == 0 && n.OpType() != "Constant" || len(n.Subgraphs()) > 0 || slices.ContainsFunc(n.Inputs(), func(v string) bool { return !constant[v] }) {
			fed[n] = true
			continue
		}
		for _, v := range n.Outputs() {
			constant[v] = true
		}
	}
	return fed
}

// inference is the inference form of a node left in training mode, nil where it
// is none.
func inference(n *onnxio.Node, opset int64) *onnxio.Node {
	if n.Domain() != "" || len(n.Outputs()) == 0 {
		return nil
	}
	switch n.OpType() {
	case "BatchNormalization":
		if opset < 7 && n.Int("is_test", 0) == 0 {
			return tested(n, n.Outputs()[:1])
		}
		if rules.BatchStatistics(n, opset) {
			return n.Keep(1, "training_mode")
		}
	case "Dropout":
		if opset < 7 && n.Int("is_test", 0) == 0 {
			return tested(n, n.Outputs())
		}
		if opset >= 12 && len(n.Inputs()) > 2 && n.Inputs()[2] != "" {
			return n.WithInputs(n.Name(), n.Inputs()[:1], n.Outputs())
		}
	}
	return nil
}

// tested is a node of opset 1 or 6 with is_test set.
func tested(n *onnxio.Node, outputs []string) *onnxio.Node {
	attrs := slices.DeleteFunc(slices.Clone(n.Attrs()), func(a *onnxio.Attr) bool { return a.Name() == "is_test" })
	return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), outputs, append(attrs, onnxio.IntAttr("is_test", 1))...)
}
