package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Packages may only import downwards, and the two algebras stay apart.
func TestPackageDirections(t *testing.T) {
	forbidden := map[string][]string{
		"repmlp/onnxio":            {"repmlp/onnxio/graph", "repmlp/fuse", "repmlp/verify", "repmlp/convert", "spf13/cobra", "progressbar", "gonum"},
		"repmlp/internal/ops":      {"repmlp/onnxio/graph", "repmlp/fuse", "repmlp/verify", "repmlp/convert"},
		"repmlp/onnxio/graph":      {"repmlp/fuse", "repmlp/verify", "repmlp/convert", "spf13/cobra", "progressbar"},
		"repmlp/internal/skeleton": {"repmlp/fuse", "repmlp/verify", "repmlp/convert", "spf13/cobra", "progressbar"},
		"repmlp/fuse":              {"repmlp/onnxio", "repmlp/verify", "repmlp/convert", "protobuf", "spf13/cobra", "progressbar"},
		"repmlp/verify":            {"repmlp/fuse", "repmlp/convert", "spf13/cobra", "progressbar", "onnx-go", "onnxruntime"},
		"repmlp/convert":           {"spf13/cobra", "progressbar", "onnx-go", "gorgonia", "gogo/protobuf", "onnxruntime"}, // importers choose
		"repmlp/internal/dims":     {"repmlp/fuse", "repmlp/verify", "repmlp/convert"},
		"repmlp/internal/budget":   {"repmlp/onnxio", "repmlp/fuse", "repmlp/verify", "repmlp/convert", "repmlp/internal/parallel"},
		"repmlp/internal/output":   {"repmlp/onnxio", "repmlp/fuse", "repmlp/verify", "repmlp/convert", "repmlp/internal/parallel", "repmlp/internal/budget"},
		"repmlp/internal/parallel": {"repmlp/onnxio", "repmlp/fuse", "repmlp/verify", "repmlp/convert"},
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	for pkg, bad := range forbidden {
		out, err := exec.Command("go", "list", "-deps", pkg).Output()
		if err != nil {
			t.Fatalf("listing %s: %v", pkg, err)
		}
		deps := strings.Fields(string(out))
		for _, dep := range deps {
			for _, b := range bad {
				if dep != pkg && (dep == b || strings.HasPrefix(dep, b+"/") && !strings.HasPrefix(pkg, dep) || !strings.HasPrefix(b, "repmlp") && strings.Contains(dep, b)) {
					t.Errorf("%s depends on %s", pkg, dep)
				}
			}
		}
	}
	// Only onnxio and the second reader look at protobuf.
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Imports}}", "repmlp/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "protobuf/") && !slices.Contains([]string{"repmlp/onnxio", "repmlp/verify/secondreader", "repmlp/internal/mutant", "repmlp/internal/skeleton"}, pkg) {
			t.Errorf("%s imports protobuf", pkg)
		}
		if strings.Contains(imports, "spf13/cobra") && pkg != "repmlp/cmd/repmlp" {
			t.Errorf("%s imports cobra", pkg)
		}
	}
}
