package elementary

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What reaches written bytes uses the functions of this package. The other half, that
// no product and sum are fused there, needs a compiler for another processor: .ci/run.
func TestWhatIsWrittenUsesThese(t *testing.T) {
	var names []string
	for _, f := range functions() {
		names = append(names, f.name)
	}
	others := regexp.MustCompile(`\bmath\.(` + strings.Join(names, "|") + `|FMA|Sincos|Atan2|Cbrt|Log10|Gamma|Lgamma)\b`)
	seen := 0
	for _, dir := range []string{"fuse", "convert", "onnxio"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() == "cmd" && d.IsDir() {
				if err == nil {
					err = filepath.SkipDir
				}
				return err
			}
			if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			seen++
			if m := others.Find(b); m != nil {
				t.Errorf("%s uses %s, which differs between processors", path, m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Errorf("%d files were seen", seen)
	}
}
