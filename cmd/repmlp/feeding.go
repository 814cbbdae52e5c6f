package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"repmlp/convert"
	"repmlp/internal/output"
	"repmlp/verify"
)

// feeding is what the flags say of the inputs, of what is saved of a run, and of what
// belongs together in two models.
func (s *settings) feeding(cmd *cobra.Command, o *convert.Options) (err error) {
	given := cmd.Flags().Changed
	if given("val-range") && len(s.inputs) > 0 {
		return wrongUse(cmd, errors.New("--val-range is for random inputs; --inputs holds its own numbers"))
	}
	if given("labels") && len(s.inputs) == 0 {
		return wrongUse(cmd, errors.New("--labels are the classes of real inputs; give these with --inputs"))
	}
	for _, flag := range []string{"mean", "std", "size", "layout"} {
		if given(flag) && len(s.inputs) == 0 {
			return wrongUse(cmd, fmt.Errorf("--%s is for images; give these with --inputs", flag))
		}
	}
	if o.Images, err = s.imageOptions(); err != nil {
		return err
	}
	for flag, path := range map[string]string{"save-inputs": s.saveInputs, "save-outputs": s.saveOutputs} {
		if given(flag) && path == "" {
			return coded(exitUsage, fmt.Errorf("--%s: an empty name", flag))
		}
	}
	if s.saveInputs != "" && !strings.EqualFold(filepath.Ext(s.saveInputs), ".npz") {
		return coded(exitUsage, fmt.Errorf("--save-inputs %q: name a file that ends in .npz, which --inputs reads", s.saveInputs))
	}
	o.SaveInputs, o.SaveOutputs = s.saveInputs, s.saveOutputs
	switch s.match {
	case "", "name": // "": the command has no such flag
	case "position":
		o.ByPosition = true
	default:
		return coded(exitUsage, fmt.Errorf("--match %q: choose name or position", s.match))
	}
	o.Cast, o.Stress = s.castInputs, s.stress
	if s.locate && o.Cast {
		return wrongUse(cmd, errors.New("--locate compares values of one type, so it does not go with --cast-inputs"))
	}
	return nil
}

// imageOptions are how images become inputs.
func (s *settings) imageOptions() (o verify.ImageOptions, err error) {
	if o.Mean, err = numbers("mean", s.mean); err != nil {
		return o, err
	}
	if o.Std, err = numbers("std", s.std); err != nil {
		return o, err
	}
	switch o.Layout = strings.ToLower(s.layout); o.Layout {
	case "", "nchw", "nhwc":
	default:
		return o, coded(exitUsage, fmt.Errorf("--layout %q: choose nchw or nhwc", s.layout))
	}
	if s.size == "" {
		return o, nil
	}
	high, wide, ok := strings.Cut(strings.ToLower(s.size), "x")
	if !ok {
		wide = high
	}
	h, err := strconv.ParseUint(high, 10, 16)
	w, also := strconv.ParseUint(wide, 10, 16)
	if err != nil || also != nil || h == 0 || w == 0 {
		return o, coded(exitUsage, fmt.Errorf("--size %q: write it as 224 or HEIGHTxWIDTH", s.size))
	}
	o.Height, o.Width = int(h), int(w)
	return o, nil
}

// numbers reads a list of numbers.
func numbers(flag, text string) (out []float64, err error) {
	if text == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || v-v != 0 {
			return nil, coded(exitUsage, fmt.Errorf("--%s %q: write it as one number, or one for each channel as 0.485,0.456,0.406", flag, text))
		}
		out = append(out, v)
	}
	return out, nil
}

// newFolders are the folders that a comparison makes.
func (s *settings) newFolders() (list []output.Target) {
	if s.saveCase != "" {
		list = append(list, output.Target{Flag: "--save-case", Path: s.saveCase})
	}
	if s.makesOutputs() {
		list = append(list, output.Target{Flag: "--save-outputs", Path: s.saveOutputs})
	}
	return list
}

// makesOutputs reports whether the folder for outputs is to be made.
func (s *settings) makesOutputs() bool {
	_, err := os.Lstat(s.saveOutputs)
	return s.saveOutputs != "" && errors.Is(err, fs.ErrNotExist)
}

// saved are the files of inputs and outputs that a comparison writes into folders that
// are there.
func (s *settings) saved() (out targets) {
	if s.saveInputs != "" {
		out = append(out, output.Target{Flag: "--save-inputs", Path: s.saveInputs})
	}
	if s.saveOutputs != "" && !s.makesOutputs() {
		for _, p := range verify.SavedOutputs(s.saveOutputs) {
			out = append(out, output.Target{Flag: "--save-outputs", Path: p})
		}
	}
	return out
}
