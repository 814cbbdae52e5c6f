// Package written holds what conversions write, to the bit. Its test links no code
// that only some processors have, so it runs on others under an emulator.
package written

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/convert"
)

var update = flag.Bool("update", false, "rewrite testdata")

// models of different kinds: FC and Conv merged through reshapes, external data,
// float16, bottlenecks, BatchNorm of folded statistics, serial convs, constants that
// functions make.
var models = []string{
	"digits/digits_legacy.onnx",
	"digits/digits_dynamo.onnx",
	"cases/dyn_v1_dynN_ext/model.onnx",
	"cases/dyn_v1_f16/model.onnx",
	"cases/dyn_bottleneck/model.onnx",
	"cases/dyn_re_bn_manual_sub_div/model.onnx",
	"cases/kin_dbb_13/model.onnx",
	"cases/kin_mobileone_timm_net_13/model.onnx",
	"cases/fw_nnx_v1_einsum/model.onnx",
}

// The same model gives the same bytes, on every processor and every day. Where a
// change of what is written is meant, -update takes it.
func TestWrittenBytes(t *testing.T) {
	var have strings.Builder
	for _, name := range models {
		dir := t.TempDir()
		in := filepath.Join("..", "..", "..", "testdata", filepath.FromSlash(name))
		if _, err := convert.File(t.Context(), in, filepath.Join(dir, "m.onnx"), convert.Options{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&have, name)
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&have, "  %x  %d  %s\n", sha256.Sum256(b), len(b), e.Name())
		}
	}
	golden := filepath.Join("testdata", "written.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(have.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n")
	for i, line := range strings.Split(have.String(), "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("line %d: %q, want %q", i+1, line, slices.Concat(want, make([]string, i+1))[i])
		}
	}
}
