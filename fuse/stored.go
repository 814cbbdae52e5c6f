package fuse

// Values are the numbers of a stored weight, converted while they are read.
// Reading is safe for concurrent use.
type Values interface {
	Len() int
	// Read fills dst with the numbers from index at on.
	Read(dst []float64, at int)
	// AddScaled adds scale times the numbers from index at on to dst.
	AddScaled(dst []float64, scale float64, at int)
	// Near is n numbers from index at on, counted from zero, for many short
	// reads; release ends their use.
	Near(at, n int) (near Values, release func())
}

// addStored adds the branch of a stored weight over the loops.
func (b *branch) addStored(dst []float64, start foldAt, loops []loop[foldAt], t *table, space *scratch) {
	k := len(loops) - 1
	outer, last := loops[:k], loops[k]
	stored, run := b.stored, b.run(last, t)
	if n, dense := span(weightLoops(outer), run); dense {
		near, release := stored.Near(start.weight, n)
		defer release()
		stored, start.weight = near, 0
	}
	switch {
	case len(b.axes) == 0 && liesAcross(outer, last):
		across := outer[k-1]
		lines := room(&space.lines, linesAtOnce*last.n)
		nest(start, append(outer[:k-1], loop[foldAt]{n: 1}), func(at foldAt, _ float64, _ loop[foldAt]) {
			b.addAcross(dst, stored, lines, at, across, last)
		})
	case len(b.axes) == 0 && last.stride == foldAt{w: 1, weight: 1}: // written as it is read, with one factor
		nest(start, loops, func(at foldAt, _ float64, last loop[foldAt]) {
			stored.AddScaled(dst[at.w:][:last.n], b.factor(at), at.weight)
		})
	default:
		weights := room(&space.run, run)
		nest(start, loops, func(at foldAt, _ float64, last loop[foldAt]) {
			stored.Read(weights, at.weight)
			at.weight = 0
			b.addInner(dst, weights, at, last, t)
		})
	}
}

// run is how many stored weights the innermost loop or the table spans.
func (b *branch) run(last loop[foldAt], t *table) int {
	n := (last.n-1)*last.stride.weight + 1
	for _, j := range t.jumps {
		n = max(n, j.to.weight+1)
	}
	return n
}

// A stretch is a loop as far as it moves the weight.
type stretch struct{ n, step int }

func weightLoops(loops []loop[foldAt]) []stretch {
	out := make([]stretch, len(loops))
	for i, l := range loops {
		out[i] = stretch{l.n, l.stride.weight}
	}
	return out
}

// span is how many stored numbers lie from the first to the last that runs of
// length run take; dense says whether they are many short runs close together.
func span(loops []stretch, run int) (n int, dense bool) {
	n, reads := run, run
	for _, l := range loops {
		if l.step > 0 {
			n += (l.n - 1) * l.step
			reads *= l.n
		}
	}
	return n, reads > run && n <= 2*reads && n <= 4*pieceSize
}

// liesAcross reports whether runs over last are far apart in W while those next to
// each other in the loop around them are neighbours there.
func liesAcross(outer []loop[foldAt], last loop[foldAt]) bool {
	return len(outer) > 0 && outer[len(outer)-1].stride.w == 1 &&
		last.stride.weight == 1 && last.stride.pre == 0 && last.stride.post == 0 && last.n > 1
}

// linesAtOnce is how many runs are turned at a time: as float64 they fill a cache
// line of the piece.
const linesAtOnce = 8

// addAcross adds stored runs that lie across the piece: neighbours in a run are
// far apart there, neighbouring runs are neighbours.
func (b *branch) addAcross(dst []float64, stored Values, lines []float64, at foldAt, across, along loop[foldAt]) {
	n := along.n
	for from := 0; from < across.n; from += linesAtOnce {
		count := min(linesAtOnce, across.n-from)
		to := dst[at.w:]
		var f [linesAtOnce]float64
		for j := range count {
			f[j] = b.factor(at)
			stored.Read(lines[j*n:][:n], at.weight)
			at = at.plus(across.stride)
		}
		turn(to, lines[:count*n], f, n, along.stride.w)
	}
}

// turn adds f[j] times line j, n long, to dst[j], dst[stride+j], ...
func turn(dst, lines []float64, f [linesAtOnce]float64, n, stride int) {
	if len(lines) < linesAtOnce*n {
		for i := range n {
			for j := range len(lines) / n {
				dst[i*stride+j] += float64(f[j] * lines[j*n+i])
			}
		}
		return
	}
	l0, l1, l2, l3 := lines[:n], lines[n:][:n], lines[2*n:][:n], lines[3*n:][:n]
	l4, l5, l6, l7 := lines[4*n:][:n], lines[5*n:][:n], lines[6*n:][:n], lines[7*n:][:n]
	for i := range n {
		to := (*[linesAtOnce]float64)(dst[i*stride:])
		to[0] += float64(f[0] * l0[i])
		to[1] += float64(f[1] * l1[i])
		to[2] += float64(f[2] * l2[i])
		to[3] += float64(f[3] * l3[i])
		to[4] += float64(f[4] * l4[i])
		to[5] += float64(f[5] * l5[i])
		to[6] += float64(f[6] * l6[i])
		to[7] += float64(f[7] * l7[i])
	}
}
