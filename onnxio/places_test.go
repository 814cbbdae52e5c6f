package onnxio

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tensors move to the external data wherever a model holds them.
func TestEveryTensorMoves(t *testing.T) {
	dir := t.TempDir()
	data := bytes.Repeat([]byte{1, 2, 3, 4}, 400)
	if err := os.WriteFile(filepath.Join(dir, "old.bin"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	at := 0
	lies := func(name string) []byte {
		b := text(varint(varint(nil, 1, 4), 2, uint64(Float32)), 8, name)
		b = message(b, 13, text(text(nil, 1, "location"), 2, "old.bin"))
		b = message(b, 13, text(text(nil, 1, "offset"), 2, []string{"0", "16", "32", "48", "64", "80", "96"}[at]))
		at++
		return varint(b, 14, 1)
	}
	attr := func(name string, num protowire.Number, typ AttrType, bodies ...[]byte) []byte {
		b := text(nil, 1, name)
		for _, body := range bodies {
			b = message(b, num, body)
		}
		return varint(b, 20, uint64(typ))
	}
	n := NewNode("n", "Op", []string{"x"}, []string{"y"})
	sparse := varint(message(message(nil, 1, lies("s")), 2, tensorBytes(t, NewInts("", []int64{4}, []int64{0, 1, 2, 3}))), 3, 9)
	for _, a := range [][]byte{
		attr("one", 5, AttrTensor, lies("")), attr("many", 10, AttrTensors, lies(""), tensorBytes(t, NewInts("", nil, []int64{1})), lies("")),
		attr("sparse", 22, 11, sparse), attr("body", 6, AttrGraph, message(nil, 5, lies("w"))), attr("bodies", 11, AttrGraphs, message(nil, 5, lies("w")), message(nil, 5, lies("w"))),
	} {
		n.raw = message(n.raw, 5, a)
	}
	path := filepath.Join(dir, "m.onnx")
	if err := os.WriteFile(path, calling([]*Node{n}), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	to := filepath.Join(t.TempDir(), "o.onnx")
	if err := m.Save(to); err != nil {
		t.Fatal(err)
	}
	back, err := Load(to)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if got := back.ExternalFiles(); len(got) != 1 || hashOf(got[0]) == "" {
		t.Errorf("it reads %q", got)
	}
	moved := 0
	back.eachTensor(func(x *Tensor) {
		if x.external == nil {
			return
		}
		moved++
		if b, err := x.Bytes(); err != nil || !bytes.Equal(b, data[:16]) {
			t.Errorf("tensor %q: %v, %v", x.name, b, err)
		}
	})
	if moved != at {
		t.Errorf("%d tensors of %d moved", moved, at)
	}
}

// A file that is no more what it was when it was opened is an error that says how.
func TestChangedFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot change")
	}
	b := calling([]*Node{NewNode("", "Relu", []string{"x"}, []string{"y"})})
	for want, change := range map[string]func(path string) error{
		"another one has its name": func(path string) error {
			if err := os.WriteFile(path+".new", b, 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
		"it had":               func(path string) error { return os.WriteFile(path, append(b, b...), 0o644) },
		"no such file":         os.Remove,
		"changed while it was": func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
		"":                     func(string) error { return nil },
	} {
		path := filepath.Join(t.TempDir(), "m.onnx")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Files(); len(got) != 1 || got[0] != path || !bytes.Equal(m.FileBytes(), b) {
			t.Errorf("it reads %q", got)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		err = m.Changed()
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || Advice(err) == "") {
			t.Errorf("%s: %v", want, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// An annotation goes with the tensor that it is about.
func TestAnnotationsOfDroppedTensors(t *testing.T) {
	note := func(of, scale string) []byte {
		return message(nil, 14, message(text(nil, 1, of), 2, text(text(nil, 1, "SCALE_TENSOR"), 2, scale)))
	}
	g := message(nil, 1, NewNode("r", "Relu", []string{"x"}, []string{"y"}).raw)
	for _, name := range []string{"s", "gone"} {
		g = message(g, 5, tensorBytes(t, NewInts(name, nil, []int64{1})))
	}
	g = append(append(g, note("y", "s")...), note("x", "gone")...)
	g = message(message(g, 11, NewValue("x", Float32, Known(2)).raw), 12, NewValue("y", Float32, Known(2)).raw)
	m, err := Parse(message(message(varint(nil, 1, 8), 7, g), 8, varint(text(nil, 1, ""), 2, 17)), "")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.graph.Annotated(); len(got) != 2 || got["x"][0] != "gone" {
		t.Errorf("annotated are %v", got)
	}
	out, err := m.Apply(Edit{DropInits: m.graph.inits[1:]})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.graph.Annotated(); len(got) != 1 || got["y"][0] != "s" {
		t.Errorf("annotated are %v", got)
	}
}
