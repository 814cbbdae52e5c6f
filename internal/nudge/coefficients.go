package nudge

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"repmlp/onnxio"
	"repmlp/verify"
)

// A Planter is a prover that asks about every claim again with something wrong in one of the
// weights that only the candidate has, and notes whether that was found.
type Planter struct {
	Prover interface {
		Prove(context.Context, verify.Claim) (verify.Proof, error)
	}
	Rand   *rand.Rand
	Each   int // plants for each tensor of a claim
	Plants []Plant

	mu sync.Mutex // one claim at a time
}

// A Plant is one wrong number, or two slices of a weight in each other's place.
type Plant struct {
	Claim, Tensor, What string
	Complete            bool    // the claim without it was proved completely
	Bound               float64 // of the proof with it
	Size, Evaluation    float64 // how far the number moved, and what float64 may have rounded
}

// Found reports whether the proof failed, as it should, or the number moved by less than four
// times what float64 itself may have rounded.
func (p Plant) Found() bool { return !(p.Bound < 1) || p.Size > 0 && p.Size < 4*p.Evaluation }

func (p Plant) String() string {
	return fmt.Sprintf("%s: %s of %q by %g: bound ratio %g, float64 rounds %g", p.Claim, p.What, p.Tensor, p.Size, p.Bound, p.Evaluation)
}

// Prove implements convert.Prover.
func (p *Planter) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	proof, err := p.Prover.Prove(ctx, c)
	if err != nil || !proof.Complete {
		return proof, err
	}
	for _, t := range own(c) {
		for range p.Each {
			if err := p.plant(ctx, c, t); err != nil {
				return proof, err
			}
		}
	}
	return proof, nil
}

func (p *Planter) plant(ctx context.Context, c verify.Claim, t *onnxio.Tensor) error {
	v, err := t.Float64s()
	if err != nil || len(v) == 0 {
		return err
	}
	v = slices.Clone(v)
	plant := Plant{Claim: c.ID, Tensor: t.Name(), Complete: true}
	if p.Rand.IntN(4) == 0 && p.swap(v, t.Dims()) {
		plant.What = "a swap"
	} else {
		plant.What, plant.Size = p.move(v, t)
		if plant.Size == 0 {
			return nil // a zero among zeros
		}
	}
	after, err := with(c.After, t, v)
	if err != nil {
		return err
	}
	before := c.After
	c.After = after
	proof, err := p.Prover.Prove(ctx, c)
	if err != nil {
		return err
	}
	plant.Bound, plant.Evaluation = proof.Bound, proof.Evaluation
	if !plant.Found() {
		c.Before, c.ExactBefore = before, nil
		if proof, err := p.Prover.Prove(ctx, c); err != nil || proof.MaxAbs == 0 {
			return err // nothing depends on it, as on the scale of what a norm makes of one number
		}
	}
	p.Plants = append(p.Plants, plant)
	return nil
}

// roundoffs is by how many of its own a number moves.
const roundoffs = 4

// move moves one number by so many roundoffs, a zero by one of the largest of its row.
func (p *Planter) move(v []float64, t *onnxio.Tensor) (what string, size float64) {
	u, eta := verify.Roundoff(t.DType())
	i := p.Rand.IntN(len(v))
	row := len(v)
	if len(t.Dims()) > 1 {
		row = int(t.Dims()[len(t.Dims())-1])
	}
	by := 0.0
	if v[i] != 0 {
		by = max(roundoffs*u*math.Abs(v[i]), 2*roundoffs*eta)
		if strings.HasSuffix(t.Name(), ".variance") { // the coefficient is its root
			by *= 2
		}
	} else {
		for _, x := range v[i/row*row:][:row] {
			by = max(by, u*math.Abs(x))
		}
	}
	if p.Rand.IntN(2) == 0 {
		by = -by
	}
	v[i] += by
	return fmt.Sprintf("number %d", i), math.Abs(by)
}

// swap exchanges two slices along one axis; it reports false where it finds none that differ.
func (p *Planter) swap(v []float64, dims []int64) bool {
	axis := p.Rand.IntN(max(len(dims), 1))
	if len(dims) == 0 || dims[axis] < 2 {
		return false
	}
	n, inner := int(dims[axis]), 1
	for _, d := range dims[axis+1:] {
		inner *= int(d)
	}
	a := p.Rand.IntN(n)
	b := (a + 1 + p.Rand.IntN(n-1)) % n
	differ := false
	for at := 0; at < len(v); at += n * inner {
		for k := range inner {
			x, y := &v[at+a*inner+k], &v[at+b*inner+k]
			differ = differ || math.Abs(*x-*y) > 0x1p-6*max(math.Abs(*x), math.Abs(*y))
			*x, *y = *y, *x
		}
	}
	return differ
}

// own lists the float initializers that a claim's output reads of the candidate and that the
// original does not have.
func own(c verify.Claim) (list []*onnxio.Tensor) {
	known, inits := map[string]bool{}, map[string]*onnxio.Tensor{}
	for _, t := range c.Before.Graph().Inits() {
		known[t.Name()] = true
	}
	for _, t := range c.After.Graph().Inits() {
		inits[t.Name()] = t
	}
	maker := map[string]*onnxio.Node{}
	for _, n := range c.After.Graph().Nodes() {
		for _, o := range n.Outputs() {
			maker[o] = n
		}
	}
	seen := map[string]bool{}
	for _, in := range slices.Concat(c.Inputs, c.Apart) { // other parts have claims of their own
		seen[in] = true
	}
	todo := []string{c.Output}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if seen[name] || name == "" {
			continue
		}
		seen[name] = true
		if t := inits[name]; t != nil && t.DType().IsFloat() && !known[name] {
			list = append(list, t)
		}
		if n := maker[name]; n != nil {
			todo = append(todo, n.Inputs()...)
		}
	}
	return list
}

// with is m with other numbers in an initializer.
func with(m *onnxio.Model, t *onnxio.Tensor, v []float64) (*onnxio.Model, error) {
	b, err := onnxio.EncodeFloat64(v, t.DType())
	if err != nil {
		return nil, err
	}
	moved, err := onnxio.NewTensor(t.Name(), t.DType(), t.Dims(), b)
	if err != nil {
		return nil, err
	}
	e := onnxio.Edit{DropInits: []*onnxio.Tensor{t}, AddInits: []*onnxio.Tensor{moved}}
	for _, in := range m.Graph().Inputs() {
		if in.Name() == t.Name() { // IR version 3
			e.DropInputs = append(e.DropInputs, in)
		}
	}
	return m.Apply(e)
}
