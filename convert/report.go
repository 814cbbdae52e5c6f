package convert

import (
	"encoding/json"
	"fmt"
	"math"

	"repmlp/onnxio"
	"repmlp/verify"
)

// Schema names the layout of a Report.
const Schema = "repmlp.report/1"

// The verdicts of a Report beside those of a conversion.
const (
	Failed        = "failed"         // the command ended with an error
	NotEquivalent = "not_equivalent" // a proof or a comparison failed
	Equivalent    = "equivalent"     // a comparison passed

	WouldFuse      = "would_fuse"       // what Fused is before the work
	WouldBePartial = "would_be_partial" // and Partial
)

// Would turns the verdict of a plan into that of a report that did not carry it
// out.
func Would(verdict string) string {
	switch verdict {
	case Fused:
		return WouldFuse
	case Partial:
		return WouldBePartial
	}
	return verdict
}

// A Report says what a command did, for scripts and for people. Parts that do
// not apply are absent from its JSON form.
type Report struct {
	Schema   string             `json:"schema"`
	Tool     Tool               `json:"tool"`
	Command  string             `json:"command"`
	Input    *FileFacts         `json:"input,omitempty"`
	Output   *FileFacts         `json:"output,omitempty"`
	Verdict  string             `json:"verdict,omitempty"`
	Blocks   []Block            `json:"blocks,omitempty"`
	Regions  []RegionReport     `json:"regions,omitempty"`
	Declined []Decline          `json:"declined,omitempty"`
	Warnings []Warning          `json:"warnings,omitempty"`
	Ops      *OpCounts          `json:"ops,omitempty"`
	Check    *Check             `json:"check,omitempty"`
	Seconds  map[string]float64 `json:"seconds,omitempty"`
	Error    *Failure           `json:"error,omitempty"`
}

// A Failure says why a command did not do what it was asked for.
type Failure struct {
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Tool names the program that wrote a report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// FileFacts describes a model file. Without Opset the file could not be read:
// only its path is known.
type FileFacts struct {
	Path       string           `json:"path"`
	SHA256     string           `json:"sha256,omitempty"`
	Bytes      int64            `json:"bytes"`
	IRVersion  int64            `json:"ir_version,omitempty"`
	Opset      map[string]int64 `json:"opset,omitempty"`
	Producer   string           `json:"producer,omitempty"`
	Nodes      int              `json:"nodes"`
	Parameters int64            `json:"parameters"`
	External   []string         `json:"external,omitempty"`
	Identical  bool             `json:"identical,omitempty"` // the output has the input's bytes
}

// MarshalJSON leaves out what is not known.
func (f *FileFacts) MarshalJSON() ([]byte, error) {
	if f.Opset == nil {
		return json.Marshal(struct {
			Path string `json:"path"`
		}{f.Path})
	}
	type plain FileFacts
	return json.Marshal((*plain)(f))
}

// OpCounts counts the main graph's operators before and after.
type OpCounts struct {
	Before map[string]int `json:"before"`
	After  map[string]int `json:"after"`
}

// A RegionReport is one merge.
type RegionReport struct {
	ID         string       `json:"id"`
	Kind       string       `json:"kind"`
	Value      string       `json:"value"`
	Merged     []string     `json:"merged"`
	Into       []string     `json:"into,omitempty"`
	Inputs     int          `json:"inputs"`
	Outputs    int          `json:"outputs"`
	Groups     int          `json:"groups"`
	Rows       int          `json:"rows,omitempty"` // of an FC in one run, a free batch counting as 1; absent where unknown
	Before     int          `json:"parameters_before"`
	After      int          `json:"parameters_after"`
	Derivation string       `json:"derivation"`
	Proof      *ProofReport `json:"proof,omitempty"`
}

// A ProofReport is how far a merge is from what it replaces: over so many rows
// the largest difference, and the worst one in units of what rounding allows.
type ProofReport struct {
	Rows   int    `json:"rows"`
	MaxAbs Number `json:"max_abs"`
	Bound  Number `json:"bound_ratio"`
}

// A Check is the comparison of two whole models.
type Check struct {
	Engine     string        `json:"engine"`
	Seed       uint64        `json:"seed"`
	Runs       int           `json:"runs"`
	Samples    int           `json:"samples"` // in all runs
	Inputs     []string      `json:"inputs,omitempty"`
	RTol       Number        `json:"rtol"`
	ATol       Number        `json:"atol"`
	Rule       string        `json:"rule,omitempty"` // where the tolerance comes from, in words
	Passed     bool          `json:"passed"`
	NoiseFloor Number        `json:"noise_floor"`
	Outputs    []CheckOutput `json:"outputs"`
	Expected   []CheckOutput `json:"expected,omitempty"` // against the outputs that the inputs came with
}

// CheckOutput is one output of a Check.
type CheckOutput struct {
	Name       string `json:"name"`
	Shape      []int  `json:"shape"`
	MaxAbs     Number `json:"max_abs"`
	MaxRel     Number `json:"max_rel"`
	WorstIndex []int  `json:"worst_index,omitempty"`

	Of          string `json:"of,omitempty"`           // of expected outputs: whose outputs differ from them, "reference" or "candidate"
	Elements    int64  `json:"elements"`               // in all runs
	NotFinite   int64  `json:"not_finite,omitempty"`   // NaN or infinite, and the same in both
	Opposed     int64  `json:"opposed,omitempty"`      // NaN or infinite in one of them alone
	NotCompared int64  `json:"not_compared,omitempty"` // the original itself jumps there
}

// A Number is a float64 whose JSON form knows NaN and infinity.
type Number float64

// MarshalJSON writes a number, or "NaN", "Infinity", "-Infinity".
func (n Number) MarshalJSON() ([]byte, error) {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return []byte(`"NaN"`), nil
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Number) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case `"NaN"`:
		*n = Number(math.NaN())
	case `"Infinity"`:
		*n = Number(math.Inf(1))
	case `"-Infinity"`:
		*n = Number(math.Inf(-1))
	default:
		return json.Unmarshal(b, (*float64)(n))
	}
	return nil
}

// Facts describes a model; path, hash and size are the caller's to fill in.
func Facts(m *onnxio.Model) *FileFacts {
	f := &FileFacts{IRVersion: m.IRVersion, Opset: map[string]int64{}, Nodes: len(m.Graph.Nodes), External: m.ExternalFiles()}
	for _, o := range m.Opsets {
		f.Opset[o.Domain] = o.Version
	}
	f.Producer = m.ProducerName
	if m.ProducerVersion != "" {
		f.Producer += " " + m.ProducerVersion
	}
	for _, t := range m.Graph.Inits {
		f.Parameters += t.Len()
	}
	for _, n := range m.Graph.Nodes {
		for _, a := range n.Attrs {
			if a.T != nil && n.OpType == "Constant" {
				f.Parameters += a.T.Len()
			}
		}
	}
	return f
}

// CountOps counts the operators of the main graph.
func CountOps(m *onnxio.Model) map[string]int {
	c := map[string]int{}
	for _, n := range m.Graph.Nodes {
		op := n.OpType
		if n.Domain != "" {
			op = n.Domain + "." + op
		}
		c[op]++
	}
	return c
}

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
