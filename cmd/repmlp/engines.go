package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"repmlp/convert"
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

// engineName is what --engine asks for.
func (s *settings) engineName() (engineName, error) {
	switch e := engineName(s.engine); e {
	case engineGo:
		if s.ortLib != "" {
			return "", coded(exitUsage, errors.New("--ort-lib is not for --engine go"))
		}
		return e, nil
	case engineAuto, engineORT:
		return e, nil
	}
	return "", coded(exitUsage, fmt.Errorf("--engine %q: choose auto, go or ort", s.engine))
}

// library is ONNX Runtime. Where this build cannot load it and another can, the error
// hands the run over.
func (s *settings) library() (*ort.Library, error) {
	if err := hasCompanion(); err != nil {
		return nil, err
	}
	lib, err := ort.Open(ort.Find(s.ortLib, os.Getenv))
	return lib, withOldest(err)
}

// oldestORT is the first ONNX Runtime that has the API that the binding asks for, 24
// (ORT_API_VERSION of its onnxruntime_c_api.h). Later ones keep it.
const oldestORT = "1.24"

// withOldest says beside how to get ONNX Runtime which ones will do.
func withOldest(err error) error {
	if h, ok := errors.AsType[*onnxio.Hint](err); ok {
		return &onnxio.Hint{Err: err, Advice: "it has to be " + oldestORT + " or newer; " + h.Advice}
	}
	return err
}

// An engine compares two models with what --engine asks for.
type engine struct {
	app *app
	*settings
}

// runners opens both sides in ONNX Runtime, without its optimisations: as an
// oracle the graph as it stands counts.
// The first side is opened a second time with them, which rounds otherwise.
func (e *engine) runners(sides ...convert.Side) (rs []verify.Runner, name string, end func(), err error) {
	lib, err := e.library()
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
		path, err := s.File()
		var session *ort.Session
		if err == nil {
			session, err = lib.Session(path, s.Model, ort.Options{Plain: true})
		}
		if err != nil {
			end()
			return nil, "", nil, err
		}
		open = append(open, session)
		rs = append(rs, session)
	}
	if path, err := sides[0].File(); err == nil {
		// Where the optimised model does not load, the noise is measured without it.
		if session, err := lib.Session(path, sides[0].Model, ort.Options{}); err == nil {
			open, rs = append(open, session), append(rs, session)
		}
	}
	return rs, "onnxruntime " + lib.Version, end, nil
}

// Compare is convert.Engine. auto falls back on ONNX Runtime where the Go engine
// lacks something, and says so.
func (e *engine) Compare(ctx context.Context, ref, cand convert.Side, o verify.CompareOptions) (*verify.Comparison, string, error) {
	name, err := e.engineName()
	if err != nil {
		return nil, "", err
	}
	var lacks *verify.Unsupported
	if name != engineORT {
		c, err := verify.Compare(ctx, ref.Model, cand.Model, o)
		var ok bool
		lacks, ok = errors.AsType[*verify.Unsupported](err)
		if !ok || name == engineGo || len(ort.Find(e.ortLib, os.Getenv)) == 0 {
			return c, "go", err
		}
		if h := hasCompanion(); h != nil {
			return nil, "", h
		}
		if !ort.Available {
			return c, "go", err
		}
		if !e.app.quiet {
			e.app.warn(lacks.Error()+"; running both models with ONNX Runtime instead", "")
		}
	}
	rs, engine, end, err := e.runners(ref, cand)
	if err != nil && lacks != nil {
		return nil, "", fmt.Errorf("%w; ONNX Runtime cannot run it either: %v", lacks, err)
	}
	if err != nil {
		return nil, "", err
	}
	defer end()
	o.Ref, o.Cand, o.Again = rs[0], rs[1], rs[2:]
	c, err := verify.Compare(ctx, ref.Model, cand.Model, o)
	return c, engine, err
}

func (a *app) enginesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "engines",
		Short: "The engines that can run a model on this machine, and how to get the missing ones",
		Args:  exactly(),
	}
	s := flagged(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		lib, err := s.library()
		if _, ok := handedOver(err); ok {
			return err
		}
		fmt.Fprintln(a.out, "go   built in; float32 and float64; the default")
		if err != nil {
			fmt.Fprintf(a.out, "ort  not usable: %s\n", sentence(err))
			if advice := onnxio.Advice(err); advice != "" {
				fmt.Fprintf(a.out, "     %s\n", message(advice))
			}
			for _, p := range ort.Find(s.ortLib, os.Getenv) {
				fmt.Fprintf(a.out, "     found %s (%s)\n", message(p.Path), p.From)
			}
			return nil
		}
		fmt.Fprintf(a.out, "ort  ONNX Runtime %s, %s\n", lib.Version, message(lib.Path))
		return nil
	}
	return cmd
}
