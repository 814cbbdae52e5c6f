package convert

import (
	"context"
	"fmt"
	"path/filepath"

	"repmlp/convert/internal/differ"
	"repmlp/internal/output"
	"repmlp/onnxio"
	"repmlp/verify"
)

// A Located is where two models begin to differ: the first value that both have and that
// differs by more than rounding explains, and the smallest piece of both that shows it.
type Located struct {
	Value      string          `json:"value"`
	Run        int             `json:"run"` // of the comparison, from 0
	Shape      []int           `json:"shape"`
	Other      []int           `json:"other_shape,omitempty"` // the candidate's, where it is another
	MaxAbs     Number          `json:"max_abs"`
	MaxRel     Number          `json:"max_rel"` // of its largest magnitude in the reference
	Allowed    Number          `json:"allowed"` // absolute
	Noise      Number          `json:"noise"`   // largest rounding error of the reference there
	Opposed    int64           `json:"opposed,omitempty"`
	WorstIndex []int           `json:"worst_index,omitempty"`
	Worst      []Number        `json:"worst,omitempty"` // there, of both models
	Compared   int             `json:"compared"`        // values that both models have
	Reshaped   int             `json:"reshaped"`        // names that both models have for values of two shapes or types
	From       []string        `json:"from"`            // what the piece makes the value of
	Reference  []LocatedNode   `json:"reference_nodes"`
	Candidate  []LocatedNode   `json:"candidate_nodes"`
	Weights    []LocatedWeight `json:"weights,omitempty"` // constants of one name in both pieces that differ
	Alone      bool            `json:"alone"`             // the piece differs where both models read the reference's values
	Paired     bool            `json:"paired,omitempty"`  // values were paired by their place, and are called as in the reference
	Saved      string          `json:"saved,omitempty"`   // the folder that holds the piece
}

// A LocatedWeight is a constant that two pieces have by one name and that differs.
type LocatedWeight struct {
	Name       string   `json:"name"`
	MaxAbs     Number   `json:"max_abs"`
	WorstIndex []int    `json:"worst_index"`
	Worst      []Number `json:"worst"` // there, of both models
}

// A LocatedNode is a node of a piece.
type LocatedNode struct {
	Name string `json:"name"`
	Op   string `json:"op"`
}

// locate looks for the place where two models begin to differ, and writes the piece that
// shows it where that is asked for. What keeps it from that is a warning: the models
// differ, whether or not anybody sees where.
func (j *job) locate(ctx context.Context, ref, cand *onnxio.Model) error {
	o := j.opts.comparison()
	o.Progress = j.opts.progress("locating")
	if err := j.opts.begin(ctx, "locating"); err != nil {
		return err
	}
	var found *verify.Location
	var err error
	if o.ByPosition {
		o.ByPosition = false
		ref, cand, err = calledAlike(ctx, ref, cand)
	}
	if err == nil {
		found, err = verify.Locate(ctx, ref, cand, o)
	}
	if ended(err) {
		return err
	}
	note := func(text string) {
		j.report.Warnings = append(j.report.Warnings, Warning{Code: "not_located", Message: text})
	}
	switch {
	case err != nil:
		note("no value was named: " + err.Error())
	case found == nil:
		note("no value was named: run by the Go engine, the outputs of both models agree")
	default:
		j.report.Located = describeLocation(found)
		j.report.Located.Paired = j.opts.ByPosition
		if j.opts.SaveCase != "" {
			return j.saveCase(ctx, found.Case)
		}
	}
	return nil
}

// calledAlike are two models without functions whose inputs and outputs belong together by
// their place, in the candidate under the reference's names, and so is whatever else has
// the same place in both.
func calledAlike(ctx context.Context, ref, cand *onnxio.Model) (_, renamed *onnxio.Model, err error) {
	if ref, err = ref.Plain(); err != nil {
		return nil, nil, err
	}
	if cand, err = cand.Plain(); err != nil {
		return nil, nil, err
	}
	names, err := differ.Names(ctx, ref, cand)
	if err == nil {
		renamed, err = cand.Renamed(names)
	}
	return ref, renamed, err
}

// saveCase writes a piece, all of it or nothing.
func (j *job) saveCase(ctx context.Context, c *verify.Case) error {
	dir := j.opts.SaveCase
	folder, err := output.CreateFolder(filepath.Dir(filepath.Clean(dir)))
	if err == nil {
		defer folder.Remove()
		if err = c.Save(ctx, folder.Path); err == nil {
			err = folder.Commit(dir)
		}
	}
	if err != nil {
		return fmt.Errorf("writing the piece that differs to %q: %w", dir, err)
	}
	j.report.Located.Saved = dir
	return nil
}

func describeLocation(l *verify.Location) *Located {
	d := l.Difference
	out := &Located{Value: d.Name, Run: l.Run, Shape: d.Shape, Other: d.Other, MaxAbs: Number(d.MaxAbs), MaxRel: Number(d.MaxRel), Allowed: Number(l.Limit), Noise: Number(l.Noise),
		Opposed: d.Opposed, WorstIndex: d.Worst, Compared: l.Values, Reshaped: l.Reshaped, From: l.From, Alone: l.Alone,
		Reference: describeNodes(l.Reference), Candidate: describeNodes(l.Candidate)}
	if d.Worst != nil {
		out.Worst = []Number{Number(d.Values[0]), Number(d.Values[1])}
	}
	for _, w := range l.Weights {
		out.Weights = append(out.Weights, LocatedWeight{w.Name, Number(w.MaxAbs), w.Worst, []Number{Number(w.Values[0]), Number(w.Values[1])}})
	}
	return out
}

func describeNodes(nodes []*onnxio.Node) (list []LocatedNode) {
	for _, n := range nodes {
		list = append(list, LocatedNode{n.Title(), operator(n)})
	}
	return list
}
