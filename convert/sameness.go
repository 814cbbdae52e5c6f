package convert

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"repmlp/convert/internal/edit"
	"repmlp/convert/internal/identical"
	"repmlp/onnxio"
	"repmlp/onnxio/graph"
)

// rest shows that the written model is the original but for what was proved: all that is
// outside of the merges is what it was, weights to the bit, and what is not there any more is
// not needed, does nothing, or is a constant that stands in its place. It asks neither the
// edit nor tidying what they did: values get numbers by what they compute, first in the
// original, then in the merged model, in which what is claimed of merges counts, then in the
// one that was written.
func (c *conversion) rest(written *onnxio.Model) error {
	defer c.clock("proof", time.Now())
	claims := map[string]edit.Due{}
	for _, due := range c.written.Due(c.plan.Regions, c.base) {
		claims[due.Claim.Output] = due
	}
	merged := written
	if c.res.Model != c.merged { // the one before it was tidied has the values that claims are about
		merged = c.proved(written)
	}
	same := map[string]string{} // values of the original that are others of it, because that is proved
	for {
		table := identical.NewTable()
		first, err := c.opts.number(table, c.base.Model, func(s *identical.Side, v *graph.Value, _ identical.Class) identical.Class {
			if other, ok := same[v.Name]; ok {
				return s.Named(other)
			}
			return 0
		})
		if err != nil {
			return err
		}
		var broken error
		joined := len(same)
		if _, err := c.opts.number(table, merged, func(s *identical.Side, v *graph.Value, k identical.Class) identical.Class {
			due, ok := claims[v.Name]
			if !ok {
				return 0
			}
			for _, in := range due.Claim.Inputs {
				if k := first.Named(in); k == 0 || k != s.Named(in) {
					broken = fmt.Errorf("%q is proved from %q, which is not what it was", v.Name, in)
					return 0
				}
			}
			known := first.Named(v.Name)
			if k != known && first.Has(k) { // it does nothing
				a, b := first.First(k), first.Graph.Value(v.Name)
				if behind(a, b) {
					a, b = b, a
				}
				same[b.Name] = a.Name
			}
			return known
		}); err != nil {
			return err
		}
		if len(same) == joined {
			return c.opts.rest(c.res, table, first, c.base.Model, written, broken)
		}
	}
}

// shown makes a warning of a difference that was found by structure, where the whole models
// are compared as well: it may be one of what nodes say, such as two ways to compute a
// constant, and no difference of what they compute.
func (o Options) shown(res *result, err error) error {
	if o.checks || !errors.Is(err, ErrNotEquivalent) {
		return err
	}
	text := strings.TrimSuffix(err.Error(), ": "+ErrNotEquivalent.Error())
	if o.NoCheck {
		return fmt.Errorf("%s; that it computes the same was not shown by structure, and the comparison of the whole models, which could show it, is left out: %w", text, ErrNotEquivalent)
	}
	res.Plan.Warnings = append(res.Plan.Warnings, Warning{Code: "not_shown_identical", Message: text + "; that it computes the same was not shown by structure, and rests on the comparison of the whole models"})
	return nil
}

// behind reports whether a node makes a behind the one that makes b.
func behind(a, b *graph.Value) bool {
	return a.Producer != nil && (b.Producer == nil || a.Producer.Index > b.Producer.Index)
}

// rest numbers the written model and compares it with the original. broken is what is already
// known to be wrong, of merges.
func (o Options) rest(res *result, table *identical.Table, first *identical.Side, original, written *onnxio.Model, broken error) error {
	last, err := o.number(table, written, nil)
	if err != nil {
		return err
	}
	differ := append(identical.Frame(original, written, o.FreezeInputs), last.Differences(first)...)
	if len(differ) > 0 {
		if broken != nil {
			differ = append(differ, broken.Error())
		}
		return fmt.Errorf("comparing what is not merged with the original: %s: %w", strings.Join(differ, "; "), ErrNotEquivalent)
	}
	n := Identical(last.Count(first))
	res.Identical = &n
	return nil
}

// unmerged shows that a model in which nothing was merged was written as it is.
func (o Options) unmerged(res *result, written *onnxio.Model) error {
	if a, b := res.Baseline.FileBytes(), written.FileBytes(); a != nil && bytes.Equal(a, b) && len(res.Baseline.ExternalFiles()) == 0 {
		return nil
	}
	original, err := res.Baseline.Plain()
	if err != nil {
		return err
	}
	plain, err := written.Plain()
	if err != nil {
		return err
	}
	table := identical.NewTable()
	first, err := o.number(table, original, nil)
	if err != nil {
		return err
	}
	return o.rest(res, table, first, original, plain, nil)
}

// number numbers the values of a model.
func (o Options) number(table *identical.Table, m *onnxio.Model, claim identical.Claim) (*identical.Side, error) {
	options := o.graph()
	options.Sure = true
	g, err := graph.New(m, options)
	if err != nil {
		return nil, fmt.Errorf("comparing what is not merged with the original: %w", err)
	}
	s, err := table.Number(g, claim)
	if err != nil {
		return nil, fmt.Errorf("comparing what is not merged with the original: %w", err)
	}
	return s, nil
}
