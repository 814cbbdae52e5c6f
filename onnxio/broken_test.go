package onnxio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each kind of broken file ends with a sentence that names the place.
func TestBrokenFiles(t *testing.T) {
	value := func(n string) *ValueInfo { return NewValue(n, Float32, Known(2)) }
	relu := NewNode("first", "Relu", []string{"x"}, []string{"y"})
	tensor := func(dims []int64, body ...byte) []byte {
		var b []byte
		for _, d := range dims {
			b = varint(b, 1, uint64(d))
		}
		return append(text(varint(b, 2, uint64(Float32)), 8, "the.weight"), body...)
	}
	build := func(nodes []*Node, inits ...[]byte) []byte {
		var g []byte
		for _, n := range nodes {
			g = message(g, 1, n.raw)
		}
		for _, t := range inits {
			g = message(g, 5, t)
		}
		g = message(message(g, 11, value("x").raw), 12, value("y").raw)
		m := message(varint(nil, 1, 8), 7, g)
		return message(m, 8, varint(text(nil, 1, ""), 2, 17))
	}
	external := func(loc, offset, length string) []byte {
		b := tensor([]int64{4})
		for k, v := range map[string]string{"location": loc, "offset": offset, "length": length} {
			if v != "" {
				b = message(b, 13, text(text(nil, 1, k), 2, v))
			}
		}
		return varint(b, 14, 1)
	}
	attr := func(a []byte) *Node {
		n := NewNode("the.node", "Relu", []string{"x"}, []string{"y"})
		n.raw = message(n.raw, 5, a)
		return n
	}
	whole := build([]*Node{relu})
	function := func(name, calls string) []byte {
		f := text(text(nil, 1, name), 10, "my")
		f = text(text(f, 4, "a"), 5, "b")
		n := NewNode("inner", calls, []string{"a"}, []string{"b"})
		return message(f, 7, text(n.raw, 7, "my"))
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "empty"},
		"truncated":         {whole[:len(whole)-20], "ends in the middle"},
		"no graph":          {varint(nil, 1, 8), "no graph"},
		"lfs pointer":       {[]byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "LFS"},
		"web page":          {[]byte("<!DOCTYPE html><html></html>"), "web page"},
		"checkpoint":        {[]byte("PK\x03\x04 and so on"), "zip"},
		"negative dims":     {build([]*Node{relu}, tensor([]int64{-3})), "the.weight"},
		"overflowing dims":  {build([]*Node{relu}, tensor([]int64{1 << 40, 1 << 40})), "overflow"},
		"raw_data short":    {build([]*Node{relu}, tensor([]int64{4}, message(nil, 9, make([]byte, 12))...)), "needs 16 bytes"},
		"float_data short":  {build([]*Node{relu}, tensor([]int64{4}, message(nil, 4, make([]byte, 12))...)), "needs 4 values"},
		"raw and typed":     {build([]*Node{relu}, tensor([]int64{1}, message(message(nil, 9, make([]byte, 4)), 4, make([]byte, 4))...)), "both"},
		"cycle":             {build([]*Node{NewNode("first", "Add", []string{"x", "z"}, []string{"y"}), NewNode("second", "Relu", []string{"y"}, []string{"z"})}), "cycle"},
		"two producers":     {build([]*Node{relu, NewNode("second", "Relu", []string{"x"}, []string{"y"})}), "two producers"},
		"dangling":          {build([]*Node{NewNode("first", "Relu", []string{"ghost"}, []string{"y"})}), "ghost"},
		"output missing":    {build([]*Node{NewNode("first", "Relu", []string{"x"}, []string{"q"})}), `"y"`},
		"attribute of two":  {build([]*Node{attr(varint(text(varint(nil, 3, 1), 1, "axis"), 20, uint64(AttrInts)))}), "says type"},
		"attribute twice":   {build([]*Node{attr(varint(varint(text(nil, 1, "axis"), 3, 1), 20, 2)), attr(nil)}), "two producers"},
		"external missing":  {build([]*Node{relu}, external("nowhere.bin", "0", "16")), "nowhere.bin"},
		"external short":    {build([]*Node{relu}, external("short.bin", "0", "16")), "ends before"},
		"external outside":  {build([]*Node{relu}, external("../secret", "0", "16")), "outside"},
		"external absolute": {build([]*Node{relu}, external("/etc/passwd", "0", "16")), "outside"},
		"external length":   {build([]*Node{relu}, external("short.bin", "0", "8")), "entry says 8"},
		"external offset":   {build([]*Node{relu}, external("short.bin", "-4", "16")), "the.weight"},
		"link outside":      {build([]*Node{relu}, external("link.bin", "0", "16")), "outside"},
		"two of a name":     {build([]*Node{relu}, tensor([]int64{1}, message(nil, 9, make([]byte, 4))...), tensor([]int64{1}, message(nil, 9, make([]byte, 4))...)), "two initializers"},
		"recursive":         {message(message(whole, 25, function("f", "g")), 25, function("g", "f")), "calls itself"},
		"recursive alone":   {message(whole, 25, function("f", "f")), "calls itself"},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "m.onnx")
		os.WriteFile(file, tc.data, 0o644)
		os.WriteFile(filepath.Join(dir, "short.bin"), make([]byte, 8), 0o644)
		if !linked(t, "/etc/hostname", filepath.Join(dir, "link.bin")) && name == "link outside" {
			continue
		}
		m, err := Load(file)
		if err == nil {
			m.Close()
			t.Errorf("%s: accepted", name)
			continue
		}
		if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "m.onnx") {
			t.Errorf("%s: %q does not name %q and the file", name, err, tc.want)
		}
	}
}
