package convert

import (
	"fmt"
	"strings"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// The names of the stages that a dump shows.
const (
	stageModel     = "model"
	stageBaseline  = "baseline"
	stageFacts     = "facts"
	stageExplained = "explained"
	stagePlan      = "plan"
	stageTidy      = "tidy"
	stageResult    = "result"
)

// A Stage is what Options.Dump shows once: the value that one step of a conversion
// hands to the next.
type Stage struct{ Name, Is string }

// Stages lists the stages in their order.
func Stages() []Stage {
	return []Stage{
		{stageModel, "the file as it was read, without the values of its weights (`onnxio`)"},
		{stageBaseline, "the model that the result has to equal: functions inlined, training off where asked, shapes asked for where no merge is, bodies of control flow merged (`baseline.go`, `measuring.go`, `bodies.go`)"},
		{stageFacts, "what is known of every value: type, shape, small integers, whether it is constant (`onnxio/graph`)"},
		{stageExplained, "what every value is an affine function of (`internal/rules`, `internal/affine`)"},
		{stagePlan, "the regions with their layers (`internal/plan`, `internal/layer`), then blocks as people know them, the merges, and what declined (`internal/explain`)"},
		{stageTidy, "what goes out of the merged model because it is of no use (`internal/tidy`)"},
		{stageResult, "the model that is written"},
	}
}

// dump gives the text of a stage to whoever wants it.
func (o Options) dump(stage string, text func() string) error {
	if o.Dump == nil {
		return nil
	}
	if err := o.Dump(stage, text()); err != nil {
		return fmt.Errorf("dumping the stage %q: %w", stage, err)
	}
	return nil
}

// dumpSource shows what a plan starts from.
func (o Options) dumpSource(m, base *onnxio.Model, g *graph.Graph) error {
	err := o.dump(stageModel, func() string { return modelText(m) })
	if err == nil {
		err = o.dump(stageBaseline, func() string { return modelText(base) })
	}
	if err == nil {
		err = o.dump(stageFacts, func() string { return factsText(g) })
	}
	return err
}

// dumpPlan shows what a plan was made of, and what it makes.
func (o Options) dumpPlan(e *affine.Explained, p *plan.Plan, s *summary) error {
	err := o.dump(stageExplained, e.String)
	if err == nil {
		err = o.dump(stagePlan, func() string { return p.String() + s.String() })
	}
	return err
}

// dumpResult shows the model that a plan makes.
func (o Options) dumpResult(res *result) error {
	return o.dump(stageResult, func() string { return modelText(res.Model) })
}

// modelText is a model without the values of its weights: a line for each opset,
// input, output, initializer and node.
func modelText(m *onnxio.Model) string {
	var b strings.Builder
	fmt.Fprintf(&b, "ir %d\n", m.IRVersion())
	for _, o := range m.Opsets() {
		fmt.Fprintf(&b, "opset %q %d\n", o.Domain, o.Version)
	}
	for _, p := range m.Metadata() {
		fmt.Fprintf(&b, "metadata %q %q\n", p.Key, p.Value)
	}
	for _, f := range m.Functions() {
		fmt.Fprintf(&b, "function %q.%q (%s) -> (%s)\n", f.Domain(), f.Name(), quoted(f.Inputs()), quoted(f.Outputs()))
		nodesText(&b, "  ", f.Nodes())
	}
	graphText(&b, "", m.Graph())
	return b.String()
}

func graphText(b *strings.Builder, indent string, g *onnxio.Graph) {
	for _, v := range g.Inputs() {
		fmt.Fprintf(b, "%sinput %s\n", indent, declaredText(v))
	}
	for _, v := range g.Outputs() {
		fmt.Fprintf(b, "%soutput %s\n", indent, declaredText(v))
	}
	for _, t := range g.Inits() {
		fmt.Fprintf(b, "%sinitializer %q %s\n", indent, t.Name(), tensorText(t))
	}
	nodesText(b, indent, g.Nodes())
}

func nodesText(b *strings.Builder, indent string, nodes []*onnxio.Node) {
	for _, n := range nodes {
		fmt.Fprintf(b, "%snode %q %q (%s) -> (%s)", indent, n.Name(), operator(n), quoted(n.Inputs()), quoted(n.Outputs()))
		for _, a := range n.Attrs() {
			fmt.Fprintf(b, " %s=%s", a.Name(), attrText(a))
		}
		b.WriteByte('\n')
		for _, sub := range n.Subgraphs() {
			fmt.Fprintf(b, "%s  graph %q\n", indent, sub.Name())
			graphText(b, indent+"    ", sub)
		}
	}
}

func attrText(a *onnxio.Attr) string {
	switch {
	case a.Ref() != "":
		return "@" + a.Ref()
	case a.Type() == onnxio.AttrFloat:
		return fmt.Sprint(a.F())
	case a.Type() == onnxio.AttrInt:
		return fmt.Sprint(a.I())
	case a.Type() == onnxio.AttrString:
		return fmt.Sprintf("%q", a.S())
	case a.Type() == onnxio.AttrFloats:
		return fmt.Sprint(a.Floats())
	case a.Type() == onnxio.AttrInts:
		return fmt.Sprint(a.Ints())
	case a.Type() == onnxio.AttrStrings:
		return fmt.Sprintf("%q", a.Strings())
	case a.T() != nil:
		return tensorText(a.T())
	}
	return "..."
}

// shownInts is up to how many integers a tensor is shown with: shapes and axes.
const shownInts = 16

func tensorText(t *onnxio.Tensor) string {
	s := fmt.Sprintf("%s%v", t.DType(), t.Dims())
	if t.DType() != onnxio.Int64 || t.Len() > shownInts || t.Len() == 0 {
		return s
	}
	v, err := t.Int64s()
	if err != nil {
		return s
	}
	return fmt.Sprintf("%s = %v", s, v)
}

func declaredText(v *onnxio.ValueInfo) string {
	if !v.Shape() {
		return fmt.Sprintf("%q %s", v.Name(), v.Elem())
	}
	dims := make([]string, len(v.Dims()))
	for i, d := range v.Dims() {
		switch {
		case d.Known:
			dims[i] = fmt.Sprint(d.Value)
		case d.Param != "":
			dims[i] = fmt.Sprintf("%q", d.Param)
		default:
			dims[i] = "?"
		}
	}
	return fmt.Sprintf("%q %s[%s]", v.Name(), v.Elem(), strings.Join(dims, " "))
}

// factsText is what is known of every value of the main graph, in the order of the
// nodes: type, shape, elements of small integer values, and whether it is constant.
func factsText(g *graph.Graph) string {
	var b strings.Builder
	fact := func(name string) {
		v := g.Value(name)
		if name == "" || v == nil {
			return
		}
		fmt.Fprintf(&b, "%q %s", v.Name, v.Elem)
		if shape, ok := v.Shape(); ok {
			fmt.Fprintf(&b, "%v", shape)
		}
		if ints := v.Ints(); ints != nil {
			fmt.Fprintf(&b, " = %v", ints)
		}
		if g.IsConst(v) {
			b.WriteString(" constant")
		}
		b.WriteByte('\n')
	}
	for _, v := range g.Model.Graph().Inputs() {
		fact(v.Name())
	}
	for _, n := range g.Nodes {
		for _, o := range n.Outputs() {
			fact(o)
		}
	}
	for _, n := range g.Notes {
		fmt.Fprintf(&b, "note %s: %s\n", n.Code, n.Message)
	}
	return b.String()
}

// String lists blocks, merges, declines and warnings.
func (s *summary) String() string {
	var b strings.Builder
	for _, x := range s.Blocks {
		fmt.Fprintf(&b, "block %s %q %s; becomes %s; region %s\n", x.Kind, x.Name, x.Detail, x.Becomes, x.Region)
	}
	for _, r := range s.Regions {
		fmt.Fprintf(&b, "region %s %s %d -> %d", r.ID, r.Kind, r.Inputs, r.Outputs)
		if r.Groups > 1 {
			fmt.Fprintf(&b, " in %d groups", r.Groups)
		}
		fmt.Fprintf(&b, " makes %q: %s; parameters %d -> %d\n", r.Value, r.Derivation, r.Before, r.After)
		fmt.Fprintf(&b, "  merged %s\n  into %s\n", quoted(r.Merged), quoted(r.Into))
	}
	for _, d := range s.Declined {
		fmt.Fprintf(&b, "declined %s %q: %s\n", d.Code, d.Node, d.Message)
	}
	for _, w := range s.Warnings {
		fmt.Fprintf(&b, "warning %s: %s\n", w.Code, w.Message)
	}
	return b.String()
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(list, ", ")
}
