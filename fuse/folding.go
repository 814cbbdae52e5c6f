package fuse

import (
	"slices"
	"sync"
)

// An Order is how the weight of a folded layer lies in memory, row-major.
type Order uint8

// The orders.
const (
	ByOutput Order = iota // W[Group, Out, In]
	ByInput               // W[Group, In, Out]
)

// pieceSize is about how many weights are folded at a time: as float64 they
// stay in a processor's second-level cache.
const pieceSize = 1 << 16

// A Folding folds a program piece by piece, in the order in which the weight is
// stored, so that no more than a piece has to be in memory. Pieces may be
// folded concurrently and in any order.
//
// Branches that are one link between diagonals are written down directly: for
// a convolution this is W(F, p) of the RepMLP paper (Ding et al., CVPR 2022,
// Eq. 14) entry by entry. Other branches push the identity matrix (Eq. 15).
type Folding struct {
	p      *Program
	form   Form
	order  []Label // all labels of the weight, as it is stored
	stride map[Label]int
	size   int
	cut    int // order[:cut] is fixed in a piece, order[cut] is a range
	each   int // length of that range
	per    int // ranges for one setting of the fixed labels
	count  int
	small  int    // larger weights are read where they are used
	only   ranges // what is kept of the group labels

	mu     sync.Mutex
	ready  *prepared // while pieces are missing
	folded int
}

// prepared is what all pieces of a folding need.
type prepared struct {
	branches []*branch
	dense    []float64 // the branches without a direct form, in storage order
}

// Folding prepares to fold p. Nothing is read before the first piece.
func (p *Program) Folding(f Form, o Order) *Folding {
	return p.folding(f, o, pieceSize, smallWeight)
}

// FoldingOf is Folding for one group alone, counted through all group labels.
func (p *Program) FoldingOf(f Form, o Order, group int) *Folding {
	fold := &Folding{p: p, form: f, small: smallWeight}
	for k := len(f.Group) - 1; k >= 0; k-- {
		n := p.Sizes[f.Group[k]]
		fold.only = append(fold.only, limit{f.Group[k], group % n, group%n + 1})
		group /= n
	}
	order := slices.Concat(f.Out, f.In)
	if o == ByInput {
		order = slices.Concat(f.In, f.Out)
	}
	fold.arrange(order, pieceSize)
	return fold
}

// folding is Folding with another size of pieces and of weights that are read as
// a whole.
func (p *Program) folding(f Form, o Order, piece, small int) *Folding {
	fold := &Folding{p: p, form: f, small: small}
	order := slices.Concat(f.Group, f.Out, f.In)
	if o == ByInput {
		order = slices.Concat(f.Group, f.In, f.Out)
	}
	fold.arrange(order, piece)
	return fold
}

// arrange sets the order of the weight and cuts it into pieces.
func (fold *Folding) arrange(order []Label, piece int) {
	p := fold.p
	fold.order = order
	fold.stride = p.strides(fold.order)
	fold.size = p.size(fold.order)
	if len(fold.order) == 0 {
		fold.each, fold.per, fold.count = 1, 1, 1
		return
	}
	for fold.cut < len(fold.order)-1 && fold.stride[fold.order[fold.cut]] > 2*piece {
		fold.cut++
	}
	l := fold.order[fold.cut]
	fold.each = min(max(piece/fold.stride[l], 1), p.Sizes[l])
	fold.per = (p.Sizes[l] + fold.each - 1) / fold.each
	fold.count = p.size(fold.order[:fold.cut]) * fold.per
}

// Len is the number of weights.
func (f *Folding) Len() int { return f.size }

// Pieces is the number of pieces.
func (f *Folding) Pieces() int { return f.count }

// Piece says which of the stored weights piece i holds.
func (f *Folding) Piece(i int) (from, to int) {
	if len(f.order) == 0 {
		return 0, 1
	}
	l := f.order[f.cut]
	block := f.stride[l] * f.p.Sizes[l]
	from = i/f.per*block + i%f.per*f.each*f.stride[l]
	return from, min(from+f.each*f.stride[l], (i/f.per+1)*block)
}

// Fold computes piece i. dst has the piece's length.
func (f *Folding) Fold(i int, dst []float64) error {
	ready, err := f.prepare()
	if err != nil {
		return err
	}
	from, to := f.Piece(i)
	if ready.dense != nil {
		copy(dst, ready.dense[from:to])
	} else {
		clear(dst)
	}
	r := slices.Clone(f.only)
	if len(f.order) > 0 {
		fixed := i / f.per
		for k := f.cut - 1; k >= 0; k-- {
			l := f.order[k]
			at := fixed % f.p.Sizes[l]
			fixed /= f.p.Sizes[l]
			r = append(r, limit{l, at, at + 1})
		}
		l := f.order[f.cut]
		lo := i % f.per * f.each
		r = append(r, limit{l, lo, min(lo+f.each, f.p.Sizes[l])})
	}
	space := spaces.Get().(*scratch)
	defer spaces.Put(space)
	for _, b := range ready.branches {
		b.add(dst, from, r, space)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.folded++; f.folded == f.count { // most likely nobody asks again
		f.ready, f.folded = nil, 0
	}
	return nil
}

// Bias is what the program makes of a zero row, laid out over Group and Out;
// position-dependent biases come out exact.
func (f *Folding) Bias() ([]float64, error) {
	return f.p.pushZero(slices.Concat(f.form.Group, f.form.Out), f.small)
}

func (f *Folding) prepare() (*prepared, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ready != nil {
		return f.ready, nil
	}
	ready := &prepared{}
	paths, ok := f.p.paths(len(f.p.Ops)-1, 1)
	if !ok {
		if err := f.addDense(ready, f.p.linear()); err != nil {
			return nil, err
		}
	}
	var straight, dense []path
	var branches []*branch
	for _, path := range paths {
		b, err := f.direct(path)
		if err != nil {
			return nil, err
		}
		if b == nil {
			dense = append(dense, path)
			continue
		}
		straight, branches = append(straight, path), append(branches, b)
	}
	if len(dense) == 0 {
		ready.branches = branches
	} else { // all of them at once: they share most of their way
		q, covered := f.p.only(dense, straight)
		if err := f.addDense(ready, q); err != nil {
			return nil, err
		}
		for i, b := range branches {
			if !covered[i] {
				ready.branches = append(ready.branches, b)
			}
		}
	}
	f.ready = ready
	return ready, nil
}

// addDense pushes the identity through a branch and keeps its matrix.
func (f *Folding) addDense(ready *prepared, q *Program) error {
	w := make([]float64, f.p.size(f.form.Group)*f.p.size(f.form.Out)*f.p.size(f.form.In))
	if err := f.p.foldIdentity(f.form, q, w); err != nil {
		return err
	}
	byOutput := f.p.strides(slices.Concat(f.form.Group, f.form.Out, f.form.In))
	if ready.dense == nil {
		ready.dense = make([]float64, f.size)
	}
	var loops []loop[pushAt]
	for _, l := range f.order {
		loops = append(loops, loop[pushAt]{n: f.p.Sizes[l], stride: pushAt{out: f.stride[l], in: byOutput[l]}})
	}
	var first pushAt
	for _, l := range f.only {
		first.in += l.lo * byOutput[l.label]
	}
	nest(first, merged(loops), func(at pushAt, _ float64, last loop[pushAt]) {
		for range last.n {
			ready.dense[at.out] += w[at.in]
			at = at.plus(last.stride)
		}
	})
	return nil
}
