package layer

import (
	"errors"
	"math"
	"slices"

	"repmlp/convert/internal/affine"
	"repmlp/fuse"
)

// overflows says where a run of scales that does not fit its type has to be cut: at each
// step at which what they multiply to, counted from the cut before, leaves the type. So all
// cuts of a long run are known at once. Where none is found it is err.
func overflows(s *affine.Segment, err error) error {
	if len(affine.ValueErrors(err)) == 0 || len(s.Steps) < 2 {
		return err
	}
	var all []error
	var product []float64
	for _, a := range s.Steps {
		scale, ok := scaleOf(a)
		if !ok {
			return err
		}
		if product == nil || len(product) != len(scale) {
			product = slices.Repeat([]float64{1}, len(scale))
		}
		for c, v := range scale {
			product[c] = math.Abs(float64(product[c] * v))
		}
		if why := unstorable(product, s.To.Elem, a.Node()); why != nil {
			all, product = append(all, why), nil
		}
	}
	if len(all) == 0 {
		return err
	}
	return errors.Join(all...)
}

// scaleOf are the factors of a step for each channel; ok is false where it has others.
func scaleOf(a *affine.Affine) (scale []float64, ok bool) {
	d, ok := a.Op.(*affine.Diagonal)
	dims, known := a.Args[0].Shape()
	if !ok || !known || len(dims) < 2 {
		return nil, false
	}
	channels, number := dims[1].Int()
	if !number || channels < 1 || channels > math.MaxInt32 {
		return nil, false
	}
	k, err := d.Kernel(a.Node(), []*fuse.Kernel{fuse.Identity(int(channels), len(dims)-2)})
	if err != nil {
		return nil, false
	}
	return k.W, len(k.W) == int(channels)
}
