// Package identical says which values of several models are the same for every input. It
// gives values numbers: values of one number are computed alike from the same inputs, to the
// bit but for what is claimed of them and proved elsewhere. It asks nothing of those who
// changed a model.
//
// A value's number follows from what it is: a constant by its elements, an input by its
// name, all others by operator, attributes and the numbers of what they read. Nodes that
// give what they read, views of views and orders of orders have the number of what they come
// to, so that it makes no difference who took them away, or how.
package identical

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// A Class is the number of a value. Zero is none.
type Class int

// A Table gives numbers. It serves several models, one after the other, and is not safe for
// concurrent use.
type Table struct {
	keys      map[string]Class
	facts     []fact // by class
	constants map[string][]*constant
	tensors   map[*onnxio.Tensor]Class
	claimed   map[string]bool // keys of values that have the number of another because that is proved
	turned    int             // how often a key got another number
	settled   Class           // numbers from here on may be given up for others: they are not those of the first model
}

// A fact is what is known of a class.
type fact struct {
	key  string
	dims []graph.Dim // nil: not known
	of   Class       // what it is a view or an order of; 0: neither
	perm []int       // of an order
}

// A constant is one that has a number.
type constant struct {
	class  Class
	name   string
	reader func() (*onnxio.Reader, error)
}

// NewTable is a table without numbers.
func NewTable() *Table {
	return &Table{keys: map[string]Class{}, facts: make([]fact, 1), constants: map[string][]*constant{}, tensors: map[*onnxio.Tensor]Class{}, claimed: map[string]bool{}}
}

// fresh is a number that nothing has.
func (t *Table) fresh(f fact) Class {
	t.facts = append(t.facts, f)
	return Class(len(t.facts) - 1)
}

// of is the number of what a key says.
func (t *Table) of(key string) Class {
	c, ok := t.keys[key]
	if !ok {
		c = t.fresh(fact{key: key})
		t.keys[key] = c
	}
	return c
}

// become has all that is said like c be known from now on. What c is a view or an order of is
// the view, or the order, of that which undoes it.
func (t *Table) become(c, known Class) {
	f := t.facts[c]
	if c == known || f.key == "" || c < t.settled || t.keys[f.key] == known {
		return
	}
	t.keys[f.key] = known
	t.claimed[f.key] = true
	t.turned++
	switch {
	case f.of == 0:
	case f.perm != nil:
		back := make([]int, len(f.perm))
		for i, p := range f.perm {
			back[p] = i
		}
		of, _ := t.order(known, back, t.facts[f.of].dims)
		t.become(f.of, of)
	case t.facts[f.of].dims != nil:
		of, _ := t.view(known, t.facts[f.of].dims)
		t.become(f.of, of)
	}
}

// view is the number of c in the shape dims, and whether that is so by a claim.
func (t *Table) view(c Class, dims []graph.Dim) (Class, bool) {
	root := c
	if f := t.facts[c]; f.of != 0 && f.perm == nil {
		root = f.of
	}
	for _, same := range []Class{c, root} {
		if sameSizes(t.facts[same].dims, dims) {
			return same, false
		}
	}
	return t.place(fmt.Sprintf("view %d %s", root, shapeKey(dims)), fact{of: root, dims: dims})
}

// order is the number of c with its axes in another order, which has the shape dims, where that
// is known.
func (t *Table) order(c Class, perm []int, dims []graph.Dim) (Class, bool) {
	if f := t.facts[c]; f.of != 0 && len(f.perm) == len(perm) {
		both := make([]int, len(perm))
		for i, p := range perm {
			both[i] = f.perm[p]
		}
		c, perm = f.of, both
	}
	if inOrder(perm) {
		return c, false
	}
	return t.place(fmt.Sprintf("order %d %v", c, perm), fact{of: c, perm: perm, dims: dims})
}

// place is the number of a view or an order. Two shapes that are written alike and are not
// one have two.
func (t *Table) place(key string, f fact) (Class, bool) {
	for {
		c, ok := t.keys[key]
		switch {
		case !ok:
			f.key = key
			c = t.fresh(f)
			t.keys[key] = c
			return c, false
		case f.perm != nil || t.claimed[key] || slices.EqualFunc(t.facts[c].dims, f.dims, alike):
			return c, t.claimed[key]
		}
		key += "'"
	}
}

// alike reports whether two sizes of shapes that are written alike are one.
func alike(a, b graph.Dim) bool {
	_, first := a.Int()
	_, second := b.Int()
	return first == second && (a.Equal(b) || !a.Known() || !b.Known())
}

// shapeKey writes a shape so that shapes of one text are one shape. What follows from the
// number of elements has no name, because it has several.
func shapeKey(dims []graph.Dim) string {
	open := 0
	for _, d := range dims {
		if n, ok := d.Int(); !ok || n <= 0 {
			open++
		}
	}
	var b strings.Builder
	for _, d := range dims {
		switch n, ok := d.Int(); {
		case ok:
			fmt.Fprint(&b, n, ",")
		case open == 1:
			b.WriteString("?,")
		default:
			b.WriteString(strconv.Quote(d.String()) + ",")
		}
	}
	return b.String()
}

// sized reports whether a shape is known up to one size, which then follows from the number of
// elements.
func sized(dims []graph.Dim) bool {
	unknown, open := 0, 0
	for _, d := range dims {
		if n, ok := d.Int(); !ok || n <= 0 {
			open++
		}
		if !d.Known() {
			unknown++
		}
	}
	return unknown == 0 || unknown == 1 && open == 1
}

// sameSizes reports whether two shapes of as many elements are one.
func sameSizes(a, b []graph.Dim) bool {
	if a == nil || b == nil || len(a) != len(b) {
		return false
	}
	open, numbers := 0, 0
	for i := range a {
		if !a[i].Equal(b[i]) {
			open++
		} else if n, ok := a[i].Int(); ok && n > 0 {
			numbers++
		}
	}
	return open == 0 || open == 1 && numbers == len(a)-1
}

func inOrder(perm []int) bool {
	for i, p := range perm {
		if i != p {
			return false
		}
	}
	return true
}

// How many bytes are compared at a time, and of them first: most tensors differ there.
const (
	piece = 1 << 20
	begin = 1 << 12
)

// tensor is the number of an initializer, by its bytes.
func (t *Table) tensor(x *onnxio.Tensor) (Class, error) {
	if c := t.tensors[x]; c != 0 {
		return c, nil
	}
	c, err := t.stored(x)
	if err != nil {
		return 0, fmt.Errorf("reading initializer %q: %w", x.Name(), err)
	}
	t.tensors[x] = c
	return c, nil
}

func (t *Table) stored(x *onnxio.Tensor) (Class, error) {
	bits := int64(x.DType().Bits())
	if x.Len() <= largestConstant { // nodes may compute it elsewhere
		b, err := x.Bytes()
		if err != nil {
			if b, err = x.Encode(); err != nil { // strings
				return 0, err
			}
		}
		return t.raw(x.DType(), x.Dims(), b), nil
	}
	kind := kindOf(x.DType(), x.Dims())
	mine, err := x.Reader()
	if err != nil {
		return 0, err
	}
	size := int((x.Len()*bits + 7) / 8)
	list := slices.Clone(t.constants[kind])
	if i := slices.IndexFunc(list, func(k *constant) bool { return k.name == x.Name() }); i > 0 { // most are found by their names
		list[0], list[i] = list[i], list[0]
	}
	for _, k := range list {
		same, err := k.equal(mine, size)
		if err != nil {
			return 0, err
		}
		if same {
			return k.class, nil
		}
	}
	k := &constant{class: t.fresh(fact{}), name: x.Name(), reader: x.Reader}
	t.constants[kind] = append(t.constants[kind], k)
	return k.class, nil
}

// raw is the number of a small constant.
func (t *Table) raw(d onnxio.DType, dims []int64, b []byte) Class {
	return t.of(fmt.Sprintf("constant %s %x", kindOf(d, dims), sha256.Sum256(b)))
}

func kindOf(d onnxio.DType, dims []int64) string { return fmt.Sprint(int32(d), dims) }

// equal compares bytes where they lie, a piece at a time.
func (k *constant) equal(other *onnxio.Reader, size int) (bool, error) {
	mine, err := k.reader()
	if err != nil {
		return false, err
	}
	var a, b []byte
	for at := 0; at < size; {
		n := min(piece, size-at)
		if at == 0 {
			n = min(n, begin)
		}
		if !bytes.Equal(mine.Read(&a, at, n), other.Read(&b, at, n)) {
			return false, nil
		}
		at += n
	}
	return true, nil
}
