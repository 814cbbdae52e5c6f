package convert

import (
	"fmt"

	"repmlp/verify"
)

// Describe gives the regions of a plan, with their proofs where there are any.
func (p *Plan) Describe(proofs map[string]verify.Proof) []RegionReport {
	var out []RegionReport
	for _, r := range p.Regions {
		rr := RegionReport{ID: r.ID, Kind: r.Kind, Value: r.Value, Merged: r.Merged, Into: r.Into, Inputs: r.In, Outputs: r.Out,
			Groups: r.Groups, Rows: r.rowsOfRun(), Before: r.Before, After: r.After, Derivation: r.derivation()}
		if proof, ok := proofs[r.ID]; ok {
			rr.Proof = &ProofReport{proof.Rows, Number(proof.MaxAbs), Number(proof.Bound)}
		}
		out = append(out, rr)
	}
	return out
}

// rowsOfRun is the number of rows that an FC has in one run, a free batch
// counting as 1; 0 where it follows from another size that is only known at run
// time, and for other regions.
func (r *Region) rowsOfRun() int {
	if r.Kind != "fc" || r.rows == nil {
		return 0
	}
	n := 1
	for i, axis := range r.rows.in {
		for _, a := range axis {
			if !r.rows.rows[a] {
				continue
			}
			size, ok := r.rows.atoms.Size(a).Int()
			switch {
			case ok:
				n *= int(size)
			case i > 0:
				return 0
			}
		}
	}
	return n
}

// derivation says how the region's weights follow.
func (r *Region) derivation() string {
	count := map[string]int{}
	var order []string
	for _, s := range r.seg.steps {
		if s.kind == viewStep {
			continue
		}
		if count[s.rule] == 0 {
			order = append(order, s.rule)
		}
		count[s.rule]++
	}
	text := ""
	for i, name := range order {
		if i > 0 {
			text += ", "
		}
		text += name
		if count[name] > 1 {
			text += fmt.Sprintf(" ×%d", count[name])
		}
	}
	return fmt.Sprintf("%s -> one %s", text, r.Kind)
}
