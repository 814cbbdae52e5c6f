package rules

import (
	"strings"

	"repmlp/convert/internal/reason"
	"repmlp/onnxio/graph"
)

// weightProblem says why v cannot be a weight; nil if it can.
func (c *context) weightProblem(n *graph.Node, v *graph.Value) *reason.Refusal {
	if c.g.IsConst(v) {
		return nil
	}
	at := c.g.Cause(v)
	made := at.Value != v && at.Value != nil // of something that is no constant
	switch at.Kind {
	case graph.SparseValue:
		if made {
			return reason.Refuse(reason.SparseInitializer, "the weight %q of %q is computed from %q, which is stored sparse; store it dense to have it merged", v.Name, n.Title(), at.Value.Name)
		}
		return reason.Refuse(reason.SparseInitializer, "the weight %q of %q is stored sparse; store it dense to have it merged", v.Name, n.Title())
	case graph.Overridable:
		if made {
			return reason.Refuse(reason.WeightsAreGraphInputs, "the weight %q of %q is computed from %q, which has a default but is a graph input, which callers may override; --freeze-inputs treats it as constant", v.Name, n.Title(), at.Value.Name)
		}
		return reason.Refuse(reason.WeightsAreGraphInputs, "the weight %q of %q has a default but is a graph input, which callers may override; --freeze-inputs treats it as constant", v.Name, n.Title())
	case graph.Quantized:
		if v.Producer.OpType() == "DequantizeLinear" {
			return reason.Refuse(reason.QuantizedWeight, "the weight %q of %q is dequantised by %q; --fold-dequantize merges its float value", v.Name, n.Title(), v.Producer.Title())
		}
		return reason.Refuse(reason.QuantizedWeight, "the weight %q of %q is computed from what %q (%s) makes; --fold-dequantize merges its float value", v.Name, n.Title(), at.Node.Title(), at.Node.OpType())
	case graph.Random:
		return reason.Refuse(reason.WeightsNotConstant, "the weight %q of %q comes from %q (%s), which is random in every run; export the model with its parameters", v.Name, n.Title(), at.Node.Title(), at.Node.OpType())
	case graph.Foreign:
		return reason.Refuse(reason.UnknownOp, "the weight %q of %q comes from %q, which has the operator %s, which neither ONNX nor the file's functions define; see which exporter writes it and export again", v.Name, n.Title(), at.Node.Title(), strings.TrimPrefix(at.Node.Domain()+"."+at.Node.OpType(), "."))
	case graph.Unworked:
		if at.Node == nil {
			return reason.Refuse(reason.UnsupportedForm, "the weight %q of %q comes from %q, which is not worked out: %s; export it as float", v.Name, n.Title(), at.Value.Name, at.Why)
		}
		return reason.Refuse(reason.UnsupportedForm, "the weight %q of %q comes from %q (%s), which is not worked out: %s; export the model with its constants folded", v.Name, n.Title(), at.Node.Title(), at.Node.OpType(), at.Why)
	}
	switch {
	case v.Producer != nil && v.Producer.OpType() == "DequantizeLinear":
		return reason.Refuse(reason.QuantizedWeight, "the weight %q of %q is dequantised by %q from data; export the model with its parameters", v.Name, n.Title(), v.Producer.Title())
	case v.Producer == nil:
		return reason.Refuse(reason.WeightsNotConstant, "the weight %q of %q is an input of the graph and has no value in the file; export the model with its parameters", v.Name, n.Title())
	}
	return reason.Refuse(reason.WeightsNotConstant, "the weight %q of %q is computed from data; export the model with its parameters", v.Name, n.Title())
}

// product says why an operand of a product is no weight, nil where it depends on data: both
// operands may be data, as in attention.
func (c *context) product(n *graph.Node, w *graph.Value) *reason.Refusal {
	if c.g.Cause(w).Kind == graph.Data {
		return nil
	}
	return c.weightProblem(n, w)
}
