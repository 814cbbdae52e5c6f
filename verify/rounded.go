package verify

import (
	"fmt"
	"slices"

	"repmlp/onnxio"
)

// CheckRounded compares stored 16-bit weights with the float64 numbers that
// they were rounded from, element by element.
func CheckRounded(m *onnxio.Model, exact map[string]func() ([]float64, error)) error {
	names := make([]string, 0, len(exact))
	for name := range exact {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, t := range m.Graph().Inits() {
		compute, ok := exact[t.Name()]
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
		b, err := onnxio.EncodeFloat64(want, t.DType())
		if err != nil {
			return err
		}
		if !slices.Equal(have, b) {
			return fmt.Errorf("comparing weight %q: the stored numbers are not the rounded ones", t.Name())
		}
	}
	return nil
}

// Roundoff returns u and η of a float type: a number that is stored is off by at most u of its
// size, and η where it underflows.
func Roundoff(d onnxio.DType) (u, eta float64) {
	r := roundingOf(d)
	return r.unit, r.eta
}
