package reason

import (
	"slices"
	"strings"
)

// A Code is the stable name of a reason.
type Code string

// The codes, in the order of Reasons.
const (
	UnknownOp                        Code = "unknown_op"
	ShapeUnknown                     Code = "shape_unknown"
	UnsupportedForm                  Code = "unsupported_form"
	InsideSubgraph                   Code = "inside_subgraph"
	SparseInitializer                Code = "sparse_initializer"
	WeightsAreGraphInputs            Code = "weights_are_graph_inputs"
	BatchStatistics                  Code = "batch_statistics"
	DropoutTraining                  Code = "dropout_training"
	WeightsNotConstant               Code = "weights_not_constant"
	QuantizedWeight                  Code = "quantized_weight"
	QuantizedActivation              Code = "quantized_activation"
	PrecisionChange                  Code = "precision_change"
	BNInvalidVariance                Code = "bn_invalid_variance"
	NonFiniteWeight                  Code = "non_finite_weight"
	FP16Overflow                     Code = "fp16_overflow"
	RowOrderDiffers                  Code = "row_order_differs"
	ConvCrossesPartitionBorders      Code = "conv_crosses_partition_borders"
	SamplingOffsetDiffers            Code = "sampling_offset_differs"
	AutoPadDependsOnSize             Code = "auto_pad_depends_on_size"
	SizeNotFixed                     Code = "size_not_fixed"
	PaddingModesDiffer               Code = "padding_modes_differ"
	BiasBeforeZeroPadding            Code = "bias_before_zero_padding"
	InnerZeroPadding                 Code = "inner_zero_padding"
	BorderDependentPool              Code = "border_dependent_pool"
	ScatterInBranch                  Code = "scatter_in_branch"
	BroadcastAdd                     Code = "broadcast_add"
	BranchesReadDifferentTensors     Code = "branches_read_different_tensors"
	FCWeightSharedAcrossConvChannels Code = "fc_weight_shared_across_conv_channels"
	GroupsMismatchWouldGrow          Code = "groups_mismatch_would_grow"
	KernelWouldGrow                  Code = "kernel_would_grow"
	WouldGrow                        Code = "would_grow"
	BranchesNotAdded                 Code = "branches_not_added"
	NonlinearBranch                  Code = "nonlinear_branch"
	NonlinearityBetween              Code = "nonlinearity_between"
	NotAffine                        Code = "not_affine"
	IntermediateUsedElsewhere        Code = "intermediate_used_elsewhere"
	Skipped                          Code = "skipped"
	PartWithoutLayer                 Code = "part_without_layer"
	SignDepends                      Code = "sign_depends"
	PartOfActivation                 Code = "part_of_activation"
	NoLinearNeighbour                Code = "no_linear_neighbour"
)

// A Reason documents one code of a decline.
type Reason struct {
	Code   Code
	When   string
	Advice string
	Growth bool // exact, but larger: does not count for the verdict
}

// Reasons lists all codes in the order in which they are reported: the first
// that applies to a place wins. Codes are stable.
func Reasons() []Reason {
	return []Reason{
		{UnknownOp, "a node of the place has an operator that neither ONNX nor the file's functions define", "see which exporter writes it and export again", false},
		{ShapeUnknown, "a BatchNormalization stands where no shape, or no number of channels, is known", "run ONNX shape inference on the file, or fix the sizes of inputs: `--shape image=1x3x224x224`", false},
		{UnsupportedForm, "an attribute or form of the operator is not handled; the sentence says which", "", false},
		{InsideSubgraph, "the place lies in the body of an If, Loop or Scan", "export without control flow", false},
		{SparseInitializer, "the weights are stored sparse", "store them dense", false},
		{WeightsAreGraphInputs, "a weight has a default but is a graph input too (IR 4 and later): callers may override it", "`--freeze-inputs` treats it as constant", false},
		{BatchStatistics, "BatchNormalization normalises with the statistics of the batch", "export with `model.eval()`, or `--batch-stats-as-inference`", false},
		{DropoutTraining, "Dropout is live", "export with `model.eval()`, or `--batch-stats-as-inference`", false},
		{WeightsNotConstant, "weights are computed from data, or have no value in the file", "export the model with its parameters", false},
		{QuantizedWeight, "a weight stands behind DequantizeLinear", "`--fold-dequantize` merges its float value", false},
		{QuantizedActivation, "activations of a branch are quantised", "merge before quantising", false},
		{PrecisionChange, "a Cast inside a branch changes the precision", "", false},
		{BNInvalidVariance, "variance + epsilon is not positive or not finite", "retrain or repair the layer", false},
		{NonFiniteWeight, "there is NaN or infinity among the weights", "repair the layer", false},
		{FP16Overflow, "a merged weight or bias does not fit its stored type", "keep float32 for this layer", false},
		{RowOrderDiffers, "branches hold the same elements in another order", "", false},
		{ConvCrossesPartitionBorders, "a conv with a kernel above 1×1 runs on the whole map, FC3 on tiles", "", false},
		{SamplingOffsetDiffers, "strided branches sample the map at places that no common kernel reaches", "", false},
		{AutoPadDependsOnSize, "padding depends on a height or width that is not fixed", "fix the size of the input: `--shape image=1x3x224x224`, or export again", false},
		{SizeNotFixed, "what a BatchNormalization scales of a row depends on a height or width that is not fixed", "fix the size of the input: `--shape image=1x3x224x224`, or export again", false},
		{PaddingModesDiffer, "reflect, edge or wrap padding in one branch, zeros in another, both kernels above 1×1", "", false},
		{BiasBeforeZeroPadding, "a bias or BatchNorm shift stands before a zero-padded conv", "pad with the bias value while training", false},
		{InnerZeroPadding, "two convs in series that are padded along one axis, with kernels above 1×1", "put all padding on the first", false},
		{BorderDependentPool, "an AveragePool beside a conv does not count its padding", "export with `count_include_pad`", false},
		{ScatterInBranch, "a branch writes into its map", "", false},
		{BroadcastAdd, "a branch is broadcast over positions in the sum", "", false},
		{BranchesReadDifferentTensors, "the branches of a sum read different values", "", false},
		{FCWeightSharedAcrossConvChannels, "rows of the conv are longer than those of the FC: one shared FC would need several kernels", "`--allow-growth`", false},
		{GroupsMismatchWouldGrow, "merging needs coarser groups", "`--allow-growth`", true},
		{KernelWouldGrow, "the common kernel has more taps than the branches together", "`--allow-growth`", true},
		{WouldGrow, "any other exact merge that makes the model larger", "`--allow-growth`", true},
		{BranchesNotAdded, "branches are joined by Mul, Max and the like, not by a sum", "", false},
		{NonlinearBranch, "an activation, pooling or gate stands inside a branch of a sum", "", false},
		{NonlinearityBetween, "an activation stands between a BatchNorm and the layer that would absorb it", "", false},
		{NotAffine, "a normalisation of data (Instance, Group, LayerNorm, Softmax) stands in the place", "", false},
		{IntermediateUsedElsewhere, "a value inside the place is a graph output or has other readers", "", false},
		{Skipped, "the merge is exact, and was left out because the caller asked for that (`--skip`, `--only`)", "leave the flag out", false},
		{PartWithoutLayer, "behind a sum or a join, one part has no layer to take its share", "", false},
		{SignDepends, "behind a maximum, some scale is not positive", "", false},
		{PartOfActivation, "the node belongs to an activation that is written out, such as GELU, which runtimes run as one", "", false},
		{NoLinearNeighbour, "no layer stands beside the node", "", false},
	}
}

// rank is the place of a code in Reasons.
func (c Code) rank() int {
	return slices.IndexFunc(Reasons(), func(r Reason) bool { return r.Code == c })
}

// Growth reports whether the code is about size alone: the merge is exact and
// would make the model larger.
func (c Code) Growth() bool {
	return slices.ContainsFunc(Reasons(), func(r Reason) bool { return r.Code == c && r.Growth })
}

// Left reports whether the code is only of what is left without being a place for a
// merge.
func (c Code) Left() bool {
	switch c {
	case PartWithoutLayer, SignDepends, PartOfActivation, NoLinearNeighbour:
		return true
	}
	return false
}

// Page is the documentation page of the codes.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Declines

A place where a merge was looked for and not made is reported with a stable code, a sentence with the nodes' names, and what
can be done. The first code that applies to a place is reported. Codes marked * are about size alone: they are listed but
count neither for the verdict nor for ` + "`--strict`" + `.

Every other BatchNormalization, constant scale or constant bias that a result still has is listed under ` + "`left`" + `, with a code of the
table, because nothing beside it could take it; that counts for neither. Codes marked ° occur there alone.

| code | when | advice |
|---|---|---|
`)
	for _, r := range Reasons() {
		mark := ""
		switch {
		case r.Growth:
			mark = " *"
		case r.Code.Left():
			mark = " °"
		}
		b.WriteString("| `" + string(r.Code) + "`" + mark + " | " + r.When + " | " + r.Advice + " |\n")
	}
	b.WriteString("\nThe table is made from the one in `convert/internal/reason/codes.go`: `go test ./convert -run DeclinesPage -update`.\n")
	return b.String()
}
