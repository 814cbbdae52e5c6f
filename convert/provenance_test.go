package convert

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"repmlp/convert/internal/edit"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
)

// origins are what the nodes of a model say that they were merged from.
func origins(t *testing.T, m *onnxio.Model) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	note := func(n *onnxio.Node, text string) {
		var list []string
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		all[n.Name()] = list
	}
	for _, n := range m.Graph().Nodes() {
		for line := range strings.Lines(n.DocString()) {
			if text, ok := strings.CutPrefix(line, edit.MergedFrom+": "); ok {
				note(n, text)
			}
		}
		for _, p := range n.Metadata() {
			if p.Key == edit.MergedFrom {
				note(n, p.Value)
			}
		}
	}
	return all
}

// A written model says which tool made it of which file, and each merged node what it was
// merged from; the same input gives the same bytes, converting the result again changes
// none, and whoever wants none of this gets none.
func TestProvenance(t *testing.T) {
	dir := t.TempDir()
	for _, in := range []string{"../testdata/digits/digits_legacy.onnx", "../testdata/digits/digits_dynamo.onnx"} {
		path := func(name string) string { return filepath.Join(dir, name) }
		read := func(path string) []byte {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		r, err := File(t.Context(), in, path("a.onnx"), Options{Version: "7.8"})
		if err != nil {
			t.Fatal(err)
		}
		if r.Input.SHA256 != "" {
			t.Error("a hash that nobody asked for")
		}
		if _, err := File(t.Context(), in, path("b.onnx"), Options{Version: "7.8", Hashes: true}); err != nil {
			t.Fatal(err)
		}
		again, err := File(t.Context(), path("a.onnx"), path("c.onnx"), Options{})
		if err != nil || again.Verdict != Unchanged {
			t.Fatalf("%s, %v", again.Verdict, err)
		}
		if a := read(path("a.onnx")); !bytes.Equal(a, read(path("b.onnx"))) || !bytes.Equal(a, read(path("c.onnx"))) {
			t.Errorf("%s: other bytes", in)
		}
		sum := sha256.Sum256(read(in))
		if p := again.Input.Provenance; p == nil || *p != (Provenance{"7.8", hex.EncodeToString(sum[:])}) {
			t.Errorf("%s: the result says %+v of itself", in, p)
		}
		m, err := onnxio.Load(path("a.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		said := origins(t, m)
		for _, g := range r.Regions {
			found := slices.ContainsFunc(g.Into, func(n string) bool { return slices.Equal(said[n], g.Merged) })
			if len(g.Into) > 0 && !found {
				t.Errorf("%s: no node of %q says that it was merged from %q", in, g.Into, g.Merged)
			}
		}
		m.Close()
		if _, err := File(t.Context(), in, path("n.onnx"), Options{NoMetadata: true}); err != nil {
			t.Fatal(err)
		}
		if b := read(path("n.onnx")); bytes.Contains(b, []byte("repmlp.version")) || bytes.Contains(b, []byte("repmlp.source")) || bytes.Contains(b, []byte(edit.MergedFrom)) {
			t.Errorf("%s: provenance that nobody wanted", in)
		}
	}
}

// A model that never was a file has no bytes to take a hash of: the hash of an earlier source goes,
// and where it says nothing nothing comes.
func TestProvenanceWithoutFile(t *testing.T) {
	m := sketch.Model(t, "x : float32 N 4\na = Gemm(x, ?4x4)\ny = Gemm(a, ?4x4)")
	for _, c := range []struct {
		name string
		says []onnxio.Property
		want []onnxio.Property
	}{
		{"an author", []onnxio.Property{{Key: "author", Value: "a"}}, []onnxio.Property{{Key: "author", Value: "a"}, {Key: versionKey, Value: "7.8"}}},
		{"an earlier source", []onnxio.Property{{Key: versionKey, Value: "1"}, {Key: sourceKey, Value: "ab"}}, []onnxio.Property{{Key: versionKey, Value: "7.8"}, {Key: sourceKey, Value: ""}}},
	} {
		made, _, err := Model(t.Context(), m.WithMetadata(c.says), Options{Version: "7.8", NoCheck: true})
		if err != nil {
			t.Fatal(err)
		}
		if have := made.Metadata(); !slices.Equal(have, c.want) {
			t.Errorf("%s: it says %v, want %v", c.name, have, c.want)
		}
	}
}
