package identical

import (
	"fmt"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// Frame lists what differs in two models around their nodes and constants: inputs and outputs,
// operator sets, functions, metadata of the first. frozen inputs are those that have an
// initializer; where they are, the second model does not have them as inputs.
func Frame(a, b *onnxio.Model, frozen bool) (list []string) {
	note := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if a.IRVersion() != b.IRVersion() {
		note("the IR version is %d and was %d", b.IRVersion(), a.IRVersion())
	}
	for _, d := range []string{values("input", fed(a, frozen), fed(b, frozen)), values("output", a.Graph().Outputs(), b.Graph().Outputs())} {
		if d != "" {
			note("%s", d)
		}
	}
	if x, y := opsets(a), opsets(b); x != y {
		note("the operator sets are %s and were %s", y, x)
	}
	for _, f := range b.Functions() {
		id := onnxio.FunctionID{Domain: f.Domain(), Name: f.Name(), Overload: f.Overload()}
		if old := a.Function(id); old == nil || function(old) != function(f) {
			note("the function %q is another", f.Name())
		}
	}
	have := map[string]string{}
	for _, p := range b.Metadata() {
		have[p.Key] = p.Value
	}
	for _, p := range a.Metadata() {
		if v, ok := have[p.Key]; (!ok || v != p.Value) && !strings.HasPrefix(p.Key, own) {
			note("the metadata %q is %q and was %q", p.Key, v, p.Value)
		}
	}
	return list
}

// own is how the keys of metadata begin that conversions write.
const own = "repmlp."

// fed lists inputs, without those that are constants.
func fed(m *onnxio.Model, frozen bool) []*onnxio.ValueInfo {
	if !frozen && m.IRVersion() >= 4 {
		return m.Graph().Inputs()
	}
	inits := map[string]bool{}
	for _, x := range m.Graph().Inits() {
		inits[x.Name()] = true
	}
	return slices.DeleteFunc(slices.Clone(m.Graph().Inputs()), func(v *onnxio.ValueInfo) bool { return inits[v.Name()] })
}

func values(what string, a, b []*onnxio.ValueInfo) string {
	if len(a) != len(b) {
		return fmt.Sprintf("there are %d %ss and were %d", len(b), what, len(a))
	}
	for i, v := range a {
		if w := b[i]; v.Name() != w.Name() || v.Kind() != w.Kind() || v.Elem() != w.Elem() || v.Shape() != w.Shape() || !slices.Equal(v.Dims(), w.Dims()) {
			return fmt.Sprintf("%s %q is declared otherwise than %q was", what, w.Name(), v.Name())
		}
	}
	return ""
}

func opsets(m *onnxio.Model) string {
	var list []string
	for _, o := range m.Opsets() {
		list = append(list, fmt.Sprintf("%q %d", o.Domain, o.Version))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// function is a function as text.
func function(f *onnxio.Function) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %v\n", f.Inputs(), f.Outputs(), f.AttrNames(), f.Opsets())
	for _, a := range f.AttrDefaults() {
		fmt.Fprintf(&b, "%x\n", a.Encoded())
	}
	for _, n := range f.Nodes() {
		fmt.Fprintf(&b, "%q %q %q %q %q\n", n.Domain(), n.OpType(), n.Inputs(), n.Outputs(), n.AttrKey())
	}
	return b.String()
}
