package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

// An engineName says who runs models.
type engineName string

const (
	engineAuto engineName = "auto" // the Go engine; ONNX Runtime for models with an operator that it lacks
	engineGo   engineName = "go"
	engineORT  engineName = "ort"
)

// engineFlags choose who runs models.
type engineFlags struct {
	engine string
	ortLib string
}

func (f *engineFlags) add(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.engine, "engine", "auto", "`ENGINE` that runs the models: auto, go or ort (ONNX Runtime)")
	complete(cmd, "engine", words("auto", "go", "ort"))
	fl.StringVar(&f.ortLib, "ort-lib", "", "`FILE` of the ONNX Runtime library (default: where it is found, see repmlp engines)")
}

func (f *engineFlags) name() (engineName, error) {
	switch e := engineName(f.engine); e {
	case engineGo:
		if f.ortLib != "" {
			return "", coded(exitUsage, errors.New("--ort-lib is not for --engine go"))
		}
		return e, nil
	case engineAuto, engineORT:
		return e, nil
	}
	return "", coded(exitUsage, fmt.Errorf("--engine %q: choose auto, go or ort", f.engine))
}

func (f *engineFlags) library() (*ort.Library, error) { return ort.Open(ort.Find(f.ortLib, os.Getenv)) }

// A side is a model of a comparison, and how to get it as a file.
type side struct {
	model *onnxio.Model
	file  func() (string, error)
}

func atPath(m *onnxio.Model, path string) side {
	return side{m, func() (string, error) { return path, nil }}
}

// runners opens both sides in ONNX Runtime, without its optimisations: as an
// oracle the graph as it stands counts.
// The first side is opened a second time with them, which rounds otherwise.
func (f *engineFlags) runners(sides ...side) (rs []verify.Runner, name string, end func(), err error) {
	lib, err := f.library()
	if err != nil {
		return nil, "", nil, err
	}
	var open []*ort.Session
	end = func() {
		for _, s := range open {
			s.Close()
		}
	}
	for _, s := range sides {
		path, err := s.file()
		var session *ort.Session
		if err == nil {
			session, err = lib.Session(path, s.model, ort.Options{Plain: true})
		}
		if err != nil {
			end()
			return nil, "", nil, err
		}
		open = append(open, session)
		rs = append(rs, session)
	}
	if path, err := sides[0].file(); err == nil {
		// Where the optimised model does not load, the noise is measured without it.
		if session, err := lib.Session(path, sides[0].model, ort.Options{}); err == nil {
			open, rs = append(open, session), append(rs, session)
		}
	}
	return rs, "onnxruntime " + lib.Version, end, nil
}

// runBoth compares two models with the engine that was asked for. auto falls
// back on ONNX Runtime where the Go engine lacks something, and says so.
func (a *app) runBoth(ctx context.Context, f *engineFlags, o verify.CompareOptions, ref, cand side) (*verify.Comparison, string, error) {
	name, err := f.name()
	if err != nil {
		return nil, "", err
	}
	var lacks *verify.Unsupported
	if name != engineORT {
		c, err := verify.Compare(ctx, ref.model, cand.model, o)
		var ok bool
		lacks, ok = errors.AsType[*verify.Unsupported](err)
		if !ok || name == engineGo || !ort.Available || len(ort.Find(f.ortLib, os.Getenv)) == 0 {
			return c, "go", err
		}
		if !a.quiet {
			a.warn(lacks.Error()+"; running both models with ONNX Runtime instead", "")
		}
	}
	rs, engine, end, err := f.runners(ref, cand)
	if err != nil && lacks != nil {
		return nil, "", fmt.Errorf("%w; ONNX Runtime cannot run it either: %v", lacks, err)
	}
	if err != nil {
		return nil, "", err
	}
	defer end()
	o.Ref, o.Cand, o.Again = rs[0], rs[1], rs[2:]
	c, err := verify.Compare(ctx, ref.model, cand.model, o)
	return c, engine, err
}

func (a *app) enginesCommand() *cobra.Command {
	f := &engineFlags{}
	cmd := &cobra.Command{
		Use:   "engines",
		Short: "The engines that can run a model on this machine, and how to get the missing ones",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintln(a.out, "go   built in; float32 and float64; the default")
			lib, err := f.library()
			if err != nil {
				fmt.Fprintf(a.out, "ort  not usable: %s\n", sentence(err))
				if advice := onnxio.Advice(err); advice != "" {
					fmt.Fprintf(a.out, "     %s\n", message(advice))
				}
				for _, p := range ort.Find(f.ortLib, os.Getenv) {
					fmt.Fprintf(a.out, "     found %s (%s)\n", message(p.Path), p.From)
				}
				return nil
			}
			fmt.Fprintf(a.out, "ort  ONNX Runtime %s, %s\n", lib.Version, message(lib.Path))
			return nil
		},
	}
	cmd.Flags().StringVar(&f.ortLib, "ort-lib", "", "`FILE` of the ONNX Runtime library")
	return cmd
}
