package verify

// A Comparison is the evidence that two models agree, or do not.
type Comparison struct {
	Passed     bool
	Shown      bool // something was compared: not every element is left to rounding
	Runs       int  // of each model, without those on stress inputs
	Samples    int  // in all runs; see countSamples
	RTol, ATol float64
	NoiseFloor float64 // largest rounding error of the reference, relative to its largest output; NaN if unknown
	Rule       string  // the limit that was applied, in words
	Outputs    []OutputDifference
	Expected   []OutputDifference // of both models from what the inputs came with
	Stress     []StressRun
	Scores     []ScoreAgreement
	Paired     []string // what was compared that does not have one name or one type in both models
	Notes      []string // what differs in the declarations and matters to no run
	Unread     []string // files beside the inputs that nothing was taken from
	Vacuous    []string // of what nothing was compared, a sentence each
}

// An OutputDifference is how far two outputs lie apart over all runs. Its statistics are
// those of |a−b| over the elements that are finite in both and not left to rounding.
type OutputDifference struct {
	Name   string
	Of     string // what differs from expected outputs: "reference" or "candidate"; else empty
	Other  []int  // the candidate's shape where it differs
	Shape  []int
	Passed bool
	Finite bool // the reference gave a finite number, or no number was asked for
	Is     Closeness
	// Explained says that no run is farther off than rounding explains, whatever was allowed.
	Explained bool

	// What was allowed: ATol + RTol·max|a| in each run, where Limit was in the run
	// that came nearest to it, or went farthest beyond, and MaxAbs was Ratio times that.
	RTol, ATol, Limit, Ratio float64
	Noise                    float64 // largest rounding error of the reference, relative to its largest value; NaN if unknown
	OwnNoise                 float64 // of a candidate that rounds more coarsely, relative likewise; 0 for any other
	Rule                     string  // where the limit comes from, in words

	MaxAbs    float64
	MaxRel    float64    // MaxAbs relative to the largest magnitude of the reference in that run
	Worst     []int      // the index of the element that differs most
	Values    [2]float64 // there
	WorstRun  int        // counted from 0
	WorstFrom string     // the file that the worst row comes from, where it is one of many
	Mean      float64    // NaN, as the next two, where nothing was compared
	P99       float64    // what 99 of 100 do not exceed; at most a thousandth above that
	RMS       float64    // the root of the mean square
	Cosine    float64    // of the angle between a and b; NaN where one is zero everywhere

	Histogram []Bin // of what is not zero, by powers of two

	Elements  int64    // of the reference in all runs
	Compared  int64    // finite in both, and not left to rounding
	Equal     int64    // the same number, NaN and infinities included
	NotFinite int64    // NaN or infinite in both, and the same
	Opposed   int64    // NaN or infinite in one of them alone, or infinite with opposite signs
	Left      int64    // to rounding: the reference itself changes there, so that they show nothing
	NaN       [2]int64 // in the reference and in the candidate
	Infinite  [2]int64
}

// Closeness says in one word how far two outputs are apart.
type Closeness string

// From the nearest to the farthest.
const (
	Identical   Closeness = "identical"    // the same numbers
	Rounding    Closeness = "rounding"     // no farther than rounding explains
	Tolerated   Closeness = "tolerated"    // farther than that, within the tolerance that was asked for
	Different   Closeness = "different"    // beyond the limit, or NaN or infinite in one of them alone
	NotCompared Closeness = "not_compared" // nothing of it was
)

// A StressRun is a comparison on inputs that are hard on a model.
type StressRun struct {
	Name    string // as "zeros"
	Says    string // what was fed, in words
	Passed  bool
	Outputs []OutputDifference
}

// A ScoreAgreement is how two classifiers decide. It is there for every output of the
// form of class scores: floats of shape [rows, classes], axes of one element behind
// these left out, with at least two classes. Of equal scores the first class counts.
type ScoreAgreement struct {
	Output  string
	Classes int
	Rows    int64 // in all runs, without those whose scores are NaN
	Top1    int64 // rows in which both put the same class first
	Top5    int64 // rows in which both have the same five classes first, in any order; of fewer than six classes -1
	// With labels: the rows in which the label is the first class, and among the first five.
	Labels            int64
	RefTop1, CandTop1 int64
	RefTop5, CandTop5 int64
}
