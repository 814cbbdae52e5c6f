package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"repmlp/verify/internal/random"
	"repmlp/verify/internal/tensor"
)

// What a linear map does is known from what it makes of unit vectors: y(e) − y(0) is its
// coefficients, y(0) its bias. Both sides are asked, and every coefficient may differ by one
// rounding of the stored one and by what float64 itself rounds:
//
//	|Δw| ≤ u·|w| + η + rounding of float64 itself
//
// Where that holds for all coefficients and the bias, it follows for every input x that
// |Δy| ≤ u·(|W||x|+|b|) + η·(Σ|x|+1), in exact arithmetic.

// Bounds of a complete proof: a run has about so many numbers, of one side of one value, and
// so many are read at most.
const (
	runNumbers   = 1 << 17
	mostReadings = 1 << 28
	mostWorked   = 1 << 26 // numbers of constants that runs decode or compute anew, and convs of dense maps, 32 products for one
)

// readSlack is the room between one rounding of a coefficient and a failure. What float64
// rounds is added where that is not enough.
const readSlack = 1 + 0x1p-12

// unitOf is what is fed in place of one, a power of two: beside it biases round nothing off.
// Roundings of 16-bit types are so coarse that one will do, and what is no bound for their
// numbers would be one for larger ones.
func unitOf(r rounding) float64 {
	if r.unit > 0x1p-24 {
		return 1
	}
	return 0x1p60
}

// copyTolerance tells outputs of one sample from those of another meaning.
const copyTolerance = 1e-6

// Why a claim is proved on random rows alone.
var (
	errUnknown   = errors.New("nothing tells which inputs show its coefficients")
	errSeries    = errors.New("several layers stand in series")
	errBudget    = fmt.Errorf("more than %d numbers would have to be read", mostReadings)
	errWorked    = fmt.Errorf("all runs together would work out more than %d numbers beside them", mostWorked)
	errNotFinite = errors.New("not all numbers that it makes of zeros or of single inputs are finite")
	errShape     = errors.New("its output has another shape for single inputs")
)

// complete reads all coefficients of a claim off both sides. An error says why that is not
// possible; where they were read and differ there is none.
func (t *trial) complete(ctx context.Context, c Claim) (Proof, error) {
	proof, err := t.read(ctx, c, true)
	if err != nil && len(c.Reach) > 0 { // a piece of the map does not show it
		c.Reach = nil
		proof, err = t.read(ctx, c, true)
	}
	if err != nil {
		return proof, err
	}
	// A piece of the map may show something else than the whole, and so may several samples
	// beside each other. What differs and cannot be asked otherwise differs.
	whole := c
	whole.Reach = nil
	for _, c := range []Claim{c, whole}[:1+min(len(c.Reach), 1)] {
		if proof.Bound < c.limit() {
			break
		}
		if again, err := t.read(ctx, c, false); err == nil {
			proof = again
		}
	}
	return proof, ctx.Err()
}

func (t *trial) read(ctx context.Context, c Claim, several bool) (Proof, error) {
	switch {
	case c.Units == nil:
		return Proof{}, errUnknown
	case c.Roundings > 0:
		return Proof{}, errSeries
	}
	inputs, err := t.inputs(c)
	if err != nil {
		return Proof{}, err
	}
	for _, e := range t.engines {
		e.Crop = len(c.Reach) > 0
		e.Again()
	}
	t.engines[runMagnitude].Floor = nil
	r := &reading{trial: t, claim: c, inputs: inputs}
	defer r.end()
	n, err := r.begin(ctx)
	if err != nil {
		return Proof{}, err
	}
	if several {
		r.more(ctx, n)
	}
	if int64(r.units.runs())*r.worked > mostWorked {
		return Proof{}, errWorked
	}
	return r.all(ctx)
}

// A reading is one claim whose coefficients are read.
type reading struct {
	*trial
	claim  Claim
	worked int64 // numbers of constants that a run has to work out
	inputs []*Tensor
	units  *Units
	feeds  map[string]*Tensor
	sum    []int   // shape of the output, which values apart are fed with
	zero   answer  // to zeros
	scale  float64 // of what is fed
	bound  bound
	proof  Proof
}

// begin runs both sides on zeros; n is the size of the output.
func (r *reading) begin(ctx context.Context) (n int, err error) {
	shape, err := r.zeros(ctx, r.inputs)
	if err != nil {
		return 0, err
	}
	r.units = r.claim.Units(r.inputs[0].Shape, shape)
	if r.units == nil || len(r.units.Slots) == 0 || len(r.units.Each) == 0 {
		return 0, errUnknown
	}
	n = len(r.zero.before)
	if r.units.runs()*n > mostReadings {
		return 0, errBudget
	}
	r.worked = r.engines[runBefore].Worked() + r.engines[runAfter].Worked()
	r.bound = bound{rounding: roundingOf(r.inputs[0].DType), roundings: 1, fed: 2, terms: termsOf(1, r.inputs)}
	return n, nil
}

// more lays samples beside each other as far as that helps.
func (r *reading) more(ctx context.Context, n int) {
	x := r.inputs[0]
	fold := min(r.units.runs(), runNumbers/max(n, x.Len(), 1))
	if fold < 2 || len(x.Shape) == 0 || x.Shape[0] != 1 {
		return
	}
	more := make([]*Tensor, len(r.inputs))
	for i, in := range r.inputs {
		if len(in.Shape) == len(x.Shape) && in.Shape[0] == 1 {
			in = &Tensor{DType: in.DType, Shape: slices.Clone(in.Shape)}
			in.Shape[0] = fold
		}
		more[i] = in
	}
	zero, inputs, sum := r.zero, r.inputs, r.sum
	if _, err := r.zeros(ctx, more); err != nil || !r.copies(zero, fold) {
		r.zero, r.inputs, r.sum = zero, inputs, sum
		r.feed(inputs)
		return
	}
	slots := r.units.Slots
	u := *r.units
	u.Slots = nil
	for k := range fold {
		for _, s := range slots {
			u.Slots = append(u.Slots, s+k*x.Len())
		}
	}
	r.units, r.inputs = &u, more
}

// copies reports whether the outputs are those of a single sample, one after the other.
func (r *reading) copies(one answer, fold int) bool {
	same := func(many, one []float64) bool {
		if len(many) != fold*len(one) {
			return false
		}
		for i, v := range many { // sums of many rows may be taken in another order
			if w := one[i%len(one)]; math.Abs(v-w) > copyTolerance*max(math.Abs(v), math.Abs(w)) {
				return false
			}
		}
		return true
	}
	return same(r.zero.before, one.before) && same(r.zero.after, one.after) && same(r.zero.layer, one.layer)
}

// feed makes zeros of the inputs' shapes.
func (r *reading) feed(inputs []*Tensor) {
	r.feeds = map[string]*Tensor{}
	for i, name := range r.claim.Inputs {
		x := &Tensor{DType: inputs[i].DType, Shape: inputs[i].Shape, F64: make([]float64, tensor.Count(inputs[i].Shape))}
		r.feeds[name] = x
		for other, in := range r.claim.Same {
			if in == name {
				r.feeds[other] = x
			}
		}
	}
	if r.sum == nil {
		return
	}
	zeros := &Tensor{DType: inputs[0].DType, Shape: r.sum, F64: make([]float64, tensor.Count(r.sum))}
	for _, name := range r.claim.Apart {
		r.feeds[name] = zeros
	}
}

// zeros runs both sides on zeros and returns the shape of the output.
func (r *reading) zeros(ctx context.Context, inputs []*Tensor) ([]int, error) {
	r.sum = nil
	r.feed(inputs)
	zero, shape, err := r.ask(ctx)
	if err == nil && len(r.claim.Apart) > 0 {
		zero.done()
		r.sum = shape
		r.feed(inputs)
		zero, shape, err = r.ask(ctx)
	}
	if err != nil {
		return nil, err
	}
	if len(zero.before) == 0 {
		return nil, errShape
	}
	r.zero = answer{before: slices.Clone(zero.before), after: slices.Clone(zero.after), layer: slices.Clone(zero.layer)}
	zero.done()
	return shape, nil
}

// An answer is what both sides make of what is fed, and what the layer makes that is meant: the
// output itself, or a part of it.
type answer struct {
	before, after, layer []float64
	done                 func()
}

// ask runs both sides.
func (r *reading) ask(ctx context.Context) (a answer, shape []int, err error) {
	before, err := r.eval(ctx, runBefore)
	if err != nil {
		return a, nil, err
	}
	var part []string
	if r.claim.Part != "" {
		part = []string{r.claim.Part}
	}
	after, err := r.eval(ctx, runAfter, part...)
	if err != nil {
		return a, nil, err
	}
	layer := after[len(after)-1]
	if len(before[0].F64) != len(after[0].F64) || len(layer.F64) != len(after[0].F64) {
		return a, nil, errShape
	}
	done := func() { r.arena.Recycle(slices.Concat(before, after)) }
	return answer{before[0].F64, after[0].F64, layer.F64, done}, before[0].Shape, nil
}

// eval is the output of one of the runs, and other values of it.
func (r *reading) eval(ctx context.Context, run int, others ...string) (list []*Tensor, err error) {
	want := append([]string{r.claim.Output}, others...)
	out, err := r.engines[run].Eval(ctx, r.feeds, want)
	if err != nil {
		return nil, err
	}
	for _, name := range want {
		y := out[name]
		shared := slices.ContainsFunc(list, func(l *Tensor) bool { return tensor.Key(l) == tensor.Key(y) })
		if shared || !r.arena.Made(y) { // it may be an input
			y = &Tensor{DType: y.DType, Shape: y.Shape, F64: slices.Clone(y.F64)}
		}
		list = append(list, y)
	}
	return list, nil
}

func (r *reading) end() {
	r.seen.Forget()
	for _, e := range r.engines {
		e.Trim()
	}
}

// all compares the biases and every coefficient.
func (r *reading) all(ctx context.Context) (Proof, error) {
	if slices.ContainsFunc(r.zero.before, notFinite) {
		return Proof{}, errNotFinite
	}
	r.proof, r.scale = Proof{Complete: true, Rows: len(r.units.Each)}, 1
	if err := r.compare(ctx, r.zero, true); err != nil {
		return Proof{}, err
	}
	if !r.units.Random {
		r.scale = unitOf(r.bound.rounding)
	}
	x := r.feeds[r.claim.Inputs[0]].F64
	rng := random.Stream(r.seed, r.claim.ID+"/units")
	for first := 0; first < len(r.units.Each); first += len(r.units.Slots) {
		if err := ctx.Err(); err != nil {
			return Proof{}, err
		}
		r.units.lit(first, func(element int) {
			if x[element] = telling(rng.Uint64()); !r.units.Random {
				x[element] = math.Copysign(r.scale, x[element])
			}
		})
		y, _, err := r.ask(ctx)
		if err != nil {
			return Proof{}, err
		}
		if len(y.before) != len(r.zero.before) {
			return Proof{}, errShape
		}
		if err := r.compare(ctx, y, false); err != nil {
			return Proof{}, err
		}
		y.done()
		r.units.lit(first, func(element int) { x[element] = 0 })
	}
	return r.proof, nil
}

// apart is how far number i lies apart on both sides, and how large it is in the layer, both
// without what zeros give.
func (y *answer) apart(zero *answer, i int) (d, w float64) {
	return math.Abs((y.before[i] - zero.before[i]) - (y.after[i] - zero.after[i])), math.Abs(y.layer[i] - zero.layer[i])
}

// compare notes how far coefficients lie apart, or biases. What float64 rounds is only
// worked out where the rounding of the stored numbers does not explain it.
func (r *reading) compare(ctx context.Context, y answer, biases bool) error {
	zero := r.zero
	if biases {
		none := make([]float64, len(y.before))
		zero = answer{before: none, after: none, layer: none}
	}
	unit, least := readSlack*r.bound.unit, r.scale*r.bound.eta*r.bound.fed
	worstOf, most, read := r.proof.Bound, 0.0, int64(0)
	for i := range y.before {
		d, w := y.apart(&zero, i)
		if w != 0 || d != 0 {
			read++
			most = max(most, d)
			worstOf = worst(worstOf, d, unit*w+least)
		}
	}
	r.proof.Read += read
	r.proof.MaxAbs = max(r.proof.MaxAbs, most/r.scale)
	if worstOf < 1 && r.bound.unit > doubleUnit && r.claim.Folds == 0 {
		r.proof.Bound = worstOf
		return nil
	}
	terms, magnitude, err := r.magnitudes(ctx)
	if err != nil {
		return err
	}
	for i, b := range y.before {
		if notFinite(b) {
			return errNotFinite
		}
		d, w := y.apart(&zero, i)
		if r.claim.Folds > 0 {
			w = terms[i]
		}
		own := r.bound.own(magnitude[i])
		r.proof.Evaluation = max(r.proof.Evaluation, own/r.scale)
		r.proof.Bound = worst(r.proof.Bound, d, readSlack*(r.bound.unit*w+own)+least)
	}
	return nil
}

// magnitudes are what both sides make of the magnitudes of what is fed, added up: what
// float64 rounds is in proportion to them. terms are those of the original alone.
func (r *reading) magnitudes(ctx context.Context) (terms, sum []float64, err error) {
	x := r.feeds[r.claim.Inputs[0]].F64
	signs := slices.Clone(x)
	for i, v := range x {
		x[i] = math.Abs(v)
	}
	defer copy(x, signs)
	for _, run := range []int{runMagnitudeIn, runMagnitude} {
		list, err := r.eval(ctx, run)
		if err != nil {
			return nil, nil, err
		}
		y := list[0].F64
		if len(y) != len(r.zero.before) {
			return nil, nil, errShape
		}
		if sum == nil {
			terms, sum = slices.Clone(y), slices.Clone(y)
		} else {
			for i, v := range y {
				sum[i] += v
			}
		}
		r.arena.Recycle(list)
	}
	return terms, sum, nil
}

func notFinite(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }
