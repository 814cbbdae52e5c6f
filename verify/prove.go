package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"repmlp/onnxio"
	"repmlp/verify/internal/engine"
	"repmlp/verify/internal/operator"
	"repmlp/verify/internal/random"
	"repmlp/verify/internal/storage"
	"repmlp/verify/internal/stored"
	"repmlp/verify/internal/tensor"
)

// A Claim says that Output is the same function of Inputs in both models, up
// to the rounding of the weights that only After has.
type Claim struct {
	ID            string
	Before, After *onnxio.Model
	Inputs        []string // fed with random numbers
	Output        string
	Same          map[string]string                    // values of Before that equal an input, because another node makes it too
	Exact         map[string]func() ([]float64, error) // new weights before rounding, where 16-bit types round coarsely
	Reach         []Reach                              // the region is one convolution: a smaller map shows the same; nil where it is none

	// Rows, where it is not nil, says for every run of elements of the first input
	// which row it belongs to; the region maps rows to rows. All rows go through
	// the same weights, so that a few of them show as much as all.
	Rows func(shape []int) (row []int32, run, count int)
}

// A Proof is the evidence for a claim. Bound is the worst ratio of a
// difference to what rounding allows; below 1 the claim holds.
type Proof struct {
	Rows   int     `json:"rows"`
	MaxAbs float64 `json:"max_abs"`
	Bound  float64 `json:"bound_ratio"`
}

// boundFactor is the room between the computed bound and a failure. The bound
// is exact to first order; the rest covers the second order.
const boundFactor = 1.5

// probed is how many rows of a region carry random numbers. The others are
// zero: they show the bias, and that the order of the rows is kept.
const probed = 2

// A Prover runs both sides of a claim in float64 on random rows. Only the
// rounding of the stored weights may show:
//
//	|Δy| ≤ u·(|W||x|+|b|) + η·(Σ|x|+1) + rounding of float64 itself
//
// with u the unit roundoff of the stored type and η half its smallest
// subnormal. The magnitudes are computed by running the replacement with the
// absolute values of its weights. A Prover keeps the engines of the models
// that it saw last. It is safe for concurrent use.
type Prover struct {
	Seed uint64
	Dims map[string]int64 // sizes of the model's named dimensions; what is not here is chosen

	mu            sync.Mutex
	before, after *onnxio.Model
	engines       []*engine.Engine // of these models
	exact         map[string]func() ([]float64, error)
	idle          []*trial
	storage       *storage.Storage // of all trials
	large         sync.Mutex       // held by a trial with large tensors
}

// A trial is what one claim at a time is run with.
type trial struct {
	seed    uint64
	engines [5]*engine.Engine
	arena   *operator.Arena // of all engines, which run one after the other
	seen    *stored.Magnitudes
	large   *sync.Mutex
	exact   bool
}

// unitRoundoff returns u and η of a float type.
func unitRoundoff(d onnxio.DType) (u, eta float64) {
	switch d {
	case onnxio.Float16:
		return 0x1p-11, 0x1p-25
	case onnxio.BFloat16:
		return 0x1p-8, 0x1p-134
	case onnxio.Float64:
		return 0x1p-53, 0
	}
	return 0x1p-24, 0x1p-150
}

const (
	runBefore = iota
	runAfter
	runAfterExact  // with the weights before rounding
	runMagnitude   // |W||x| + |b| of the replacement
	runMagnitudeIn // the same of the original, which float64 rounding scales with
)

// take returns a trial for the models of c.
func (p *Prover) take(c Claim) (*trial, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.engines == nil || p.before != c.Before || p.after != c.After {
		sizes, err := ChooseSizes(c.Before, p.Dims, 1)
		if err != nil && (len(p.Dims) > 0 || !errors.Is(err, errNothingFits)) { // without sizes for the whole model every region gets its own
			return nil, err
		}
		o := engine.Options{Mode: operator.Double, Seed: p.Seed, Sizes: sizes, Probe: true}
		engines, failed := engine.NewAll(o, c.Before, c.After)
		if err := cmp.Or(failed[0], failed[1]); err != nil {
			return nil, err
		}
		p.before, p.after, p.idle = c.Before, c.After, nil
		p.engines, p.exact, p.storage = engines, c.Exact, storage.NewSlabs()
	}
	if n := len(p.idle); n > 0 {
		t := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return t, nil
	}
	before, after, arena := p.engines[0], p.engines[1], operator.NewArena(p.storage)
	t := &trial{seed: p.Seed, arena: arena, seen: stored.NewMagnitudes(), large: &p.large, exact: len(p.exact) > 0, engines: [...]*engine.Engine{
		runBefore:      before.With(operator.Double, nil, arena),
		runAfter:       after.With(operator.Double, nil, arena),
		runAfterExact:  after.With(operator.Double, p.exact, arena),
		runMagnitude:   after.With(operator.Absolute, nil, arena),
		runMagnitudeIn: before.With(operator.Absolute, nil, arena),
	}}
	t.engines[runAfter].Seen, t.engines[runMagnitude].Seen = t.seen, t.seen
	return t, nil
}

// give takes a trial back.
func (p *Prover) give(t *trial, c Claim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.before == c.Before && p.after == c.After {
		p.idle = append(p.idle, t)
	}
}

// Prove runs one claim. An error means that it could not be checked.
func (p *Prover) Prove(ctx context.Context, c Claim) (Proof, error) {
	t, err := p.take(c)
	if err != nil {
		return Proof{}, err
	}
	defer p.give(t, c)
	if len(c.Reach) > 0 {
		// Whatever the piece does not show, or shows otherwise, the whole map does.
		if proof, err := t.attempt(ctx, c); err == nil && proof.Bound < 1 || ctx.Err() != nil {
			return proof, err
		}
		c.Reach = nil
	}
	return t.attempt(ctx, c)
}

// feeds makes the random inputs of a claim from their shapes.
func (t *trial) feeds(c Claim, like []*Tensor) (feeds map[string]*Tensor, rows int) {
	feeds = map[string]*Tensor{}
	for i, name := range c.Inputs {
		x, n := t.rows(c, like[i], i)
		if i == 0 {
			rows = n
		}
		feeds[name] = x
		for other, in := range c.Same {
			if in == name {
				feeds[other] = x
			}
		}
	}
	return feeds, rows
}

// largeInput is the number of numbers from which on a trial runs beside no other
// of its kind: memory for two of them costs more than it gains.
const largeInput = 1 << 17

// admit waits until a trial with such inputs may run; it may until leave is called.
func (t *trial) admit(inputs []*Tensor) (leave func()) {
	n := 0
	for _, x := range inputs {
		n += tensor.Count(x.Shape)
	}
	if n < largeInput {
		return func() {}
	}
	t.large.Lock()
	return t.large.Unlock
}

func (t *trial) attempt(ctx context.Context, c Claim) (Proof, error) {
	inputs, err := t.inputs(c)
	if err != nil {
		return Proof{}, err
	}
	defer t.admit(inputs)()
	for _, e := range t.engines {
		e.Crop = len(c.Reach) > 0
	}
	feeds, rows := t.feeds(c, inputs)
	var done []*Tensor
	defer func() {
		t.arena.Recycle(done)
		t.seen.Forget()
	}()
	for _, name := range c.Inputs {
		done = append(done, feeds[name])
	}
	run := func(k int) ([]float64, error) {
		out, err := t.engines[k].Eval(ctx, feeds, []string{c.Output})
		if err != nil {
			return nil, err
		}
		y := out[c.Output]
		if !t.arena.Made(y) { // it may be an input
			return slices.Clone(y.F64), nil
		}
		done = append(done, y)
		return y.F64, nil
	}
	diff, err := run(runBefore)
	if err != nil {
		return Proof{}, err
	}
	kept := len(done)
	after, err := run(runAfter)
	if err != nil {
		return Proof{}, err
	}
	if len(diff) == 0 && len(c.Reach) > 0 {
		return Proof{}, errors.New("the cropped map shows nothing")
	}
	if len(diff) != len(after) {
		return Proof{}, fmt.Errorf("%q has %d values before and %d after", c.Output, len(diff), len(after))
	}
	var exact []float64 // differences of the weights before rounding
	if t.exact {
		if exact, err = run(runAfterExact); err != nil {
			return Proof{}, err
		}
		for i, v := range diff {
			exact[i] = math.Abs(v - exact[i])
		}
	}
	for i, v := range after {
		diff[i] = math.Abs(diff[i] - v)
	}
	if exact == nil { // what was compared makes room
		t.arena.Recycle(done[kept:])
		done = done[:kept]
	}
	// From here on only magnitudes count. Σ|x|+1 is at most the sum over
	// everything fed: η is so small that the difference does not matter.
	sum := 1.0
	for _, name := range c.Inputs {
		x := feeds[name].F64
		for i, v := range x {
			x[i] = math.Abs(v)
			sum += x[i]
		}
	}
	mag, err := run(runMagnitude)
	if err != nil {
		return Proof{}, err
	}
	if len(mag) != len(diff) {
		return Proof{}, fmt.Errorf("%q has %d values, its magnitude %d", c.Output, len(diff), len(mag))
	}
	x := feeds[c.Inputs[0]]
	u, eta := unitRoundoff(x.DType)
	terms := float64(len(x.F64)/max(batch(x), 1) + 64)
	judge := func(magIn []float64) Proof {
		proof := Proof{Rows: rows}
		for i, d := range diff {
			size := mag[i]
			if magIn != nil {
				size += magIn[i]
			}
			own := 0x1p-53 * terms * size
			proof.MaxAbs = max(proof.MaxAbs, d)
			proof.Bound = worst(proof.Bound, d, boundFactor*(u*mag[i]+own)+eta*sum)
			if exact != nil {
				proof.Bound = worst(proof.Bound, exact[i], boundFactor*own+0x1p-1000)
			}
		}
		return proof
	}
	// The float64 rounding of the original only matters where its branches
	// cancel, or where nothing else is allowed.
	proof := judge(nil)
	if proof.Bound < 1 {
		return proof, nil
	}
	magIn, err := run(runMagnitudeIn)
	if err != nil {
		return Proof{}, err
	}
	if len(magIn) != len(diff) {
		return Proof{}, fmt.Errorf("%q has %d values, its magnitude %d", c.Output, len(diff), len(magIn))
	}
	return judge(magIn), nil
}

// batch is the size of the first axis.
func batch(t *Tensor) int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[0]
}

// worst updates the largest ratio; a difference where none is allowed, or one
// that is no number, is infinite.
func worst(old, diff, bound float64) float64 {
	switch {
	case diff <= old*bound || diff == 0: // most are, and dividing takes longer
		return old
	case math.IsNaN(diff) || !(bound > 0):
		return math.Inf(1)
	}
	return max(old, diff/bound)
}

// inputs are the types and shapes of the inputs of a claim, on a piece of the map
// where that is enough.
func (t *trial) inputs(c Claim) ([]*Tensor, error) {
	inputs := make([]*Tensor, len(c.Inputs))
	for i, name := range c.Inputs {
		var err error
		if inputs[i], err = t.input(name); err != nil {
			return nil, err
		}
	}
	if len(c.Reach) > 0 {
		whole := inputs[0].Shape
		inputs[0].Shape = crop(whole, c.Reach)
		rank := 0
		if v := t.engines[runBefore].Value(c.Output); v != nil {
			rank = v.Rank()
		}
		for _, x := range inputs[1:] {
			x.Shape = cropOther(x.Shape, rank, c.Reach, whole, inputs[0].Shape)
		}
	}
	for i, x := range inputs {
		if tensor.TooLarge(x.Shape) {
			return nil, fmt.Errorf("%q of shape %v is too large for a proof", c.Inputs[i], x.Shape)
		}
	}
	return inputs, nil
}

// input is the type and shape of a value of the model.
func (t *trial) input(name string) (*Tensor, error) {
	v := t.engines[runBefore].Value(name)
	if v == nil {
		return nil, fmt.Errorf("the model has no value %q", name)
	}
	dims, ok := v.Shape()
	if !ok {
		return nil, fmt.Errorf("the shape of %q is unknown", name)
	}
	shape := make([]int, len(dims))
	for i, d := range dims {
		n := d.At(smallestMap) // what the inputs' sizes do not decide may be anything
		if _, number := d.Int(); !d.Known() || n < 0 || !number && n > largestMap*largestMap {
			return nil, fmt.Errorf("the size %v of %q is unknown", d, name)
		}
		shape[i] = int(n)
	}
	return &Tensor{DType: v.Elem, Shape: shape}, nil
}

// rows makes random numbers for an input of a claim: magnitudes between a half
// and one and a half, so that no weight hides behind a small number. It also
// says how many rows carry them.
func (t *trial) rows(c Claim, like *Tensor, k int) (*Tensor, int) {
	shape := like.Shape
	x := &Tensor{DType: like.DType, Shape: shape, F64: t.arena.Floats64(tensor.Count(shape))}
	rng := random.Stream(t.seed, c.ID+"/"+fmt.Sprint(k))
	fill := func(v []float64) {
		for i := range v { // 52 bits behind the point and one for the sign
			bits := rng.Uint64()
			v[i] = math.Float64frombits(bits&(1<<52-1)|1023<<52) - 0.5
			if bits>>63 != 0 {
				v[i] = -v[i]
			}
		}
	}
	if c.Rows != nil && k == 0 {
		if row, run, n := c.Rows(shape); n > probed && len(row)*run == len(x.F64) {
			var kept []int32
			for len(kept) < probed {
				if r := rng.Int32N(int32(n)); !slices.Contains(kept, r) {
					kept = append(kept, r)
				}
			}
			for i, r := range row {
				if slices.Contains(kept, r) {
					fill(x.F64[i*run:][:run])
				}
			}
			return x, probed
		}
	}
	fill(x.F64)
	return x, batch(x)
}

// CheckRounded compares stored 16-bit weights with the float64 numbers that
// they were rounded from, element by element.
func CheckRounded(m *onnxio.Model, exact map[string]func() ([]float64, error)) error {
	names := make([]string, 0, len(exact))
	for name := range exact {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, t := range m.Graph.Inits {
		compute, ok := exact[t.Name]
		if !ok {
			continue
		}
		want, err := compute()
		if err != nil {
			return err
		}
		have, err := t.Bytes()
		if err != nil {
			return err
		}
		b, err := onnxio.EncodeFloat64(want, t.DType)
		if err != nil {
			return err
		}
		if !slices.Equal(have, b) {
			return fmt.Errorf("comparing weight %q: the stored numbers are not the rounded ones", t.Name)
		}
	}
	return nil
}
