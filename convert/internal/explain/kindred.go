package explain

import (
	"fmt"
	"strings"
)

// A Kindred block merges by the rules that stand in math.md, and has no name of its own
// in reports.
type Kindred struct {
	Name    string
	Form    string // while training
	Becomes string
	Why     string // the rules that merge it
}

// AllKindred lists them.
func AllKindred() []Kindred {
	return []Kindred{
		{"LoRA", "W·x + s·B·(A·x)", "one FC", "fc, sum"},
		{"Conv-LoRA", "K×K conv + s·(1×1 behind K×K conv)", "one Conv", "conv, sum"},
		{"DoRA", "a weight divided by its norm and scaled, worked out from constants", "one FC", "constants"},
		{"OREPA", "a kernel put together by Einsum, Mul and Add of constants", "one Conv", "constants"},
		{"RepAdapter", "an FC behind x + B·(A·x)", "one FC", "fc, sum"},
		{"SPAN", "1×1, K×K and 1×1 convs in series beside a 1×1 conv", "one Conv", "conv, sum"},
		{"SESR", "K×K to many channels, 1×1 back, and x", "one Conv", "conv, sum"},
		{"ECBSR", "K×K, K×K behind 1×1, and x", "one Conv", "conv, sum"},
		{"ABPN", "copies of the map, joined, beside a conv", "one Conv", "join, sum"},
		{"PRepBN", "BN(x) + η·x before an FC", "one FC", "batchnorm, sum"},
		{"PP-LCNetV3 with LAB", "a conv, then scale and shift by one number each", "one Conv", "scale"},
		{"RepNeXt", "1×K and K×1 convs in series beside a K×K conv", "one Conv", "conv, pad, sum"},
		{"VanillaNet", "1×1 convs with a LeakyRelu of slope 1 between them", "one Conv", "activation, conv"},
		{"YOLO ImplicitA and ImplicitM", "m·conv1×1(a + x)", "one Conv", "scale, conv"},
		{"RepVGG in one dimension", "K, 1 and BN(x), each with BN", "one Conv", "conv, batchnorm, sum"},
		{"RepVGG in three dimensions", "K×K×K, 1×1×1 and BN(x), each with BN", "one Conv", "conv, batchnorm, sum"},
	}
}

func kindredPage() string {
	var b strings.Builder
	b.WriteString("\n## Further blocks\nThese have no name in reports; they merge by the rules named beside them, and a test holds each.\n\n| block | training form | becomes | rules |\n|---|---|---|---|\n")
	for _, k := range AllKindred() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", k.Name, k.Form, k.Becomes, k.Why)
	}
	return b.String()
}
