package convert

import (
	"context"

	"repmlp/convert/internal/explain"
	"repmlp/convert/internal/layer"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
)

// Spellings that only auto chooses.
const (
	FCColumns = FC(layer.Columns)
	FCSplit   = FC(layer.Split)
)

// A Plan is what there is to tell of a plan.
type Plan = summary

// A Result is what the insides of a conversion made.
type Result = result

// Convert converts in memory; without a prover it proves nothing, and it does not
// run the whole models.
func Convert(ctx context.Context, m *onnxio.Model, opts Options) (*Result, error) {
	opts.checks = true
	return inMemory(ctx, m, opts)
}

// Tampered converts, and compares with the original what change makes of the result.
func Tampered(ctx context.Context, m *onnxio.Model, opts Options, change func(*onnxio.Model) *onnxio.Model) error {
	_, err := run(ctx, m, opts, func(c *conversion) error {
		if err := c.res.Model.Compute(ctx); err != nil {
			return err
		}
		return c.rest(change(c.res.Model))
	})
	return err
}

// ToFile is Convert to a file without its name.
func ToFile(ctx context.Context, m *onnxio.Model, path string, opts Options) (*Result, *onnxio.Pending, error) {
	opts.checks = true
	return toFile(ctx, m, path, opts)
}

// PlanModel plans without weights.
func PlanModel(m *onnxio.Model, opts Options) (*Plan, error) {
	opts.checks = true
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

// DeclinesPage is docs/declines.md, FamiliesPage docs/families.md.
func DeclinesPage() string { return reason.Page() }

// FamiliesPage is docs/families.md.
func FamiliesPage() string { return explain.FamiliesPage() }

// Families lists the families of blocks.
func Families() []explain.Family { return explain.Families() }

// AllKindred lists the further blocks of the page about families.
func AllKindred() []explain.Kindred { return explain.AllKindred() }
