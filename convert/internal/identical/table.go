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
	settled   Class           // numbers below are those of the first model, and stay
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
	keys := []string{f.key}
	if f.of != 0 && f.perm == nil {
		for i, k := range shapeKeys(f.dims) {
			keys = append(keys[:i], fmt.Sprintf("view %d %s", f.of, k))
		}
	}
	for _, k := range keys {
		t.keys[k], t.claimed[k] = known, true
	}
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
	keys := shapeKeys(dims)
	for i, k := range keys {
		keys[i] = fmt.Sprintf("view %d %s", root, k)
	}
	return t.place(keys, fact{of: root, dims: dims})
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
	return t.place([]string{fmt.Sprintf("order %d %v", c, perm)}, fact{of: c, perm: perm, dims: dims})
}

// place is the number of a view or an order, which has one under any of the keys.
func (t *Table) place(keys []string, f fact) (Class, bool) {
	f.key = keys[0]
	c, claimed := Class(0), false
	for _, key := range keys {
		if c = t.keys[key]; c != 0 {
			claimed = t.claimed[key]
			break
		}
	}
	if c == 0 {
		c = t.fresh(f)
	}
	for _, key := range keys {
		if t.keys[key] == 0 {
			t.keys[key], t.claimed[key] = c, claimed
		}
	}
	return c, claimed
}

// shapeKeys writes a shape in several ways, so that two shapes of as many elements are one
// where they have one way in common: whole, and without each size that follows from the others
// and the number of elements, as no size is zero. A shape of which one size is not known has one.
func shapeKeys(dims []graph.Dim) (keys []string) {
	without := func(left int) string {
		var b strings.Builder
		for i, d := range dims {
			switch n, ok := d.Int(); {
			case i == left:
				b.WriteString("?,")
			case ok:
				fmt.Fprint(&b, n, ",")
			default:
				b.WriteString(strconv.Quote(d.String()) + ",")
			}
		}
		return b.String()
	}
	if i := slices.IndexFunc(dims, func(d graph.Dim) bool { return !d.Known() }); i >= 0 {
		return []string{without(i)}
	}
	keys = append(keys, without(-1))
	for i, d := range dims {
		if _, ok := d.Int(); !ok {
			keys = append(keys, without(i))
		}
	}
	return keys
}

// sized reports whether a shape is known up to one size, which then follows from the number of
// elements.
func sized(dims []graph.Dim) bool {
	unknown, zero := 0, false
	for _, d := range dims {
		if !d.Known() {
			unknown++
		}
		if n, ok := d.Int(); ok && n <= 0 {
			zero = true
		}
	}
	return unknown == 0 || unknown == 1 && !zero
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
