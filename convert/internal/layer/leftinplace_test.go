package layer

import (
	"reflect"
	"testing"

	"repmlp/convert/internal/affine"
	"repmlp/onnxio/graph"
)

// Features along the last axis but one have rows behind them, and their groups right before.
func TestLastAxisButOne(t *testing.T) {
	const row, batch, group, feature, result = 1, 2, 3, 4, 5
	axes := func(atoms ...graph.Atom) (l graph.Layout) {
		for _, a := range atoms {
			l = append(l, []graph.Atom{a})
		}
		return l
	}
	for _, c := range []struct {
		in      graph.Layout
		grouped bool
		out     graph.Layout // nil: it is no such layout
	}{
		{axes(batch, feature, row), false, axes(batch, result, row)},
		{axes(batch, group, feature, row), true, axes(batch, group, result, row)},
		{axes(group, feature, row), true, axes(group, result, row)},
		{axes(batch, group, feature, row), false, axes(batch, group, result, row)},
		{axes(group, batch, feature, row), true, nil},
		{axes(batch, feature, group), true, nil},
		{axes(batch, feature, result), false, nil}, // what stands behind is no row
		{axes(feature, row), false, nil},
		{axes(batch, row, feature), false, nil},
		{axes(feature), false, nil},
		{nil, false, nil},
	} {
		m := &affine.Rows{In: c.in, Row: map[graph.Atom]bool{row: true, batch: true}, Feature: []graph.Atom{feature}, Result: []graph.Atom{result}}
		if c.grouped {
			m.Group = []graph.Atom{group}
		} else {
			m.Row[group] = true
		}
		e, ok := lastAxisButOne(m, nil)
		if ok != (c.out != nil) || ok && (!reflect.DeepEqual(e.x, c.in) || !reflect.DeepEqual(e.y, c.out)) {
			t.Errorf("%v, grouped %v: %v, %v", c.in, c.grouped, e, ok)
		}
	}
}
