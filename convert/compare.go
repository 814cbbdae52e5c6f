package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"repmlp/internal/dims"
	"repmlp/internal/output"
	"repmlp/onnxio"
	"repmlp/verify"
)

// CompareFiles runs the models in two files, whoever made them, on the same inputs.
// The report's Output describes the candidate; its verdict is Equivalent, or with an
// error NotEquivalent or Failed. verify.Compare compares models in memory.
func CompareFiles(ctx context.Context, reference, candidate string, opts Options) (*Report, error) {
	j := newJob("verify", opts)
	j.report.Input, j.report.Output = &FileFacts{Path: reference}, &FileFacts{Path: candidate}
	return j.end(j.guarded(func() error { return j.compareFiles(ctx) }))
}

func (j *job) compareFiles(ctx context.Context) error {
	if j.invalid != nil {
		return j.invalid
	}
	if j.opts.SaveCase != "" {
		if err := output.CheckFolder(output.Target{Flag: "the folder", Path: j.opts.SaveCase}); err != nil {
			return err
		}
	}
	var sides [2]Side
	for i, facts := range []**FileFacts{&j.report.Input, &j.report.Output} {
		path := (*facts).Path
		m, err := j.openHashed(ctx, facts)
		if err != nil {
			return err
		}
		if err := m.CheckData(ctx); err != nil {
			return err
		}
		sides[i] = Side{m, func() (string, error) { return path, nil }}
	}
	if err := dims.Check(sides[0].Model, j.opts.Dims); err != nil {
		return err
	}
	err := j.opts.begin(ctx, "checking")
	if err == nil {
		err = j.compare(ctx, sides[0], sides[1], false)
	}
	if errors.Is(err, ErrNotEquivalent) && (j.opts.Locate || j.opts.SaveCase != "") {
		err = errors.Join(err, j.locate(ctx, sides[0].Model, sides[1].Model))
	}
	if err == nil {
		err = j.unseen(sides[0].Model, sides[1].Model)
	}
	if err == nil {
		err = j.unchanged()
	}
	if err == nil {
		j.report.Verdict = Equivalent
	}
	return advised(err, "verify needs an engine that runs every operator of both models; repmlp engines says which there are, and how to get others")
}

// unseen notes that constants of one name and shape differ where all outputs are the same
// numbers: the inputs did not reach what they are for.
func (j *job) unseen(ref, cand *onnxio.Model) error {
	for _, o := range j.report.Check.Outputs {
		if o.Is != string(verify.Identical) {
			return nil
		}
	}
	others := map[string]*onnxio.Tensor{}
	for _, t := range cand.Graph().Inits() {
		others[t.Name()] = t
	}
	first, n := "", 0
	for _, t := range ref.Graph().Inits() {
		u := others[t.Name()]
		if u == nil || t.DType() != u.DType() || !slices.Equal(t.Dims(), u.Dims()) {
			continue
		}
		a, err := t.Bytes()
		if err != nil {
			return err
		}
		b, err := u.Bytes()
		if err != nil {
			return err
		}
		if bytes.Equal(a, b) {
			continue
		}
		if n++; n == 1 {
			first = t.Name()
		}
	}
	if n > 0 {
		j.report.Warnings = append(j.report.Warnings, Warning{Code: "unseen_difference", Message: fmt.Sprintf("the outputs are the same numbers, and yet constants of one name differ, %d of them, such as %q: these inputs do not show what they are for; give others with --seed, --samples or --inputs, and repmlp inspect with both models lists them", n, first)})
	}
	return nil
}

// openHashed opens the model that facts name, and hashes its file where that is asked for.
func (j *job) openHashed(ctx context.Context, facts **FileFacts) (*onnxio.Model, error) {
	path := (*facts).Path
	m, err := j.open(ctx, path, facts)
	if err == nil && j.opts.Hashes {
		err = j.hash(ctx, path, &(*facts).SHA256)()
	}
	return m, err
}

// compare runs two whole models and notes the result. Where lenient, that nothing was
// compared is a warning.
func (j *job) compare(ctx context.Context, ref, cand Side, lenient bool) error {
	o, err := j.opts.comparison(), error(nil)
	o.Lenient = lenient
	if j.opts.Labels != "" {
		if o.Labels, err = verify.ReadLabels(j.opts.Labels); err != nil {
			return err
		}
	}
	c, engine, err := j.opts.Engine.Compare(ctx, ref, cand, o)
	if err != nil {
		return err
	}
	j.report.Check = describeCheck(c, engine, o)
	j.report.Warnings = append(j.report.Warnings, weakness(c, o)...)
	if more := quantising(cand.Model) - quantising(ref.Model); more > 0 {
		j.report.Warnings = append(j.report.Warnings, Warning{Code: "quantised", Message: fmt.Sprintf("the candidate has %d more operators that quantise than the reference: what it loses by that is no rounding of floats; say how much may be lost with --rtol, and look at the cosine and at how often both decide alike", more)})
	}
	switch {
	case !c.Passed && worstOf(c.Outputs) == "" && worstOf(c.Expected) != "":
		return fmt.Errorf("the models do not give what was expected: %s: %w", worstOutput(c), ErrNotEquivalent)
	case !c.Passed:
		return fmt.Errorf("the models differ: %s: %w", worstOutput(c), ErrNotEquivalent)
	case !lenient:
		return vacuous(c)
	}
	return nil
}

// quantising counts the operators of a model that calculate with integers for numbers.
func quantising(m *onnxio.Model) (n int) {
	for _, node := range m.Graph().Nodes() {
		switch op := node.OpType(); {
		case strings.HasPrefix(op, "QLinear"), strings.HasSuffix(op, "QuantizeLinear"), strings.HasSuffix(op, "Integer"), op == "DequantizeLinear":
			n++
		}
	}
	return n
}
