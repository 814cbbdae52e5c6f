package differ

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// Values are called as in the first model where they have the same place, and no name
// stands for two.
func TestNames(t *testing.T) {
	for _, c := range []struct{ what, a, b, want string }{
		{"all have another name", "x : 4\nm = Mul(x, =2:4)\ny = Relu(m)", "in : 4\na = Mul(in, =3:4)\nb = Relu(a)", "a/m b/y in/x"},
		{"the same names", "x : 4\nm = Mul(x, =2:4)\ny = Relu(m)", "x : 4\nm = Mul(x, =3:4)\ny = Relu(m)", ""},
		{"names that are exchanged", "x : 4\nz : 4\ny = Sub(x, z)", "z : 4\nx : 4\ny = Sub(z, x)", "x/z z/x"},
		{"a name that the first has for something else", "x : 4\nm = Mul(x, =2:4)\ny = Relu(m)", "x : 4\ny = Mul(x, =2:4)\nb = Tanh(y)\nm = Exp(b)\nz = Relu(m)", "m/m.2 y/m z/y"},
		{"a name of two values that do not belong together", "x : 4\nm = Exp(x)\nn = Sin(m)\ny = Relu(n)", "x : 4\nm = Tanh(x)\ny = Relu(m)", "m/m.2"},
		{"outputs of other operators", "x : 4\ny = Relu(x)\nz = Neg(x)\n> y z", "x : 4\nb = Tanh(x)\nc = Abs(x)\n> b c", "b/y c/z"},
		{"what the last node makes has a name of the first", "x : 4\nm = Exp(x)\ny = Relu(m)", "x : 4\ny, m = Split(x, #2_2) axis=0\n> y", "m/m.2"},
		{"an output that is an input", "x : 4\ny = Relu(x)\n> x y", "a : 4\nb = Relu(a)\n> a b", "a/x b/y"},
	} {
		a, b := sketch.Model(t, c.a), sketch.Model(t, c.b)
		names, err := Names(t.Context(), a, b)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		var list []string
		for from, to := range names {
			list = append(list, from+"/"+to)
		}
		slices.Sort(list)
		if have := strings.Join(list, " "); have != c.want {
			t.Errorf("%s: %s, want %s", c.what, have, c.want)
		}
		if _, err := b.Renamed(names); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// Initializers have the names of those that are read in the same place.
func TestNamesOfInitializers(t *testing.T) {
	a := sketch.Model(t, "x : 4\nm = Mul(x, =2:4)\ny = Add(m, =5:4)")
	b, err := sketch.Model(t, "x : 4\nm = Mul(x, =3:4)\ny = Add(m, =6:4)").Renamed(map[string]string{"k1": "k2", "k2": "w"})
	if err != nil {
		t.Fatal(err)
	}
	var inits []string
	for _, m := range []*onnxio.Model{a, b} {
		for _, w := range m.Graph().Inits() {
			inits = append(inits, w.Name())
		}
	}
	names, err := Names(t.Context(), a, b)
	if err != nil || fmt.Sprint(inits) != "[k1 k2 k2 w]" || fmt.Sprint(names) != "map[k2:k1 w:k2]" {
		t.Errorf("%v, %v, %v", inits, names, err)
	}
}
