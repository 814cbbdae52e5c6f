// Package dims checks bindings of named dimensions.
package dims

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// Check refuses sizes of dimensions that the model's inputs do not have.
func Check(m *onnxio.Model, dims map[string]int64) error {
	if len(dims) == 0 {
		return nil
	}
	var known []string // in the order of the inputs
	has := map[string]bool{}
	for _, v := range m.Graph().Inputs() {
		for _, d := range v.Dims() {
			if d.Param != "" && !has[d.Param] {
				has[d.Param] = true
				known = append(known, d.Param)
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(dims)) {
		if has[d] {
			continue
		}
		err := fmt.Errorf("--dim %s=%d: the model's inputs have no dimension called %q", d, dims[d], d)
		if len(known) == 0 {
			return &onnxio.Hint{Err: err, Advice: "they have no named dimensions at all"}
		}
		return &onnxio.Hint{Err: err, Advice: "there are: " + strings.Join(known, ", ")}
	}
	return nil
}
