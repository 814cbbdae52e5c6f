package convert

import (
	"context"

	"repmlp/onnxio"
)

// Spellings that only auto chooses.
const (
	FCColumns = fcColumns
	FCSplit   = fcSplit
)

// A Result is what the insides of a conversion made.
type Result = result

// Convert converts in memory; without a prover it proves nothing, and it does not
// run the whole models.
func Convert(ctx context.Context, m *onnxio.Model, opts Options) (*Result, error) {
	return inMemory(ctx, m, opts)
}

// ToFile is Convert to a file without its name.
func ToFile(ctx context.Context, m *onnxio.Model, path string, opts Options) (*Result, *onnxio.Pending, error) {
	return toFile(ctx, m, path, opts)
}

// PlanModel plans without weights.
func PlanModel(m *onnxio.Model, opts Options) (*Plan, error) {
	res, err := planOnly(context.Background(), m, opts)
	if err != nil {
		return nil, err
	}
	return res.Plan, nil
}

// PlanValues plans with weights.
func PlanValues(ctx context.Context, m *onnxio.Model, opts Options) (*Plan, error) {
	res, err := planValues(ctx, m, opts)
	if err != nil {
		return nil, err
	}
	return res.Plan, nil
}

// CountOps counts the operators of the main graph.
func CountOps(m *onnxio.Model) map[string]int { return countOps(m) }
