package convert_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A fingerprint is what a conversion made, without names and node order.
func fingerprint(t *testing.T, res *convert.Result) string {
	t.Helper()
	var lines []string
	for _, r := range res.Plan.Regions {
		lines = append(lines, fmt.Sprintf("%s %d %d->%d %d->%d %d nodes", r.Kind, r.Groups, r.Inputs, r.Outputs, r.Before, r.After, len(r.Merged)))
	}
	for _, x := range res.Model.Graph().Inits() {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("init %s %v %x", x.DType(), x.Dims(), b))
	}
	for op, n := range convert.CountOps(res.Model) {
		lines = append(lines, fmt.Sprintf("op %s %d", op, n))
	}
	for _, d := range res.Plan.Declined {
		lines = append(lines, "declined "+d.Code)
	}
	slices.Sort(lines)
	return fmt.Sprintln(res.Verdict, lines)
}

// Converting twice gives the same bytes; converting the result changes nothing.
func TestConvertTwice(t *testing.T) {
	eachCase(t, func(t *testing.T, c testCase, m *onnxio.Model) {
		a, b := encode(t, convertModel(t, m).Model), encode(t, convertModel(t, c.load(t)).Model)
		if !bytes.Equal(a, b) {
			t.Error("two conversions of one file differ")
		}
		again, err := onnxio.Parse(a, c.dir())
		if err != nil {
			t.Fatal(err)
		}
		res := convertModel(t, again)
		if len(res.Plan.Regions) > 0 {
			t.Errorf("the result still holds something to merge: %v", res.Plan.Regions[0].Merged)
		}
		if !bytes.Equal(encode(t, res.Model), a) {
			t.Error("converting the result changed it")
		}
	})
}

func encode(t *testing.T, m *onnxio.Model) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The order of nodes in the file and the names of values mean nothing.
func TestShuffledAndRenamed(t *testing.T) {
	eachCase(t, func(t *testing.T, c testCase, m *onnxio.Model) {
		want := fingerprint(t, convertModel(t, m))
		for seed := range uint64(3) {
			s := shuffled(t, encode(t, m), c.dir(), rand.New(rand.NewPCG(seed, 5)))
			if got := fingerprint(t, convertModel(t, s)); got != want {
				t.Errorf("shuffling the nodes changed the result\n%.300s\n%.300s", got, want)
			}
		}
		if got := fingerprint(t, convertModel(t, renamed(t, m))); got != want {
			t.Errorf("renaming the values changed the result")
		}
	})
}

// shuffled permutes the node messages of the main graph.
func shuffled(t *testing.T, model []byte, dir string, rng *rand.Rand) *onnxio.Model {
	t.Helper()
	var out []byte
	fields(t, model, func(num protowire.Number, raw, body []byte) {
		if num != 7 {
			out = append(out, raw...)
			return
		}
		var nodes [][]byte
		fields(t, body, func(num protowire.Number, raw, _ []byte) {
			if num == 1 {
				nodes = append(nodes, raw)
			}
		})
		rng.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		var g []byte
		next := 0
		fields(t, body, func(num protowire.Number, raw, _ []byte) {
			if num == 1 {
				raw = nodes[next]
				next++
			}
			g = append(g, raw...)
		})
		out = protowire.AppendTag(out, 7, protowire.BytesType)
		out = protowire.AppendBytes(out, g)
	})
	m, err := onnxio.Parse(out, dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func fields(t *testing.T, b []byte, f func(num protowire.Number, raw, body []byte)) {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if n < 0 || m < 0 {
			t.Fatal("bad wire data")
		}
		var body []byte
		if typ == protowire.BytesType {
			body, _ = protowire.ConsumeBytes(b[n:])
		}
		f(num, b[:n+m], body)
		b = b[n+m:]
	}
}

// renamed gives every value and node inside the graph another name.
func renamed(t *testing.T, m *onnxio.Model) *onnxio.Model {
	t.Helper()
	keep := map[string]bool{"": true}
	for _, v := range slices.Concat(m.Graph().Inputs(), m.Graph().Outputs()) {
		keep[v.Name()] = true
	}
	names := map[string]string{}
	rename := func(list []string) []string {
		out := make([]string, len(list))
		for i, s := range list {
			if keep[s] {
				out[i] = s
				continue
			}
			if names[s] == "" {
				names[s] = fmt.Sprintf("zz%d", 9999-len(names)) // another alphabetical order
			}
			out[i] = names[s]
		}
		return out
	}
	e := onnxio.Edit{DropInfo: m.Graph().ValueInfo()}
	for i, n := range m.Graph().Nodes() {
		e.DropNodes = append(e.DropNodes, n)
		e.AddNodes = append(e.AddNodes, onnxio.Placed{Node: n.WithInputs(fmt.Sprintf("node%d", len(m.Graph().Nodes())-i), rename(n.Inputs()), rename(n.Outputs())), Before: n})
	}
	for _, x := range m.Graph().Inits() {
		b, err := x.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		y, err := onnxio.NewTensor(rename([]string{x.Name()})[0], x.DType(), x.Dims(), b)
		if err != nil {
			t.Fatal(err)
		}
		e.DropInits, e.AddInits = append(e.DropInits, x), append(e.AddInits, y)
	}
	out, err := m.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
