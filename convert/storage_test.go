package convert_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/convert"
	"repmlp/onnxio"
)

// merges is what a conversion merged, with the numbers that it made.
func merges(t *testing.T, before *onnxio.Model, res *convert.Result) string {
	t.Helper()
	had := map[string]bool{}
	for _, x := range before.Graph().Inits() {
		had[x.Name()] = true
	}
	var lines []string
	for _, r := range res.Plan.Regions {
		lines = append(lines, fmt.Sprintf("%s %d %d->%d %d->%d", r.Kind, r.Groups, r.Inputs, r.Outputs, r.Before, r.After))
	}
	for _, x := range res.Model.Graph().Inits() {
		if had[x.Name()] || !x.DType().IsFloat() {
			continue
		}
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("made %s %v %x", x.DType(), x.Dims(), b))
	}
	for _, d := range res.Plan.Declined {
		lines = append(lines, "declined "+d.Code)
	}
	slices.Sort(lines)
	return fmt.Sprintln(res.Verdict, lines)
}

// Where weights are stored, dead nodes and a function around everything mean
// nothing: same verdict, same numbers.
func TestStorageMeansNothing(t *testing.T) {
	for _, c := range cases(t) {
		if c.Expect == "error" || c.Name == "t_init_overridable" || c.Name == "dyn_v1_init_inputs" {
			continue // broken, or initializers that are inputs cannot move
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m := c.load(t)
			want := merges(t, m, untidied(t, m))
			for name, f := range map[string]func(*testing.T, *onnxio.Model) *onnxio.Model{
				"Constant nodes": constants, "typed fields": typedFields, "external data": externalData, "dead nodes": deadNodes, "function": wrapped,
			} {
				v := f(t, m)
				if v == nil {
					continue
				}
				if got := merges(t, v, untidied(t, v)); got != want {
					t.Errorf("%s changed the result\n%.600s\n%.600s", name, got, want)
				}
			}
		})
	}
}

// constants makes a Constant node of every initializer.
func constants(t *testing.T, m *onnxio.Model) *onnxio.Model {
	e := onnxio.Edit{DropInits: m.Graph().Inits()}
	for i, x := range m.Graph().Inits() {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		y, err := onnxio.NewTensor("", x.DType(), x.Dims(), b)
		if err != nil {
			t.Fatal(err)
		}
		n := onnxio.NewNode(fmt.Sprintf("constant%d", i), "Constant", nil, []string{x.Name()}, onnxio.TensorAttr("value", y))
		e.AddNodes = append(e.AddNodes, onnxio.Placed{Node: n, Before: m.Graph().Nodes()[0]})
	}
	var isInit = map[string]bool{}
	for _, x := range m.Graph().Inits() {
		isInit[x.Name()] = true
	}
	for _, v := range m.Graph().Inputs() {
		if isInit[v.Name()] { // IR 3 lists initializers as inputs
			e.DropInputs = append(e.DropInputs, v)
		}
	}
	out, err := m.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// initializers rewrites the TensorProto of every initializer.
func initializers(t *testing.T, m *onnxio.Model, dir string, f func(x *onnxio.Tensor, head []byte) []byte) *onnxio.Model {
	t.Helper()
	var out []byte
	fields(t, encode(t, m), func(num protowire.Number, raw, body []byte) {
		if num != 7 {
			out = append(out, raw...)
			return
		}
		var g []byte
		next := 0
		fields(t, body, func(num protowire.Number, raw, _ []byte) {
			if num != 5 {
				g = append(g, raw...)
				return
			}
			x := m.Graph().Inits()[next]
			next++
			var head []byte
			for _, d := range x.Dims() {
				head = protowire.AppendVarint(protowire.AppendTag(head, 1, protowire.VarintType), uint64(d))
			}
			head = protowire.AppendVarint(protowire.AppendTag(head, 2, protowire.VarintType), uint64(x.DType()))
			head = protowire.AppendString(protowire.AppendTag(head, 8, protowire.BytesType), x.Name())
			g = protowire.AppendBytes(protowire.AppendTag(g, 5, protowire.BytesType), f(x, head))
		})
		out = protowire.AppendBytes(protowire.AppendTag(out, 7, protowire.BytesType), g)
	})
	r, err := onnxio.Parse(out, dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func typedFields(t *testing.T, m *onnxio.Model) *onnxio.Model {
	return initializers(t, m, "", func(x *onnxio.Tensor, head []byte) []byte {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		packed := func(num protowire.Number, body []byte) []byte {
			return protowire.AppendBytes(protowire.AppendTag(head, num, protowire.BytesType), body)
		}
		switch x.DType() {
		case onnxio.Float32:
			return packed(4, b)
		case onnxio.Float64:
			return packed(10, b)
		case onnxio.Float16, onnxio.BFloat16: // bit patterns in int32_data
			var v []byte
			for i := 0; i < len(b); i += 2 {
				v = protowire.AppendVarint(v, uint64(b[i])|uint64(b[i+1])<<8)
			}
			return packed(5, v)
		}
		ints, err := x.Int64s()
		if err != nil {
			t.Fatal(err)
		}
		num := protowire.Number(5)
		if x.DType() == onnxio.Int64 {
			num = 7
		}
		var v []byte
		for _, k := range ints {
			v = protowire.AppendVarint(v, uint64(k))
		}
		return packed(num, v)
	})
}

func externalData(t *testing.T, m *onnxio.Model) *onnxio.Model {
	dir := t.TempDir()
	var data []byte
	r := initializers(t, m, dir, func(x *onnxio.Tensor, head []byte) []byte {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		entry := func(k, v string) {
			e := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), k)
			e = protowire.AppendString(protowire.AppendTag(e, 2, protowire.BytesType), v)
			head = protowire.AppendBytes(protowire.AppendTag(head, 13, protowire.BytesType), e)
		}
		entry("location", "weights.bin")
		entry("offset", strconv.Itoa(len(data)))
		entry("length", strconv.Itoa(len(b)))
		data = append(data, b...)
		data = append(data, 0) // no alignment, as PyTorch packs them
		if err := os.WriteFile(filepath.Join(dir, "weights.bin"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		return protowire.AppendVarint(protowire.AppendTag(head, 14, protowire.VarintType), 1)
	})
	t.Cleanup(func() { r.Close() })
	return r
}

func deadNodes(t *testing.T, m *onnxio.Model) *onnxio.Model {
	n := m.Graph().Nodes()[0]
	x := m.Graph().Inputs()[0].Name()
	out, err := m.Apply(onnxio.Edit{AddNodes: []onnxio.Placed{
		{Node: onnxio.NewNode("dead1", "Relu", []string{x}, []string{"dead.1"}), Before: n},
		{Node: onnxio.NewNode("dead2", "Add", []string{"dead.1", x}, []string{"dead.2"}), Before: nil},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wrapped moves the whole graph into a model-local function; nil where a
// subgraph forbids it.
func wrapped(t *testing.T, m *onnxio.Model) *onnxio.Model {
	str := func(b []byte, num protowire.Number, s string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
	}
	msg := func(b []byte, num protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), body)
	}
	var ins, outs []string
	seen := map[string]bool{}
	for _, v := range m.Graph().Inputs() {
		ins = append(ins, v.Name())
		seen[v.Name()] = true
	}
	for _, x := range m.Graph().Inits() {
		if !seen[x.Name()] {
			ins = append(ins, x.Name())
		}
	}
	fn := str(str(nil, 1, "Everything"), 10, "wrap")
	for _, s := range ins {
		fn = str(fn, 4, s)
	}
	for _, v := range m.Graph().Outputs() {
		outs = append(outs, v.Name())
		fn = str(fn, 5, v.Name())
	}
	for _, n := range m.Graph().Nodes() {
		if len(n.Subgraphs()) > 0 {
			return nil
		}
	}
	set := func(domain string, v int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(str(nil, 1, domain), 2, protowire.VarintType), uint64(v))
	}
	var call []byte
	for _, s := range ins {
		call = str(call, 1, s)
	}
	for _, s := range outs {
		call = str(call, 2, s)
	}
	call = str(str(str(call, 3, "all"), 4, "Everything"), 7, "wrap")
	var out []byte
	fields(t, encode(t, m), func(num protowire.Number, raw, body []byte) {
		if num != 7 {
			out = append(out, raw...)
			return
		}
		g := msg(nil, 1, call)
		fields(t, body, func(num protowire.Number, raw, body []byte) {
			switch num {
			case 1:
				fn = msg(fn, 7, body)
			case 13: // declared shapes of values that are inside now
			default:
				g = append(g, raw...)
			}
		})
		out = msg(out, 7, g)
	})
	fn = msg(fn, 9, set("", m.Opset("")))
	out = msg(msg(out, 25, fn), 8, set("wrap", 1))
	if len(m.ExternalFiles()) > 0 {
		return nil // its folder is another
	}
	r, err := onnxio.Parse(out, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}
