package convert

import "repmlp/internal/ops"

// onnxOps holds the operators of ai.onnx, all versions up to onnxio.NewestOpset. Another
// name in that domain was invented by an exporter.
var onnxOps = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range ops.Names() {
		m[name] = true
	}
	return m
}()
