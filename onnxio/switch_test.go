package onnxio

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"repmlp/internal/output"
)

// extModel is a model whose weight, of 100 numbers of one value, lies outside, written to
// path as from a file.
func extModel(t *testing.T, path string, value byte) {
	t.Helper()
	w, err := NewTensor("w", Float32, []int64{100}, bytes.Repeat([]byte{value}, 400))
	if err != nil {
		t.Fatal(err)
	}
	m, err := NewModel(Parts{Inputs: []*ValueInfo{NewValue("x", Float32, Known(100))}, Outputs: []*ValueInfo{NewValue("y", Float32, Known(100))},
		Nodes: []*Node{NewNode("add", "Add", []string{"x", "w"}, []string{"y"})}, Inits: []*Tensor{w}})
	if err == nil {
		m, err = m.Apply(Edit{})
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.write(t.Context(), path, 0, nil)
	if err == nil {
		err = p.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// weight is the value of all numbers of that model.
func weight(t *testing.T, path string) byte {
	t.Helper()
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b, err := m.graph.inits[0].Bytes()
	if err == nil {
		err = m.CheckData(t.Context())
	}
	if err != nil || len(b) != 400 || bytes.Count(b, b[:1]) != 400 {
		t.Fatalf("%v: %v", b, err)
	}
	return b[0]
}

func contentOf(b []byte) string {
	c := newContent()
	c.Write(b)
	return c.name()
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// The data file is called by its content; the data of the model that was replaced
// is removed, that of others is not.
func TestDataHasTheNameOfItsContent(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	extModel(t, in("a.onnx"), 1)
	first := names(t, dir)
	b, err := os.ReadFile(in(first[1]))
	if err != nil || len(first) != 2 || first[1] != "a.onnx."+contentOf(b)+".data" {
		t.Fatalf("%q, %v", first, err)
	}
	extModel(t, in("a.onnx"), 1) // the same again
	if got := names(t, dir); !slices.Equal(got, first) || weight(t, in("a.onnx")) != 1 {
		t.Errorf("the same model again: %q", got)
	}
	extModel(t, in("a.onnx"), 2)
	if got := names(t, dir); len(got) != 2 || got[1] == first[1] || weight(t, in("a.onnx")) != 2 {
		t.Errorf("another model: %q", got)
	}
	// A copy of the model still needs its data.
	b, _ = os.ReadFile(in("a.onnx"))
	os.WriteFile(in("copy.bak"), b, 0o644)
	extModel(t, in("a.onnx"), 3)
	if weight(t, in("copy.bak")) != 2 || weight(t, in("a.onnx")) != 3 {
		t.Error("a copy lost its data")
	}
	extModel(t, in("b.onnx"), 3)
	extModel(t, in("a.onnx.b"), 4)
	extModel(t, in("a.onnx"), 5)
	if weight(t, in("b.onnx")) != 3 || weight(t, in("a.onnx.b")) != 4 || weight(t, in("a.onnx")) != 5 {
		t.Error("another model lost its data")
	}
}

// What a killed run left is removed: data that nothing names and that holds what
// its name says. What only has such a name stays, and so does what is held.
func TestOrphansAreRemoved(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	put := func(name, text string) {
		if err := os.WriteFile(in(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	orphan := func(text string) string {
		return dataName(in("a.onnx"), contentOf([]byte(text)))
	}
	put(orphan("left"), "left")
	put(orphan("held"), "held")
	held, err := output.Hold(in(orphan("held")))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	put(orphan("other"), "not that")
	put("a.onnx.data", "of another tool")
	extModel(t, in("a.onnx"), 1)
	got := names(t, dir)
	if slices.Contains(got, orphan("left")) || !slices.Contains(got, orphan("held")) || !slices.Contains(got, orphan("other")) || !slices.Contains(got, "a.onnx.data") {
		t.Errorf("left: %q", got)
	}
}

// A damaged file under the name of the data is neither used nor written over.
func TestDamagedData(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.onnx")
	extModel(t, path, 1)
	data := filepath.Join(dir, names(t, dir)[1])
	if err := os.WriteFile(data, bytes.Repeat([]byte{9}, 400), 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.CheckData(t.Context()); err == nil || !strings.Contains(err.Error(), "not the file that the model was written with") || Advice(err) == "" {
		t.Errorf("the checksum: %v", err)
	}
	before, _ := os.ReadFile(path)
	w, _ := NewTensor("w", Float32, []int64{100}, bytes.Repeat([]byte{1}, 400))
	e, err := m.Apply(Edit{DropInits: m.graph.inits, AddInits: []*Tensor{w}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.write(t.Context(), path, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = p.Commit()
	p.Discard()
	if err == nil || !strings.Contains(err.Error(), "something else than its name says") {
		t.Errorf("writing: %v", err)
	}
	after, _ := os.ReadFile(path)
	b, _ := os.ReadFile(data)
	if !bytes.Equal(before, after) || b[0] != 9 || len(names(t, dir)) != 2 {
		t.Error("something was written over")
	}
}

// An untouched model with external data keeps every byte but those that say where
// the data lies, tensors that share or overlap included, and no file gets a name
// that the model chose.
func TestUntouchedExternalModel(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".github/workflows"), 0o755); err != nil {
		t.Fatal(err)
	}
	const location = ".github/workflows/ci.yml"
	data := make([]byte, 3000)
	for i := range data {
		data[i] = byte(i)
	}
	os.WriteFile(filepath.Join(dir, location), data, 0o644)
	entry := func(b []byte, k, v string) []byte { return message(b, 13, text(text(nil, 1, k), 2, v)) }
	tensor := func(name, offset string) []byte {
		b := text(varint(varint(nil, 1, 4), 2, uint64(Float32)), 8, name)
		b = entry(b, "location", location)
		if offset != "" {
			b = entry(b, "offset", offset)
		}
		b = text(varint(entry(b, "length", "16"), 14, 1), 12, "a note")
		return b
	}
	node := func(out, with string) []byte { return NewNode("", "Add", []string{"x", with}, []string{out}).raw }
	constant := message(NewNode("c", "Constant", nil, []string{"e"}).raw, 5, varint(message(text(nil, 1, "value"), 5, tensor("", "100")), 20, uint64(AttrTensor)))
	indices := varint(text(varint(varint(nil, 1, 1), 2, uint64(Int64)), 8, "indices"), 7, 2)
	values := text(varint(varint(nil, 1, 1), 2, uint64(Float32)), 8, "s")
	values = varint(entry(entry(entry(values, "location", location), "offset", "2000"), "length", "4"), 14, 1)
	sparse := varint(message(message(nil, 1, values), 2, indices), 3, 4)
	inner := text(text(text(text(nil, 1, "f"), 10, "my"), 4, "a"), 5, "b")
	inner = message(inner, 7, message(NewNode("c2", "Constant", nil, []string{"k"}).raw, 5, varint(message(text(nil, 1, "value"), 5, tensor("", "500")), 20, uint64(AttrTensor))))
	inner = message(message(inner, 7, NewNode("", "Add", []string{"a", "k"}, []string{"b"}).raw), 9, varint(text(nil, 1, ""), 2, 17))
	value := func(n string) []byte { return NewValue(n, Float32, Known(4)).raw }
	var g []byte
	g = message(message(message(message(message(g, 1, node("p", "a")), 1, node("q", "b")), 1, constant), 1, node("r", "c")), 1, node("u", "s"))
	g = message(g, 1, text(NewNode("call", "f", []string{"x"}, []string{"v"}).raw, 7, "my"))
	g = message(message(message(g, 5, tensor("a", "1000")), 5, tensor("b", "1008")), 5, tensor("c", ""))
	g = message(message(g, 15, sparse), 11, value("x"))
	for _, o := range []string{"p", "q", "e", "r", "u", "v"} {
		g = message(g, 12, value(o))
	}
	raw := message(message(varint(nil, 1, 8), 7, g), 25, inner)
	raw = message(message(raw, 8, varint(text(nil, 1, ""), 2, 17)), 8, varint(text(nil, 1, "my"), 2, 1))
	path, to := filepath.Join(dir, "m.onnx"), filepath.Join(out, "o.onnx")
	os.WriteFile(path, raw, 0o640)
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Save(to); err != nil {
		t.Fatal(err)
	}
	got := names(t, out)
	if len(got) != 2 || got[0] != "o.onnx" || dataHash(to, got[1]) == "" {
		t.Fatalf("written: %q", got)
	}
	for _, name := range got {
		if st, _ := os.Stat(filepath.Join(out, name)); st.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
			t.Errorf("%s is readable by everybody, its source is not", name)
		}
	}
	back, err := Load(to)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	if err := back.CheckData(t.Context()); err != nil {
		t.Error(err)
	}
	var a, b []*Tensor
	m.eachTensor(func(t *Tensor) { a = append(a, t) })
	back.eachTensor(func(t *Tensor) { b = append(b, t) })
	external := 0
	for i := range a {
		x, _ := a[i].Bytes()
		y, err := b[i].Bytes()
		if err != nil || !bytes.Equal(x, y) {
			t.Errorf("tensor %q: %v", a[i].name, err)
		}
		if b[i].external != nil {
			external++
			if b[i].external.location != got[1] || b[i].external.offset != a[i].external.offset {
				t.Errorf("tensor %q lies at %v", a[i].name, *b[i].external)
			}
		}
	}
	if external != 6 || slices.Contains(back.ExternalFiles(), location) {
		t.Errorf("%d external tensors in %q", external, back.ExternalFiles())
	}
	// With the old places put back the bytes are the old ones.
	written, _ := os.ReadFile(to)
	undone := bytes.ReplaceAll(written, entry(nil, "location", got[1]), entry(nil, "location", location))
	if lengths := len(undone) - len(raw); lengths < -20 || lengths > 20 { // of the messages around them
		t.Errorf("%d bytes differ beside places", lengths)
	}
}

// linked makes a symbolic link and reports whether the system has them; only Windows may lack them.
func linked(t *testing.T, to, path string) bool {
	t.Helper()
	err := os.Symlink(to, path)
	if st, statErr := os.Lstat(path); err == nil && statErr == nil && st.Mode()&fs.ModeSymlink != 0 {
		return true
	}
	if runtime.GOOS != "windows" {
		t.Fatal(err)
	}
	os.Remove(path)
	return false
}

// Locations that ONNX Runtime does not follow are refused by name; links inside
// the folder, and those of the cache of a model hub, are followed.
func TestLocations(t *testing.T) {
	root := t.TempDir()
	in := func(name string) string { return filepath.Join(root, name) }
	for _, d := range []string{"model/sub", "blobs", "snap"} {
		if err := os.MkdirAll(in(d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	model := func(path, location string) {
		b := text(varint(varint(nil, 1, 4), 2, uint64(Float32)), 8, "w")
		b = varint(message(b, 13, text(text(nil, 1, "location"), 2, location)), 14, 1)
		g := message(message(nil, 1, NewNode("", "Add", []string{"x", "w"}, []string{"y"}).raw), 5, b)
		v := func(n string) []byte { return NewValue(n, Float32, Known(4)).raw }
		g = message(message(g, 11, v("x")), 12, v("y"))
		raw := message(message(varint(nil, 1, 8), 7, g), 8, varint(text(nil, 1, ""), 2, 17))
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"model/w", "model/sub/w", "secret", "blobs/1", `model/a\b`} {
		os.WriteFile(in(name), make([]byte, 16), 0o644)
	}
	for link, to := range map[string]string{"model/out": "../secret", "model/inside": "sub/w", "snap/m.onnx": "../blobs/2", "snap/w": "../blobs/1", "model/loop": "loop", "model/dir": "sub"} {
		if !linked(t, to, in(link)) {
			t.Skip("no links here")
		}
	}
	for location, want := range map[string]string{
		"w": "", "sub/w": "", "./w": "", "sub/../w": "", "inside": "", `a\b`: "",
		"../secret": "outside", in("secret"): "outside", "out": "outside", "": "without a location", "w\x00": "NUL", "nowhere": "missing", "loop": "missing",
		"sub": "a folder", "dir": "a folder", ".": "a folder", `sub\w`: "missing", `..\secret`: "missing", "w/": "a folder",
	} {
		model(in("model/m.onnx"), location)
		m, err := Load(in("model/m.onnx"))
		if err == nil {
			m.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("location %q: %v, want %q", location, err, want)
		}
	}
	// The model's own file may hold the values, as in ONNX Runtime.
	model(in("model/m.onnx"), "m.onnx")
	m, err := Load(in("model/m.onnx"))
	if err == nil {
		defer m.Close()
		err = m.Save(in("model/o.onnx"))
	}
	if err == nil {
		var o *Model
		if o, err = Load(in("model/o.onnx")); err == nil {
			o.Close()
		}
	}
	if err != nil {
		t.Error(err)
	}
	model(in("blobs/2"), "w")
	if m, err := Load(in("snap/m.onnx")); err != nil {
		t.Errorf("in the cache of a model hub: %v", err)
	} else {
		if got := m.Files(); len(got) != 2 || got[0] != in("snap/m.onnx") || got[1] != in("snap/w") {
			t.Errorf("it reads %q", got)
		}
		m.Close()
	}
}

// The names of data fit where the model's own hardly does.
func TestLongDataNames(t *testing.T) {
	for _, stem := range []string{strings.Repeat("n", 238), strings.Repeat("ü", 119)} {
		path := filepath.Join(t.TempDir(), stem+".onnx")
		extModel(t, path, 1)
		extModel(t, path, 2)
		if weight(t, path) != 2 || len(names(t, filepath.Dir(path))) != 2 {
			t.Errorf("%d bytes: %q", len(stem), names(t, filepath.Dir(path)))
		}
	}
}

// Hashing behind a writer gives the hash of the file, in whichever order the parts
// were written.
func TestDigest(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make([]byte, 40*1000)
	for i := range all {
		all[i] = byte(i * i)
	}
	d := newDigest(f)
	for _, k := range []int{3, 0, 1, 2, 9, 8, 7, 4, 5, 6, 10, 39} {
		f.WriteAt(all[k*1000:][:1000], int64(k*1000))
		d.wrote(int64(k*1000), 1000)
	}
	for k := 38; k > 10; k-- {
		f.WriteAt(all[k*1000:][:1000], int64(k*1000))
		d.wrote(int64(k*1000), 1000)
	}
	if got, err := d.name(); err != nil || got != contentOf(all) {
		t.Errorf("%s, %v", got, err)
	}
}
