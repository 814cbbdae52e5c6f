package draw

import (
	"math"
	"slices"
	"strconv"

	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/plan"
	"repmlp/fuse"
	"repmlp/internal/drawing"
)

// mostWeights bounds what is folded for a picture.
const mostWeights = 1 << 25

// Reach is how far an FC that was merged with convs reaches over its tile, before and
// after: the FC as it was, the convs as the FCs W(F, p) that they are (Ding et al., CVPR
// 2022, Eq. 14), and their sum. It is nil of other layers. Weights are read.
func Reach(r *plan.Region) ([]drawing.Reach, error) {
	fc, ok := r.Layer.(*layer.FC)
	if !ok || fc.Rows.Weights() > mostWeights {
		return nil, nil
	}
	p, form := fc.Rows.Program, fc.Rows.Form()
	top := lastSum(p)
	if top < 0 {
		return nil, nil
	}
	t := &tile{p: p, form: form}
	terms := leaves(p, top)
	var dense, convs []int
	var kernels []string
	for _, leaf := range terms {
		if k := t.slides(leaf, top); k != "" {
			kernels = append(kernels, k)
		}
	}
	for _, leaf := range terms {
		switch is, kernel := t.look(leaf); {
		case is == isFC:
			dense = append(dense, leaf)
		case is == isPointwise:
			kernels = append(kernels, kernel)
			fallthrough
		default:
			convs = append(convs, leaf)
		}
	}
	if len(t.in) != 2 || len(t.out) != 2 || len(dense) == 0 || len(kernels) == 0 || !t.inForm() {
		return nil, nil
	}
	slices.Sort(kernels)
	title := "convs"
	for i, k := range slices.Compact(kernels) {
		if i == 0 {
			title += " "
		} else {
			title += ", "
		}
		title += k
	}
	var out []drawing.Reach
	h, w := t.count(t.out[0]), t.count(t.out[1])
	for _, at := range positions(h, w) {
		out = append(out, drawing.Reach{Height: t.count(t.in[0]), Width: t.count(t.in[1]), Y: at[0], X: at[1]})
	}
	for _, of := range []struct {
		title string
		keep  []int
	}{{"FC3 before", dense}, {title + " as W(F, p)", convs}, {"merged", slices.Concat(dense, convs)}} {
		means, err := t.means(masked(p, top, of.keep), out)
		if err != nil {
			return nil, err
		}
		for i := range out {
			out[i].Of = append(out[i].Of, drawing.ReachOf{Title: of.title, Mean: means[i]})
		}
	}
	return out, nil
}

// positions of the output tile that are shown: a corner, the middle of a side, the
// centre.
func positions(h, w int) [][2]int {
	all := [][2]int{{0, 0}, {h / 2, 0}, {h / 2, w / 2}}
	return slices.Compact(all)
}

// lastSum is the sum that the result is a scaled copy of, -1 where it is none.
func lastSum(p *fuse.Program) int {
	k := len(p.Ops) - 1
	for k >= 0 && p.Ops[k].Kind == fuse.Diagonal {
		k = p.Ops[k].Args[0]
	}
	if k < 0 || p.Ops[k].Kind != fuse.Sum {
		return -1
	}
	return k
}

// leaves are the operands of nested sums that are no sums themselves.
func leaves(p *fuse.Program, k int) (found []int) {
	for _, a := range p.Ops[k].Args {
		if a >= 0 && p.Ops[a].Kind == fuse.Sum {
			found = append(found, leaves(p, a)...)
			continue
		}
		found = append(found, a)
	}
	return found
}

// masked is the program with the given operands of its sum alone.
func masked(p *fuse.Program, top int, keep []int) *fuse.Program {
	q := &fuse.Program{Sizes: p.Sizes, Input: p.Input, Ops: slices.Clone(p.Ops)}
	var holds func(k int) bool
	holds = func(k int) bool {
		if slices.Contains(keep, k) {
			return true
		}
		return k >= 0 && p.Ops[k].Kind == fuse.Sum && slices.ContainsFunc(p.Ops[k].Args, holds)
	}
	var mask func(k int)
	mask = func(k int) {
		op := &p.Ops[k]
		kept := fuse.Op{Kind: fuse.Sum}
		for i, a := range op.Args {
			if !holds(a) {
				continue
			}
			kept.Args, kept.Coef, kept.Rename = append(kept.Args, a), append(kept.Coef, op.Coef[i]), append(kept.Rename, op.Rename[i])
			if a >= 0 && p.Ops[a].Kind == fuse.Sum && !slices.Contains(keep, a) {
				mask(a)
			}
		}
		q.Ops[k] = kept
	}
	mask(top)
	return q
}

// A tile is the axes along which convs slide.
type tile struct {
	p       *fuse.Program
	form    fuse.Form
	in, out [][]fuse.Label // height and width
}

type term int

const (
	isOther term = iota // a scale, the input itself, a conv that slides
	isPointwise
	isFC
)

// chain are the operations of an operand, the last first; ok is false where there is
// another sum in it.
func (t *tile) chain(leaf int) (ops []*fuse.Op, ok bool) {
	for k := leaf; k >= 0; k = t.p.Ops[k].Args[0] {
		if t.p.Ops[k].Kind == fuse.Sum {
			return nil, false
		}
		ops = append(ops, &t.p.Ops[k])
	}
	return ops, true
}

// slides says which kernel slides over the tile in an operand, "" without one. The
// first conv sets the axes of the tile.
func (t *tile) slides(leaf, top int) (kernel string) {
	ops, _ := t.chain(leaf)
	for _, op := range ops {
		if op.Kind != fuse.Link || op.W == nil || len(op.Axes) != 2 || len(op.Axes[0].Tap) == 0 || len(op.Axes[1].Tap) == 0 {
			continue
		}
		if t.in == nil {
			for _, a := range op.Axes {
				t.in, t.out = append(t.in, a.In), append(t.out, t.renamed(a.Out, leaf, top))
			}
		}
		return strconv.Itoa(t.count(op.Axes[0].Tap)) + "×" + strconv.Itoa(t.count(op.Axes[1].Tap))
	}
	return ""
}

// look says what an operand is that does not slide: an FC sums over the whole tile, a
// conv of one tap over channels.
func (t *tile) look(leaf int) (is term, kernel string) {
	ops, _ := t.chain(leaf)
	for _, op := range ops {
		if op.Kind != fuse.Link || op.W == nil || len(op.Axes) > 0 {
			continue
		}
		if !slices.ContainsFunc(slices.Concat(t.in...), func(l fuse.Label) bool { return !slices.Contains(op.In, l) }) {
			return isFC, ""
		}
		is, kernel = isPointwise, "1×1"
	}
	return is, kernel
}

// renamed are labels of an operand as the result has them.
func (t *tile) renamed(ls []fuse.Label, leaf, top int) []fuse.Label {
	var path func(k int, ls []fuse.Label) []fuse.Label
	path = func(k int, ls []fuse.Label) []fuse.Label {
		op := &t.p.Ops[k]
		for i, a := range op.Args {
			inner := ls
			if a != leaf {
				if a < 0 || t.p.Ops[a].Kind != fuse.Sum {
					continue
				}
				if inner = path(a, ls); inner == nil {
					continue
				}
			}
			out := make([]fuse.Label, len(inner))
			for j, l := range inner {
				out[j] = l
				if to, ok := op.Rename[i][l]; ok {
					out[j] = to
				}
			}
			return out
		}
		return nil
	}
	return path(top, ls)
}

func (t *tile) count(ls []fuse.Label) int {
	n := 1
	for _, l := range ls {
		n *= t.p.Sizes[l]
	}
	return n
}

// inForm reports whether the layer has the tile among its features and its results.
func (t *tile) inForm() bool {
	for i := range 2 {
		for _, l := range t.in[i] {
			if !slices.Contains(t.form.In, l) {
				return false
			}
		}
		for _, l := range t.out[i] {
			if !slices.Contains(t.form.Out, l) {
				return false
			}
		}
	}
	return true
}

// means folds a program and averages |W| over everything but the tile.
func (t *tile) means(p *fuse.Program, at []drawing.Reach) ([][]float64, error) {
	f := p.Folding(t.form, fuse.ByOutput)
	// What one step along a label means for a position of the tile.
	steps := func(axes [][]fuse.Label) map[fuse.Label]int {
		m, n := map[fuse.Label]int{}, 1
		for i := len(axes) - 1; i >= 0; i-- {
			for j := len(axes[i]) - 1; j >= 0; j-- {
				m[axes[i][j]] = n
				n *= t.p.Sizes[axes[i][j]]
			}
		}
		return m
	}
	type wheel struct{ size, in, out, at int }
	var wheels []wheel // of the order in which weights are stored, the fastest first
	in, out := steps(t.in), steps(t.out)
	for _, l := range slices.Backward(slices.Concat(t.form.Group, t.form.Out, t.form.In)) {
		wheels = append(wheels, wheel{size: t.p.Sizes[l], in: in[l], out: out[l]})
	}
	sums := make([][]float64, len(at))
	shown := make([][]float64, t.count(t.out[0])*t.count(t.out[1])) // by position of the output
	for i, r := range at {
		sums[i] = make([]float64, r.Height*r.Width)
		shown[r.Y*t.count(t.out[1])+r.X] = sums[i]
	}
	for i := range f.Pieces() {
		from, to := f.Piece(i)
		w := make([]float64, to-from)
		if err := f.Fold(i, w); err != nil {
			return nil, err
		}
		rest, a, b := from, 0, 0
		for k := range wheels {
			x := &wheels[k]
			x.at = rest % x.size
			rest /= x.size
			a, b = a+x.at*x.in, b+x.at*x.out
		}
		for _, v := range w {
			if s := shown[b]; s != nil {
				s[a] += math.Abs(v)
			}
			for k := range wheels { // count on
				x := &wheels[k]
				a, b = a+x.in, b+x.out
				if x.at++; x.at < x.size {
					break
				}
				a, b, x.at = a-x.at*x.in, b-x.at*x.out, 0
			}
		}
	}
	each := float64(f.Len()) / float64(t.count(t.in[0])*t.count(t.in[1])*len(shown))
	for _, s := range sums {
		for k := range s {
			s[k] /= each
		}
	}
	return sums, nil
}
