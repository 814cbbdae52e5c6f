package convert

import (
	"fmt"
	"slices"

	"repmlp/convert/internal/edit"
	"repmlp/convert/internal/explain"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/onnxio"
	"repmlp/verify"
)

// FC says how a merged FC layer is spelled.
type FC uint8

// The spellings. Auto takes for each layer what a table of measurements says is
// fastest over batch sizes 1, 8 and 32, and no slower than the grouped Conv at
// any of them.
const (
	FCAuto FC = iota
	FCGemm    // Gemm for one group, batched MatMul for several
	FCConv    // grouped 1×1 Conv
)

// choice is the spelling as layers name it, in the same order.
func (f FC) choice() layer.Choice { return layer.Choice(f) }

// A summary is what there is to tell of a plan.
type summary struct {
	Blocks   []Block
	Regions  []RegionReport
	Declined []Decline
	Left     []Left
	Warnings []Warning

	planned      int           // merges that could be made, in bodies too
	MultiplyAdds *MultiplyAdds // nil where no sizes fit the model
}

// summarise tells of a plan, and of what it became.
func summarise(of *planned, p *plan.Plan, found *explain.Findings, w *edit.Result) *summary {
	s := &summary{}
	for _, x := range found.Left {
		s.Left = append(s.Left, Left(x))
	}
	for _, b := range found.Blocks {
		s.Blocks = append(s.Blocks, Block{Name: b.Name, Kind: b.Kind, Detail: b.Detail, Becomes: b.Becomes, Region: b.Region})
	}
	for _, d := range found.Declined {
		s.Declined = append(s.Declined, Decline(d))
	}
	for _, w := range found.Warnings {
		s.Warnings = append(s.Warnings, Warning(w))
	}
	for _, r := range p.Regions {
		shape := r.Layer.Shape()
		s.Regions = append(s.Regions, RegionReport{ID: r.ID, Kind: r.Layer.Kind(), Value: w.Value(r), Merged: of.merged(r), Into: w.Into(r),
			Inputs: shape.In, Outputs: shape.Out, Groups: shape.Groups, Rows: shape.Rows, Before: r.Before, After: shape.Parameters, Derivation: r.Derived(of.story)})
	}
	return s
}

// written has the regions of the main graph name nodes that are there in the model that
// is written, where they left any. What they make keeps the name that it had.
func (s *summary) written(p *plan.Plan, m *onnxio.Model) {
	there := map[string]bool{}
	for _, n := range m.Graph().Nodes() {
		there[n.Name()] = true
	}
	for i := range p.Regions { // those of bodies come behind them
		r := &s.Regions[i]
		r.Into = slices.DeleteFunc(slices.Clone(r.Into), func(name string) bool { return !there[name] })
	}
}

// proved is the regions with their proofs, where there are any.
func (s *summary) proved(proofs map[string]verify.Proof) []RegionReport {
	out := slices.Clone(s.Regions)
	for i := range out {
		if proof, ok := proofs[out[i].ID]; ok {
			out[i].Proof = &ProofReport{proof.Complete, proof.Moved, proof.Read, Number(proof.Evaluation), proof.Sampled, proof.Rows, Number(proof.MaxAbs), Number(proof.Bound)}
		}
	}
	return out
}

// stopAfter keeps the first merges where that is asked for, and reports whether
// there were more. Those in the bodies of control flow, before, came first.
func (o Options) stopAfter(p *plan.Plan, found *explain.Findings, before int) (first *plan.Plan, stopped bool) {
	n := max(0, o.StopAfter-before)
	if o.StopAfter == 0 || len(p.Regions) <= n {
		return p, false
	}
	first = p.First(n)
	unmerged(found, first)
	found.Warnings = append(found.Warnings, explain.Warning{Code: "stopped_early", Message: fmt.Sprintf("%d of %d merges of the main graph were made, as asked for", n, len(p.Regions))})
	return first, true
}

// unmerged has blocks say nothing of merges that are not made.
func unmerged(found *explain.Findings, p *plan.Plan) {
	kept := map[string]bool{}
	for _, r := range p.Regions {
		kept[r.ID] = true
	}
	for i := range found.Blocks {
		if b := &found.Blocks[i]; !kept[b.Region] {
			b.Becomes, b.Region = "", ""
		}
	}
}
