package onnxio

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A content depends on every byte, on their order and number, and on nothing else.
func TestContent(t *testing.T) {
	all := make([]byte, 3*contentPiece+100)
	rand.NewChaCha8([32]byte{}).Read(all)
	want := contentOf(all)
	if !isContent(want) || isContent(want[1:]) || isContent(strings.ToUpper(want)) {
		t.Errorf("the content is called %q", want)
	}
	for _, n := range []int{1 << 10, contentPiece - 1, contentPiece, contentPiece + 1, 5 << 20} {
		c := newContent()
		for b := range slices.Chunk(all, n) {
			c.Write(b)
		}
		if got := c.name(); got != want {
			t.Errorf("in parts of %d bytes it is called %q, not %q", n, got, want)
		}
	}
	seen := map[string]string{want: "the original"}
	differs := func(what string, b []byte) {
		name := contentOf(b)
		if other, ok := seen[name]; ok {
			t.Errorf("%s has the name of %s", what, other)
		}
		seen[name] = what
	}
	for _, at := range []int{0, 1, 1000, contentPiece - 1, contentPiece, 2*contentPiece + 5, len(all) - 1} {
		b := slices.Clone(all)
		b[at] ^= 1 << (at % 8)
		differs("one bit", b)
	}
	differs("pieces in another order", slices.Concat(all[contentPiece:2*contentPiece], all[:contentPiece], all[2*contentPiece:]))
	differs("blocks in another order", slices.Concat(all[16:32], all[:16], all[32:]))
	differs("one zero more", append(slices.Clone(all), 0))
	differs("one byte less", all[:len(all)-1])
	differs("the first piece", all[:contentPiece])
	differs("the first two", all[:2*contentPiece])
	differs("nothing", nil)
	differs("a zero", []byte{0})
	differs("two zeros", []byte{0, 0})
}

// Checksums of other tools are compared as ONNX defines them, and are not handed on
// with data of another file.
func TestChecksumsOfOthers(t *testing.T) {
	var dir string // of one checksum: models that are open hold their files
	in := func(name string) string { return filepath.Join(dir, name) }
	data := bytes.Repeat([]byte{1, 2, 3, 4}, 100)
	right := sha1.Sum(data)
	for checksum, ok := range map[string]bool{
		hex.EncodeToString(right[:]): true, strings.ToUpper(hex.EncodeToString(right[:])): true,
		strings.Repeat("0", 40): false, "another form": true,
	} {
		dir = t.TempDir()
		b := text(varint(varint(nil, 1, 100), 2, uint64(Float32)), 8, "w")
		for _, e := range []Property{{"location", "w.bin"}, {"checksum", checksum}} {
			b = message(b, 13, text(text(nil, 1, e.Key), 2, e.Value))
		}
		var g []byte
		g = message(message(g, 1, NewNode("", "Add", []string{"x", "w"}, []string{"y"}).raw), 5, varint(b, 14, 1))
		g = message(message(g, 11, NewValue("x", Float32, Known(100)).raw), 12, NewValue("y", Float32, Known(100)).raw)
		raw := message(message(varint(nil, 1, 8), 7, g), 8, varint(text(nil, 1, ""), 2, 17))
		for name, b := range map[string][]byte{"m.onnx": raw, "w.bin": data} {
			if err := os.WriteFile(in(name), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := Load(in("m.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if err := m.CheckData(t.Context()); (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), "SHA-1") || Advice(err) == "") {
			t.Errorf("checksum %q: %v", checksum, err)
		}
		if err := m.Save(in("o.onnx")); err != nil {
			t.Fatal(err)
		}
		o, err := Load(in("o.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		defer o.Close()
		if err := o.CheckData(t.Context()); err != nil || o.graph.inits[0].external.checksum != "" {
			t.Errorf("written: %v, with the checksum %q", err, o.graph.inits[0].external.checksum)
		}
	}
}

func BenchmarkContent(b *testing.B) {
	data := make([]byte, 8*contentPiece)
	b.SetBytes(int64(len(data)))
	c := newContent()
	for b.Loop() {
		c.Write(data)
	}
}
