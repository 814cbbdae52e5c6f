package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
)

// verifyPairs compares models with what conversions made of them. One that fails does not
// stop the others.
func (a *app) verifyPairs(cmd *cobra.Command, s *settings, args []string) error {
	for _, flag := range []string{"save-inputs", "save-outputs", "save-case", "labels"} {
		if cmd.Flags().Changed(flag) {
			return wrongUse(cmd, fmt.Errorf("--%s is for one pair of models", flag))
		}
	}
	if err := a.checkSeveral(cmd, s); err != nil {
		return err
	}
	models, err := modelsOf(args)
	if err != nil {
		return err
	}
	var jobs []*job
	var reports targets
	read := models
	for _, in := range models {
		j := a.newJob(s, in, verifyPair)
		jobs, read, reports = append(jobs, j), append(read, j.out), append(reports, j.settings.outputs()...)
	}
	if err := output.Spare(read, reports...); err != nil {
		return err
	}
	a.work(cmd, s, jobs)
	return a.worst(s, jobs, pairsTable)
}

// verifyPair is verify that says which models differ.
func verifyPair(a *app, cmd *cobra.Command, s *settings, reference, candidate string) (*convert.Report, error) {
	r, err := a.verify(cmd, s, reference, candidate)
	if errors.Is(err, convert.ErrNotEquivalent) {
		err = fmt.Errorf("%q and %q: %w", reference, candidate, err)
	}
	return r, err
}

// pairsTable has a line for each pair, and what it comes to.
func pairsTable(jobs []*job) (g grid, last string) {
	g = grid{columns: []column{{title: "model", cuts: true}, {title: "verdict"}, {title: "largest difference", right: true}, {title: "compared with", cuts: true}}}
	equal := 0
	for _, j := range jobs {
		verdict, differ := convert.Failed, ""
		if r := j.report; r != nil && r.Verdict != "" {
			verdict, differ = r.Verdict, largest(r)
		}
		if j.code == exitDone {
			equal++
		}
		g.add(name(j.in), said(verdict), differ, name(j.out))
	}
	return g, fmt.Sprintf("%d of %s equivalent", equal, plural(len(jobs), "pair"))
}
