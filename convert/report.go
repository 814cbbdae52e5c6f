package convert

import "repmlp/internal/drawing"

// Schema names the layout of a Report.
const Schema = "repmlp.report/1"

// A Report says what a command did, for scripts and for people. Parts that do
// not apply are absent from its JSON form.
type Report struct {
	Schema     string             `json:"schema"`
	Tool       Tool               `json:"tool"`
	Command    string             `json:"command"`
	Input      *FileFacts         `json:"input,omitempty"`
	Output     *FileFacts         `json:"output,omitempty"`
	Verdict    string             `json:"verdict,omitempty"`
	Blocks     []Block            `json:"blocks,omitempty"`
	Regions    []RegionReport     `json:"regions,omitempty"`
	Declined   []Decline          `json:"declined,omitempty"`
	Left       []Left             `json:"left,omitempty"`
	Warnings   []Warning          `json:"warnings,omitempty"`
	Ops        *OpCounts          `json:"ops,omitempty"`
	Difference *Difference        `json:"difference,omitempty"`
	Proving    *Proving           `json:"proving,omitempty"`
	Identical  *Identical         `json:"identical,omitempty"` // of a conversion: what of the result is the original's
	Totals     *Totals            `json:"totals,omitempty"`
	Check      *Check             `json:"check,omitempty"`
	Located    *Located           `json:"located,omitempty"`
	Timings    *Timings           `json:"timings,omitempty"` // where whoever called took any
	Seconds    map[string]float64 `json:"seconds,omitempty"`
	Error      *Failure           `json:"error,omitempty"`

	// Arguments are those of whoever called, see Options.
	Arguments []string `json:"arguments,omitempty"`
	// Drawings show the merges where Options.Drawings asks for them, a few of each kind.
	Drawings []drawing.Region `json:"-"`
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

// A RegionReport is one merge.
type RegionReport struct {
	ID         string   `json:"id"`
	Kind       string   `json:"kind"`
	Value      string   `json:"value"`
	Merged     []string `json:"merged"`
	Into       []string `json:"into,omitempty"`
	Inputs     int      `json:"inputs"`
	Outputs    int      `json:"outputs"`
	Groups     int      `json:"groups"`
	Rows       int      `json:"rows,omitempty"` // of an FC in one run, a free batch counting as 1; absent where unknown
	Before     int      `json:"parameters_before"`
	After      int      `json:"parameters_after"`
	Derivation string   `json:"derivation"`
	// MultiplyAdds are those of the nodes in one run, before and after; absent for merges in bodies.
	MultiplyAdds *Change      `json:"multiply_adds,omitempty"`
	Proof        *ProofReport `json:"proof,omitempty"`
}

// A ProofReport is how far a merge is from what it replaces: over so many rows
// the largest difference, and the worst one in units of what rounding allows.
type ProofReport struct {
	Complete   bool   `json:"complete,omitempty"`   // every coefficient was read off the original: it holds for all finite inputs
	Moved      bool   `json:"moved,omitempty"`      // off the original with scales that moved, which equals it on random rows, in float64
	Read       int64  `json:"read,omitempty"`       // numbers that were read: every coefficient at least once, and biases
	Evaluation Number `json:"evaluation,omitempty"` // the most that float64 may have rounded of one of them, where it counts
	Sampled    string `json:"sampled,omitempty"`    // why it is not complete
	Rows       int    `json:"rows"`
	MaxAbs     Number `json:"max_abs"`
	Bound      Number `json:"bound_ratio"`
}
