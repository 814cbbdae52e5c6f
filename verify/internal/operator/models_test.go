package operator_test

import (
	le "encoding/binary"
	"math"

	"repmlp/onnxio"
)

func f32(name string, dims []int64, v ...float32) *onnxio.Tensor {
	var b []byte
	for _, x := range v {
		b = le.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	t, err := onnxio.NewTensor(name, onnxio.Float32, dims, b)
	if err != nil {
		panic(err)
	}
	return t
}

func node(op, out string, in ...string) *onnxio.Node {
	return onnxio.NewNode(out, op, in, []string{out})
}

func with(n *onnxio.Node, attrs ...*onnxio.Attr) *onnxio.Node {
	return onnxio.NewNode(n.Name(), n.OpType(), n.Inputs(), n.Outputs(), attrs...)
}
