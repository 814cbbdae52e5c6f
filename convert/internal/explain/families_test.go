package explain

import "testing"

// Every family has a name of its own, a place on the page, and a way to be told apart.
func TestTableOfFamilies(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Families() {
		if names[f.Name] || f.Name == "" {
			t.Errorf("two families have the name %q", f.Name)
		}
		names[f.Name] = true
		if f.Structure == "" || f.Becomes == "" || f.Formula == "" || f.Declined == "" || f.is == nil {
			t.Errorf("%s lacks something", f.Name)
		}
		if f.is(&features{branches: 1}) {
			t.Errorf("a single conv is taken for %s", f.Name)
		}
	}
}
