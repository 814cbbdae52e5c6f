package rules

import (
	"math"
	"sync"

	"repmlp/convert/internal/affine"
	"repmlp/convert/internal/reason"
	"repmlp/onnxio"
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

func explainBatchNorm(c *context, n *graph.Node) ([]*affine.Affine, *reason.Refusal) {
	if why := trains(n, c.g.Opset); why != nil {
		return nil, why
	}
	x := n.In[0]
	dims, ok := x.Shape()
	if !ok || len(dims) < 2 {
		return nil, nil // its channel axis is unknown
	}
	for i, v := range n.In[1:5] {
		if why := c.weightProblem(n, v); why != nil {
			if i >= 2 && why.Code == reason.WeightsNotConstant {
				why = reason.Refuse(reason.BatchStatistics, "mean and variance of %q are computed from data; export with model.eval() and track_running_stats", n.Title())
			}
			return nil, why
		}
	}
	for _, v := range n.In[1:5] {
		if k, ok := affine.ConstShape(v); !ok || len(k) != 1 || !dims[1].Is(int64(k[0])) {
			if _, fixed := dims[1].Int(); !ok || !fixed {
				return nil, nil // as many channels as are known at run time
			}
			return nil, reason.Refuse(reason.UnsupportedForm, "%q normalises %v channels with a parameter %q of shape %v", n.Title(), dims[1], v.Name, k)
		}
	}
	channels, _ := dims[1].Int()
	once := sync.OnceValues(func() (*normalised, error) { return c.normalise(n) })
	of := func(part func(*normalised) []float64) affine.Load {
		return func() ([]float64, error) {
			p, err := once()
			if err != nil {
				return nil, err
			}
			return part(p), nil
		}
	}
	return is(n, affine.NewNorm(len(dims), int(channels),
		of(func(p *normalised) []float64 { return p.scale }),
		of(func(p *normalised) []float64 { return p.shift }),
		of(func(p *normalised) []float64 { return p.sizes }), n.In[1:5]...), x), nil
}

// trains says why a BatchNormalization has no running statistics of one number for
// each channel; nil if it has.
func trains(n *graph.Node, opset int64) *reason.Refusal {
	switch {
	case n.Int("spatial", 1) == 0:
		return reason.Refuse(reason.UnsupportedForm, "BatchNormalization %q normalises every element by itself (spatial=0)", n.Title())
	case opset < 7 && n.Int("is_test", 0) == 0:
		return reason.Refuse(reason.BatchStatistics, "BatchNormalization %q is in training mode (is_test=0); export with model.eval() or use --batch-stats-as-inference", n.Title())
	case BatchStatistics(n.Node, opset):
		return reason.Refuse(reason.BatchStatistics, "BatchNormalization %q normalises with the statistics of the batch (training mode); export with model.eval() or use --batch-stats-as-inference", n.Title())
	}
	return nil
}

// BatchStatistics reports whether a BatchNormalization normalises with what it
// sees: is_test=0 below opset 7, further outputs up to 13, training_mode later.
func BatchStatistics(n *onnxio.Node, opset int64) bool {
	outs := 0
	for _, o := range n.Outputs() {
		if o != "" {
			outs++
		}
	}
	return n.Int("training_mode", 0) != 0 || outs > 1 || opset < 7 && n.Int("is_test", 0) == 0
}

// normalised is a BatchNorm as y = scale·x + shift; sizes are the magnitudes that
// the shift was added up from.
type normalised struct{ scale, shift, sizes []float64 }

func (c *context) normalise(n *graph.Node) (*normalised, error) {
	var v [4][]float64
	for i := range v {
		var err error
		if v[i], err = c.constants.Load(n.In[i+1])(); err != nil {
			return nil, err
		}
	}
	gamma, beta, mean, variance := v[0], v[1], v[2], v[3]
	eps := float64(n.Float("epsilon", 1e-5)) // a float32 in the file
	out := &normalised{make([]float64, len(gamma)), make([]float64, len(gamma)), make([]float64, len(gamma))}
	for i, g := range gamma {
		d := variance[i] + eps
		if !(d > 0) || math.IsInf(d, 0) {
			return nil, affine.Refusing(n, reason.BNInvalidVariance, "the variance of channel %d of %q is %g: with epsilon %g there is no square root to divide by; retrain or repair the layer", i, n.Title(), variance[i], eps)
		}
		s := g / math.Sqrt(d)
		out.scale[i], out.shift[i] = s, beta[i]-float64(s*mean[i])
		out.sizes[i] = math.Abs(beta[i]) + math.Abs(s*mean[i])
	}
	return out, nil
}
