package convert

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"repmlp/convert/internal/pieces"
	"repmlp/internal/dims"
	"repmlp/internal/parallel"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
	"repmlp/verify"
)

// Proved is the verdict of ProveFiles on models that are one but for the rounding of merged
// weights, for every input. Compared is that on models of which some pieces are not linear:
// these were compared on samples.
const (
	Proved   = "proved"
	Compared = "compared"
)

// ProveFiles proves that the model in the file converted, whoever made it, is the original
// with linear parts merged. What both compute alike is found by its structure; the pieces in
// which they differ are each proved, if they are linear, or compared on samples. The options
// that change what the original means are those of File; Samples, Seed and Dims say what is
// run. With an error that is ErrNotEquivalent some output is not proved.
func ProveFiles(ctx context.Context, original, converted string, opts Options) (*Report, error) {
	j := newJob("prove", opts)
	j.report.Input, j.report.Output, j.report.Seconds = &FileFacts{Path: original}, &FileFacts{Path: converted}, map[string]float64{}
	return j.end(j.guarded(func() error { return j.proveFiles(ctx) }))
}

// A Proving is what a proof of two models found.
type Proving struct {
	Identical Identical     `json:"identical"`
	Pieces    []ProvedPiece `json:"pieces"`
	Flags     []string      `json:"flags,omitempty"` // that change what the original means
	Roundings int           `json:"roundings"`       // the most of any piece
	Sentence  string        `json:"sentence"`
}

// An Identical is how much of a model is the same in another, to the bit: nodes that outputs
// depend on, initializers that they read, and the bytes of these.
type Identical struct {
	Nodes   int   `json:"nodes"`
	Tensors int   `json:"tensors"`
	Bytes   int64 `json:"bytes"`
}

// A ProvedPiece is where two models compute one value in two ways.
type ProvedPiece struct {
	Value        string   `json:"value"`         // of the original
	New          string   `json:"new,omitempty"` // its name in the converted model, where that is another
	From         []string `json:"from"`          // values that both have
	Original     []string `json:"original"`      // nodes
	Converted    []string `json:"converted"`     // nodes
	Linear       bool     `json:"linear"`
	Method       string   `json:"method"`
	Complete     bool     `json:"complete"`               // every coefficient was read off both models: it holds for all finite inputs
	Coefficients int64    `json:"coefficients,omitempty"` // numbers that were read, biases included
	Roundings    int      `json:"roundings,omitempty"`    // of the terms that were summed; 0 where it is not linear
	Rows         int      `json:"rows,omitempty"`
	MaxAbs       Number   `json:"max_abs"`
	Bound        Number   `json:"bound_ratio"`
}

// mostRoundings is how many roundings of the terms that are summed a merged weight may be off.
// Tools that fold in float32 round each of a few steps: the root and the quotient of a
// BatchNormalization, the product, and a sum for each branch. What onnxslim, onnxsim and ONNX
// Runtime make of the models of testdata is off by 3 at most, and by 14 where a
// BatchNormalization is many nodes.
const mostRoundings = 32

// nearRoundings is how many roundings of the terms off a value of a type may be that still is
// the one that it seems to be, with a wrong weight: half a percent of them, and in narrow types
// some more.
func nearRoundings(d onnxio.DType) float64 {
	switch d {
	case onnxio.Float16, onnxio.BFloat16:
		return 2 * mostRoundings
	}
	return 1 << 16
}

func (j *job) proveFiles(ctx context.Context) error {
	if j.invalid != nil {
		return j.invalid
	}
	r := j.report
	start := time.Now()
	var models [2]*onnxio.Model
	for i, facts := range []**FileFacts{&r.Input, &r.Output} {
		m, err := j.openHashed(ctx, facts)
		if err != nil {
			return err
		}
		if err := m.CheckData(ctx); err != nil {
			return err
		}
		models[i] = m
	}
	if err := dims.Check(models[0], j.opts.Dims); err != nil {
		return err
	}
	original, notes, err := baseline(models[0], j.opts)
	if err != nil {
		return err
	}
	r.Warnings = append(r.Warnings, notes...)
	converted, err := models[1].Plain()
	if err != nil {
		return err
	}
	r.Seconds["load"] = time.Since(start).Seconds()
	if err := j.proveModels(ctx, original, converted); err != nil {
		return advised(err, "prove needs an engine that runs every operator of the pieces that differ")
	}
	return j.unchanged()
}

// proveModels proves one model from another, in which training is switched off.
func (j *job) proveModels(ctx context.Context, original, converted *onnxio.Model) error {
	if err := verify.CheckInterface(original, converted); err != nil {
		return err
	}
	original, converted, err := alikeDeclared(original, converted)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := j.opts.begin(ctx, "proving"); err != nil {
		return err
	}
	options := j.opts.graph()
	options.Sure = true
	before, err := graph.New(original, options)
	if err != nil {
		return err
	}
	after, err := graph.New(converted, options)
	if err != nil {
		return err
	}
	sizes, err := verify.ChooseSizes(original, j.opts.Dims, 1)
	if err != nil {
		return err
	}
	search, err := pieces.NewSearch(ctx, before, after, sizes)
	if err != nil {
		return err
	}
	p := &proving{job: j, known: map[*pieces.Piece]*verdict{}}
	for {
		list, err := search.Next()
		if err != nil {
			return err
		}
		if err := p.judge(ctx, list); err != nil {
			return err
		}
		wrong := false
		for _, piece := range list {
			if !p.known[piece].holds {
				search.Wrong(piece)
				wrong = true
			}
		}
		if !wrong {
			j.report.Seconds["proof"] = time.Since(start).Seconds()
			return p.conclude(search, list)
		}
	}
}

// alikeDeclared are two models whose inputs have sizes of the same names, and the numbers that
// either declares.
func alikeDeclared(a, b *onnxio.Model) (*onnxio.Model, *onnxio.Model, error) {
	others := map[string]*onnxio.ValueInfo{}
	for _, w := range b.Graph().Inputs() {
		others[w.Name()] = w
	}
	var first, second onnxio.Edit
	for _, v := range a.Graph().Inputs() {
		w := others[v.Name()]
		if w == nil || !v.Shape() || !w.Shape() || len(v.Dims()) != len(w.Dims()) || slices.Equal(v.Dims(), w.Dims()) {
			continue
		}
		dims := slices.Clone(v.Dims())
		for i, d := range w.Dims() {
			if d.Known {
				dims[i] = d
			}
		}
		first.Declare, second.Declare = append(first.Declare, v.WithDims(dims...)), append(second.Declare, w.WithDims(dims...))
	}
	if len(first.Declare) == 0 {
		return a, b, nil
	}
	a, err := a.Apply(first)
	if err == nil {
		b, err = b.Apply(second)
	}
	return a, b, err
}

// A verdict is what became of a piece.
type verdict struct {
	ProvedPiece
	holds bool
	near  bool // it is linear and does not hold, but nearly
	why   string
}

// A proving is the work of judging pieces.
type proving struct {
	*job
	known map[*pieces.Piece]*verdict
	tried []*verdict // that do not hold, in the order in which they were found
}

// judge judges the pieces that were not seen before.
func (p *proving) judge(ctx context.Context, list []*pieces.Piece) error {
	var open []*pieces.Piece
	for _, piece := range list {
		if p.known[piece] == nil {
			open = append(open, piece)
		}
	}
	found := make([]*verdict, len(open))
	var mu sync.Mutex
	done, step := 0, p.opts.progress("proving")
	err := parallel.Each(len(open), func(i int) (err error) {
		if found[i], err = p.one(ctx, open[i]); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if done++; step != nil {
			step(done, len(open))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, piece := range open {
		p.known[piece] = found[i]
		if !found[i].holds {
			p.tried = append(p.tried, found[i])
		}
	}
	return nil
}

// one judges a piece.
func (p *proving) one(ctx context.Context, piece *pieces.Piece) (*verdict, error) {
	v := &verdict{ProvedPiece: ProvedPiece{Value: piece.Value, From: piece.From, Original: titles(piece.Nodes), Converted: titles(piece.Into)}}
	if piece.New != piece.Value {
		v.New = piece.New
	}
	claims, linear, err := piece.Claims(func() bool { return ctx.Err() != nil })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil {
		v.why = err.Error()
		return v, nil
	}
	if v.Linear = linear; !linear {
		for _, t := range p.tried {
			// A weight that is wrong by little is wrong, whatever follows it, and whatever a few
			// samples of that show.
			if name := cmp.Or(t.New, t.Value); t.near && piece.Goes(t.Value, name) {
				v.why = t.why
				return v, nil
			}
		}
		return p.sampled(ctx, piece, v)
	}
	prover := &verify.Prover{Seed: p.opts.Seed}
	proof, err := proveAll(ctx, prover, claims, 0)
	if err == nil && proof.Bound < 1 {
		v.Roundings, v.holds = 1, true
	} else if ctx.Err() == nil {
		// What was folded in a narrow type is off by roundings of the terms that were summed.
		if proof, err = proveAll(ctx, prover, claims, mostRoundings); err == nil {
			k := math.Ceil(proof.Bound)
			v.holds = k <= mostRoundings
			if k <= math.MaxInt32 {
				v.Roundings = int(k)
			}
			v.near = !v.holds && k < nearRoundings(piece.Elem)
			v.why = fmt.Sprintf("it differs by %.3g, %.3g roundings of the terms that are summed, of which %d are allowed", proof.MaxAbs, proof.Bound, mostRoundings)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil {
		v.why = err.Error()
		return v, nil
	}
	if v.Complete, v.Coefficients = proof.Complete, proof.Read; proof.Complete {
		v.Method = "every coefficient"
	} else {
		v.Method = "random rows: " + proof.Sampled
	}
	v.Rows, v.MaxAbs, v.Bound = proof.Rows, Number(proof.MaxAbs), Number(proof.Bound)
	return v, nil
}

// proveAll proves claims that belong together; the proof is the weakest of them.
func proveAll(ctx context.Context, prover *verify.Prover, claims []verify.Claim, folds int) (all verify.Proof, err error) {
	for i, c := range claims {
		c.Folds = folds
		proof, err := prover.Prove(ctx, c)
		if err != nil {
			return proof, err
		}
		if i == 0 {
			all = proof
			continue
		}
		all.Complete, all.Read = all.Complete && proof.Complete, all.Read+proof.Read
		all.Sampled = cmp.Or(all.Sampled, proof.Sampled)
		all.MaxAbs, all.Bound = max(all.MaxAbs, proof.MaxAbs), max(all.Bound, proof.Bound)
		all.Rows = max(all.Rows, proof.Rows)
	}
	return all, nil
}

// sampled compares a piece that is not linear.
func (p *proving) sampled(ctx context.Context, piece *pieces.Piece, v *verdict) (*verdict, error) {
	c, err := verify.Compare(ctx, piece.Before, piece.After, verify.CompareOptions{Seed: p.opts.Seed, Samples: max(p.opts.Samples, 1), Limit: p.opts.MaxMemory})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil {
		v.why = err.Error()
		return v, nil
	}
	v.Method, v.holds = fmt.Sprintf("not linear: compared on %d samples only", c.Samples), c.Passed
	v.MaxAbs, v.Rows = Number(c.Outputs[0].MaxAbs), c.Samples
	v.Bound = Number(c.Outputs[0].Ratio)
	v.why = worstOutput(c)
	return v, nil
}

func titles(nodes []*graph.Node) []string {
	out := []string{}
	for _, n := range nodes {
		out = append(out, n.Title())
	}
	return out
}

// conclude says what the pieces that hold come to.
func (p *proving) conclude(search *pieces.Search, list []*pieces.Piece) error {
	r := p.report
	said := &Proving{Identical: Identical(search.Second.Count(search.First)), Flags: p.opts.means(), Pieces: []ProvedPiece{}}
	compared := 0
	for _, piece := range list {
		v := p.known[piece]
		said.Pieces = append(said.Pieces, v.ProvedPiece)
		said.Roundings = max(said.Roundings, v.Roundings)
		if !v.Complete {
			compared++
		}
	}
	r.Proving = said
	if differ := search.Second.Differences(search.First); len(differ) > 0 {
		return fmt.Errorf("%s%s: %w", strings.Join(differ, "; "), p.nearest(), ErrNotEquivalent)
	}
	r.Verdict = Proved
	if compared > 0 {
		r.Verdict = Compared
	}
	said.Sentence = said.sentence(compared)
	if p.opts.Strict && compared > 0 {
		return &StrictError{Verdict: r.Verdict}
	}
	return nil
}

// nearest tells of the piece that came nearest to hold.
func (p *proving) nearest() string {
	var best *verdict
	for _, v := range p.tried {
		if v.why != "" && (best == nil || v.Linear && v.Bound > 0 && v.Bound < best.Bound) {
			best = v
		}
	}
	if best == nil {
		return ""
	}
	return fmt.Sprintf("; of what was tried %q came nearest: %s", best.Value, best.why)
}

// means lists the flags that change what the original means.
func (o Options) means() (flags []string) {
	for _, f := range []struct {
		set  bool
		name string
	}{{o.BatchStatistics, "--batch-stats-as-inference"}, {o.FreezeInputs, "--freeze-inputs"}, {o.FoldDequantize, "--fold-dequantize"}} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	return flags
}

// sentence says what is proved.
func (p *Proving) sentence(compared int) string {
	original := "the original"
	if len(p.Flags) > 0 {
		original += ", taken with " + strings.Join(p.Flags, ", ") + ","
	}
	merged := fmt.Sprintf("%d linear %s", len(p.Pieces)-compared, pieceOr(len(p.Pieces)-compared))
	within := "one rounding of its own"
	if p.Roundings > 1 {
		within = fmt.Sprintf("%d roundings of the terms that are summed", p.Roundings)
	}
	switch {
	case len(p.Pieces) == 0:
		return "the converted model computes what " + original + " computes, by the same operators on the same numbers"
	case compared > 0:
		return fmt.Sprintf("the converted model is %s but for %d %s compared on samples only, and %s merged, every coefficient of them within %s", original, compared, pieceOr(compared), merged, within)
	}
	return fmt.Sprintf("the converted model is %s with %s merged: for every finite input, in exact arithmetic, every coefficient is within %s", original, merged, within)
}

func pieceOr(n int) string {
	if n == 1 {
		return "piece"
	}
	return "pieces"
}
