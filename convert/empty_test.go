package convert_test

import (
	"context"
	"slices"
	"testing"

	"repmlp/onnxio"
	"repmlp/verify"
)

// A batch of no samples is legal, before and after.
func TestEmptyBatch(t *testing.T) {
	for _, name := range []string{"v2_dynN_13", "dyn_v1_dynN_noopt", "leg_v1_preserve_20_dynN", "dyn_light"} {
		m := testCase{Name: name}.load(t)
		res := convertModel(t, m)
		sizes, err := verify.ChooseSizes(m, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		in := m.Graph().Inputs()[0]
		shape := []int{}
		for _, d := range sizes[in.Name()] {
			shape = append(shape, int(d))
		}
		var shapes [][]int
		for _, x := range []*onnxio.Model{m, res.Model} {
			e, err := verify.NewEngine(x, verify.EngineOptions{})
			if err != nil {
				t.Fatal(err)
			}
			out, err := e.Run(context.Background(), map[string]*verify.Tensor{in.Name(): {DType: in.Elem(), Shape: shape, F32: []float32{}}})
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			shapes = append(shapes, out[x.Graph().Outputs()[0].Name()].Shape)
		}
		if len(shapes) == 2 && !slices.Equal(shapes[0], shapes[1]) {
			t.Errorf("%s: shapes %v before and after", name, shapes)
		}
	}
}
