package layer

import (
	"math"
	"path/filepath"
	"testing"
)

// Every form has a file and a name of its own, says all that it is planned and written by,
// and takes its times from columns that were measured.
func TestTableOfForms(t *testing.T) {
	names := map[string]bool{mapForm.name: true}
	columns := map[string]any{}
	same := func(name string, column any) {
		if old := columns[name]; old != nil && old != column || name == "" {
			t.Errorf("two columns have the name %q", name)
		}
		columns[name] = column
	}
	for _, f := range forms() {
		if names[f.name] || f.name == "" {
			t.Errorf("two forms have the name %q", f.name)
		}
		names[f.name] = true
		if f.when == nil || f.around == nil || f.write == nil || f.time == nil {
			t.Errorf("%s lacks something", f.name)
			continue
		}
		same(f.time.name, f.time)
		for _, row := range f.time.at {
			for _, v := range row {
				if !(v > 0) || math.IsInf(v, 0) {
					t.Errorf("%s: 2^%g picoseconds were measured", f.name, v)
				}
			}
		}
		if f.flat != nil {
			same(f.flat.name, f.flat)
		}
	}
	files, err := filepath.Glob("form_*.go")
	if err != nil || len(files) != len(forms()) {
		t.Errorf("%d files for %d forms: %q", len(files), len(forms()), files)
	}
	for _, choice := range []Choice{Auto, Gemm, Grouped, Columns, Split} {
		for _, opset := range []int64{6, 9, 17} {
			for _, groups := range []int{1, 2, 64} {
				found := false
				for _, f := range forms() {
					found = found || f.groups.fit(groups) && f.when(&question{choice: choice, opset: opset, groups: groups})
				}
				if !found {
					t.Errorf("choice %d at opset %d has no form for %d groups", choice, opset, groups)
				}
			}
		}
	}
}
