package operator

import (
	"testing"

	"repmlp/internal/ops"
)

// Every operator of the engine is one of ONNX, and what it may leave in its file are
// inputs that it has.
func TestTableNamesOperators(t *testing.T) {
	table := Table()
	for name, op := range table {
		if !ops.Known(name) {
			t.Errorf("the engine runs %q, which is no operator", name)
			continue
		}
		if op.Kernel == nil {
			t.Errorf("the engine has no kernel for %s", name)
		}
		for _, i := range op.Stored {
			if ops.Lookup(name, ops.Newest).Input(i) == nil {
				t.Errorf("input %d of %s is stored, and there is none", i, name)
			}
		}
	}
	if len(table) < 100 {
		t.Errorf("the engine runs %d operators", len(table))
	}
}
