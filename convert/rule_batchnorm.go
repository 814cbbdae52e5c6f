package convert

import (
	"math"
	"sync"

	"repmlp/fuse"
	"repmlp/onnxio/graph"
)

// BatchNormalization with running statistics scales and shifts channels.
var batchNormRule = rule{
	Doc: Doc{Name: "batchnorm", Title: "BatchNormalization as scale and shift",
		Formula: "y = s·x + t   s = γ/√(σ²+ε), t = β − s·μ   (ONNX BatchNormalization, inference)",
		When:    "mean and variance are constants, σ²+ε > 0",
		Example: "the BN of FC3, of every local conv, of the global perceptron"},
	ops:     []string{"BatchNormalization"},
	explain: explainBatchNorm,
}

func explainBatchNorm(c *explainer, n *graph.Node) (*step, *refusal) {
	if n.Int("spatial", 1) == 0 {
		return nil, refuse("unsupported_form", "BatchNormalization %q normalises every element by itself (spatial=0)", n.Title())
	}
	if c.g.Opset < 7 && n.Int("is_test", 0) == 0 {
		return nil, refuse("batch_statistics", "BatchNormalization %q is in training mode (is_test=0); export with model.eval() or use --batch-stats-as-inference", n.Title())
	}
	if batchStatistics(n.Node, c.g.Opset) {
		return nil, refuse("batch_statistics", "BatchNormalization %q normalises with the statistics of the batch (training mode); export with model.eval() or use --batch-stats-as-inference", n.Title())
	}
	x := n.In[0]
	dims, ok := x.Shape()
	if !ok || len(dims) < 2 {
		return nil, nil // its channel axis is unknown
	}
	for i, v := range n.In[1:5] {
		if why := c.weightProblem(n, v); why != nil {
			if i >= 2 && why.Code == "weights_not_constant" {
				why = refuse("batch_statistics", "mean and variance of %q are computed from data; export with model.eval() and track_running_stats", n.Title())
			}
			return nil, why
		}
	}
	for _, v := range n.In[1:5] {
		if k, ok := constShape(v); !ok || len(k) != 1 || !dims[1].Is(int64(k[0])) {
			if _, fixed := dims[1].Int(); !ok || !fixed {
				return nil, nil // as many channels as are known at run time
			}
			return nil, refuse("unsupported_form", "%q normalises %v channels with a parameter %q of shape %v", n.Title(), dims[1], v.Name, k)
		}
	}
	// An axis of size one has no atom, so its scale must not have one either.
	once := sync.OnceValues(func() (*normalised, error) { return c.normalise(n) })
	scale := func() ([]float64, error) {
		p, err := once()
		if err != nil {
			return nil, err
		}
		return p.scale, nil
	}
	shift := func() ([]float64, error) {
		p, err := once()
		if err != nil {
			return nil, err
		}
		return p.shift, nil
	}
	s := &step{args: []*graph.Value{x}, weights: n.In[1:5], kind: diagStep, needsMap: true, perChannel: true}
	s.trace = func(t *tracer, in []traced) (traced, *refusal) {
		axis := in[0].layout[1]
		return t.diagonal(in[0], &array{axis, scale, nil}, &array{axis, shift, nil}), nil
	}
	s.window = func(in []mapState) (mapState, *refusal) {
		if len(in[0].order) < 2 || in[0].order[1] != 1 {
			return in[0], refuse("", "%q scales another axis than the channels", n.Title())
		}
		return in[0].scaledBy(func() (scale, shift, sizes []float64, err error) {
			p, err := once()
			if err != nil {
				return nil, nil, nil, err
			}
			return p.scale, p.shift, p.sizes, nil
		}).shifted(n), nil
	}
	s.kernel = func(in []*fuse.Kernel) (*fuse.Kernel, error) {
		p, err := once()
		if err != nil {
			return nil, err
		}
		return in[0].Scaled(p.scale, p.shift), nil
	}
	return s, nil
}

// normalised is a BatchNorm as y = scale·x + shift; sizes are the magnitudes that
// the shift was added up from.
type normalised struct{ scale, shift, sizes []float64 }

// A valueError is a weight whose numbers forbid a merge.
type valueError struct {
	refusal
	node *graph.Node
}

func (e *valueError) Error() string { return e.Message }

func (c *explainer) normalise(n *graph.Node) (*normalised, error) {
	var v [4][]float64
	for i := range v {
		var err error
		if v[i], err = c.weight(n.In[i+1])(); err != nil {
			return nil, err
		}
	}
	eps := float64(n.Float("epsilon", 1e-5)) // a float32 in the file
	out := &normalised{make([]float64, len(v[0])), make([]float64, len(v[0])), make([]float64, len(v[0]))}
	for i, gamma := range v[0] {
		d := v[3][i] + eps
		if !(d > 0) || math.IsInf(d, 0) {
			return nil, &valueError{*refuse("bn_invalid_variance", "the variance of channel %d of %q is %g: with epsilon %g there is no square root to divide by; retrain or repair the layer", i, n.Title(), v[3][i], eps), n}
		}
		s := gamma / math.Sqrt(d)
		out.scale[i], out.shift[i] = s, v[1][i]-s*v[2][i]
		out.sizes[i] = math.Abs(v[1][i]) + math.Abs(s*v[2][i])
	}
	return out, nil
}
