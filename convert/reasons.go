package convert

import (
	"slices"
	"strings"
)

// A Reason documents one code of a decline.
type Reason struct {
	Code   string
	When   string
	Advice string
	Growth bool // exact, but larger: does not count for the verdict
}

// Reasons lists all codes in the order in which they are reported: the first
// that applies to a place wins. Codes are stable.
func Reasons() []Reason {
	return []Reason{
		{"unknown_op", "a node of the place has an operator that neither ONNX nor the file's functions define", "see which exporter writes it and export again", false},
		{"unsupported_form", "an attribute or form of the operator is not handled; the sentence says which", "", false},
		{"inside_subgraph", "the place lies in the body of an If, Loop or Scan", "export without control flow", false},
		{"sparse_initializer", "the weights are stored sparse", "store them dense", false},
		{"weights_are_graph_inputs", "a weight has a default but is a graph input too (IR 4 and later): callers may override it", "`--freeze-inputs` treats it as constant", false},
		{"batch_statistics", "BatchNormalization normalises with the statistics of the batch", "export with `model.eval()`, or `--batch-stats-as-inference`", false},
		{"dropout_training", "Dropout is live", "export with `model.eval()`, or `--batch-stats-as-inference`", false},
		{"weights_not_constant", "weights are computed from data, or have no value in the file", "export the model with its parameters", false},
		{"quantized_weight", "a weight stands behind DequantizeLinear", "`--fold-dequantize` merges its float value", false},
		{"quantized_activation", "activations of a branch are quantised", "merge before quantising", false},
		{"precision_change", "a Cast inside a branch changes the precision", "", false},
		{"bn_invalid_variance", "variance + epsilon is not positive or not finite", "retrain or repair the layer", false},
		{"non_finite_weight", "there is NaN or infinity among the weights", "repair the layer", false},
		{"fp16_overflow", "a merged weight or bias does not fit its stored type", "keep float32 for this layer", false},
		{"row_order_differs", "branches hold the same elements in another order", "", false},
		{"conv_crosses_partition_borders", "a conv with a kernel above 1×1 runs on the whole map, FC3 on tiles", "", false},
		{"sampling_offset_differs", "strided branches sample the map at places that no common kernel reaches", "", false},
		{"auto_pad_depends_on_size", "padding depends on a height or width that is not fixed", "fix the input size and export again", false},
		{"padding_modes_differ", "reflect, edge or wrap padding in one branch, zeros in another, both kernels above 1×1", "", false},
		{"bias_before_zero_padding", "a bias or BatchNorm shift stands before a zero-padded conv", "pad with the bias value while training", false},
		{"inner_zero_padding", "two padded convs in series, both kernels above 1×1", "put all padding on the first", false},
		{"border_dependent_pool", "an AveragePool beside a conv does not count its padding", "export with `count_include_pad`", false},
		{"scatter_in_branch", "a branch writes into its map", "", false},
		{"broadcast_add", "a branch is broadcast over positions in the sum", "", false},
		{"branches_read_different_tensors", "the branches of a sum read different values", "", false},
		{"fc_weight_shared_across_conv_channels", "rows of the conv are longer than those of the FC: one shared FC would need several kernels", "`--allow-growth`", false},
		{"groups_mismatch_would_grow", "merging needs coarser groups", "`--allow-growth`", true},
		{"kernel_would_grow", "the common kernel has more taps than the branches together", "`--allow-growth`", true},
		{"would_grow", "any other exact merge that makes the model larger", "`--allow-growth`", true},
		{"branches_not_added", "branches are joined by Mul, Max and the like, not by a sum", "", false},
		{"nonlinear_branch", "an activation, pooling or gate stands inside a branch of a sum", "", false},
		{"nonlinearity_between", "an activation stands between a BatchNorm and the layer that would absorb it", "", false},
		{"not_affine", "a normalisation of data (Instance, Group, LayerNorm, Softmax) stands in the place", "", false},
		{"intermediate_used_elsewhere", "a value inside the place is a graph output or has other readers", "", false},
	}
}

// rank is the place of a code in Reasons.
func rank(code string) int {
	return slices.IndexFunc(Reasons(), func(r Reason) bool { return r.Code == code })
}

// Growth reports whether the decline is about size alone: the merge is exact and
// would make the model larger.
func (d Decline) Growth() bool {
	return slices.ContainsFunc(Reasons(), func(r Reason) bool { return r.Code == d.Code && r.Growth })
}

// DeclinesPage is the documentation page of the codes.
func DeclinesPage() string {
	var b strings.Builder
	b.WriteString(`# Declines

A place where a merge was looked for and not made is reported with a stable code, a sentence with the nodes' names, and what
can be done. The first code that applies to a place is reported. Codes marked * are about size alone: they are listed but
count neither for the verdict nor for ` + "`--strict`" + `.

| code | when | advice |
|---|---|---|
`)
	for _, r := range Reasons() {
		mark := ""
		if r.Growth {
			mark = " *"
		}
		b.WriteString("| `" + r.Code + "`" + mark + " | " + r.When + " | " + r.Advice + " |\n")
	}
	b.WriteString("\nThe table is made from the one in `convert/reasons.go`: `go test ./convert -run DeclinesPage -update`.\n")
	return b.String()
}
