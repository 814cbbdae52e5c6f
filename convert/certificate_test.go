package convert

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"repmlp/internal/sketch"
)

// certified is the certificate of a conversion, with its files.
func certified(t *testing.T, opts Options) (c *Certificate, original, converted string) {
	t.Helper()
	original = drawn(t, "x : float32 N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\ny = Relu(b)")
	converted = filepath.Join(t.TempDir(), "o.onnx")
	if _, err := File(t.Context(), original, converted, Options{NoCheck: true}); err != nil {
		t.Fatal(err)
	}
	opts.Hashes = true
	r, err := ProveFiles(t.Context(), original, converted, opts)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = Certify(t.Context(), r, opts); err != nil {
		t.Fatal(err)
	}
	return c, original, converted
}

// read is a certificate as it is read from what is written of it.
func read(t *testing.T, c *Certificate) *Certificate {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadCertificate(b)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A certificate holds of the files that it is of, wherever they are, and of no others.
func TestCertificate(t *testing.T) {
	c, original, converted := certified(t, Options{Seed: 3})
	if len(c.Proving.Pieces) != 1 || c.Verdict != Proved || c.Seed != 3 || len(c.Original.SHA256) != 64 || c.Original.SHA256 == c.Converted.SHA256 || c.Original.Path != original || c.Converted.Path != converted {
		t.Fatalf("%+v", c)
	}
	if again := read(t, c); !reflect.DeepEqual(again, c) {
		t.Errorf("%+v, and was %+v", again, c)
	}
	if r, err := CheckCertificate(t.Context(), read(t, c), "", "", Options{}); err != nil || r.Verdict != Proved || r.Error != nil {
		t.Errorf("%v, %+v", err, r)
	}
	moved := filepath.Join(t.TempDir(), "moved.onnx")
	if err := os.Rename(converted, moved); err != nil {
		t.Fatal(err)
	}
	if _, err := CheckCertificate(t.Context(), c, "", "", Options{}); err == nil || errors.Is(err, ErrNotEquivalent) {
		t.Errorf("a file that is gone: %v", err)
	}
	if r, err := CheckCertificate(t.Context(), c, original, moved, Options{}); err != nil || r.Verdict != Proved {
		t.Errorf("%v, %+v", err, r)
	}
	r, err := CheckCertificate(t.Context(), c, original, original, Options{})
	if !errors.Is(err, ErrNotEquivalent) || r.Verdict != NotEquivalent || r.Error == nil || !strings.Contains(err.Error(), "is another file than was certified") || r.Error.Message != err.Error() {
		t.Errorf("another file: %v, %+v", err, r)
	}
}

// What a certificate says otherwise than a proof finds is told.
func TestCertificateOfSomethingElse(t *testing.T) {
	c, _, _ := certified(t, Options{})
	for want, spoil := range map[string]func(c *Certificate){
		"":                                   func(c *Certificate) { c.Proving.Pieces[0].Roundings++ }, // it allows more than is needed
		"is another file than was certified": func(c *Certificate) { c.Original.SHA256 = c.Converted.SHA256 },
		"another file than was":              func(c *Certificate) { c.Converted.External = []CertifiedData{{"w", "0"}} },
		`the verdict is "proved" and was "compared"`: func(c *Certificate) { c.Verdict = Compared },
		"are identical, and were 1 and 7":            func(c *Certificate) { c.Proving.Identical.Tensors = 7 },
		"1 pieces differ, and were 0":                func(c *Certificate) { c.Proving.Pieces = nil },
		`what it says of "z" is not so`:              func(c *Certificate) { c.Proving.Pieces[0].Value = "z" },
		"what it says of \"b\" is not so":            func(c *Certificate) { c.Proving.Pieces[0].New += "." },
		"says of \"b\" is not so":                    func(c *Certificate) { c.Proving.Pieces[0].From = []string{"a"} },
		"of \"b\" is not so":                         func(c *Certificate) { c.Proving.Pieces[0].Original = nil },
		"\"b\" is not so":                            func(c *Certificate) { c.Proving.Pieces[0].Converted = nil },
		"b\" is not so":                              func(c *Certificate) { c.Proving.Pieces[0].Linear = false },
		"\" is not so":                               func(c *Certificate) { c.Proving.Pieces[0].Method += "." },
		"is not so":                                  func(c *Certificate) { c.Proving.Pieces[0].Roundings-- },
	} {
		other := read(t, c)
		spoil(other)
		_, err := CheckCertificate(t.Context(), other, "", "", Options{})
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrNotEquivalent) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// Only reports of proofs with hashes are certified.
func TestCertifyRefuses(t *testing.T) {
	path := drawn(t, "x : N 4\ny = Relu(x)")
	for what, c := range map[string]struct {
		spoil func(r *Report)
		ok    bool
	}{
		"a proof":         {func(*Report) {}, true},
		"a comparison":    {func(r *Report) { r.Verdict = Compared }, true},
		"another command": {func(r *Report) { r.Command = "inspect" }, false},
		"no proof":        {func(r *Report) { r.Proving = nil }, false},
		"another verdict": {func(r *Report) { r.Verdict = NotEquivalent }, false},
		"no hash":         {func(r *Report) { r.Input.SHA256 = "" }, false},
	} {
		r := &Report{Command: "prove", Proving: &Proving{}, Verdict: Proved, Input: &FileFacts{Path: path, SHA256: "1"}, Output: &FileFacts{Path: path, SHA256: "2"}}
		c.spoil(r)
		made, err := Certify(t.Context(), r, Options{})
		if (err == nil) != c.ok || c.ok && (made.Original.SHA256 != "1" || made.Converted.SHA256 != "2") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Files of external data belong to what is certified.
func TestCertificateOfExternalData(t *testing.T) {
	dir := t.TempDir()
	path, data := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "w.bin")
	m := sketch.Model(t, "x : float32 N 4\na = MatMul(x, ?4x4)\ny = Relu(a)")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(data, []byte("weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &Report{Command: "prove", Proving: &Proving{}, Verdict: Proved, Input: &FileFacts{Path: path, SHA256: "1", External: []string{"w.bin"}}, Output: &FileFacts{Path: path, SHA256: "2"}}
	c, err := Certify(t.Context(), r, Options{})
	if err != nil || len(c.Original.External) != 1 || len(c.Converted.External) != 0 || c.Original.External[0] != (CertifiedData{"w.bin", hashBytes([]byte("weights"))}) {
		t.Errorf("%+v, %v", c, err)
	}
	r.Input.External = []string{"nowhere.bin"}
	if _, err := Certify(t.Context(), r, Options{}); err == nil {
		t.Error("a file that is not there")
	}
}

// What is no certificate is refused.
func TestReadCertificateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                  "unexpected end",
		`{"schema": "else"}`: `its schema is "else"`,
		`{"schema": "` + CertificateSchema + `"}`: "it says of nothing that it is proved",
	} {
		if c, err := ReadCertificate([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}

// The flags under which something was proved are those under which it is proved again.
func TestFlagsOfCertificate(t *testing.T) {
	original := drawn(t, "x : float32 N 4 3\na = BatchNormalization(x, ?4, ?4, ?4, !4) training_mode=1\nb = Mul(a, =2:4x1)\ny = Relu(b)")
	converted := filepath.Join(t.TempDir(), "o.onnx")
	opts := Options{BatchStatistics: true, NoCheck: true, Hashes: true}
	if _, err := File(t.Context(), original, converted, opts); err != nil {
		t.Fatal(err)
	}
	r, err := ProveFiles(t.Context(), original, converted, opts)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Certify(t.Context(), r, opts)
	if err != nil || strings.Join(c.Proving.Flags, " ") != "--batch-stats-as-inference" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := CheckCertificate(t.Context(), c, "", "", Options{}); err != nil {
		t.Error(err)
	}
	c.Proving.Flags = nil
	if _, err := CheckCertificate(t.Context(), c, "", "", Options{}); err == nil {
		t.Error("without the flag it holds")
	}
}

// What is not linear is compared on samples, which the verdict says; each piece is a step of
// the progress.
func TestProvingOfWhatIsNotLinear(t *testing.T) {
	const layer = "x : float32 N 4\na = MatMul(x, =1_2_0_4:4x4)\nb = MatMul(a, =2_0_0_0_0:4x4)\nc = Relu(b)\n"
	const merged = "x : float32 N 4\nb = MatMul(x, =2_4_0_8:4x4)\nc = Relu(b)\n"
	const swish, other = "s = Sigmoid(c)\ny = Mul(c, s)", "n = Neg(c)\ne = Exp(n)\nd = Add(e, =1)\ny = Div(c, d)"
	for _, c := range []struct {
		first, second string
		pieces        int
		verdict       string
	}{
		{"x : float32 N 4\nc = Neg(x)\n" + swish, "x : float32 N 4\nc = Neg(x)\n" + swish, 0, Proved},
		{"x : float32 N 4\nc = Neg(x)\n" + swish, "x : float32 N 4\nc = Neg(x)\n" + other, 1, Compared},
		{layer + swish, merged + swish, 1, Proved},
		{layer + swish, merged + other, 2, Compared},
	} {
		for _, strict := range []bool{false, true} {
			var steps []int
			opts := Options{Strict: strict, Progress: func(step string, done, total int) {
				if step == "proving" && total > 0 {
					if steps = append(steps, done); total != c.pieces {
						t.Errorf("%d of %d", done, total)
					}
				}
			}}
			r, err := ProveFiles(t.Context(), drawn(t, c.first), drawn(t, c.second), opts)
			refused := strict && c.verdict == Compared
			if errors.Is(err, ErrStrict) != refused || !refused && err != nil || r.Verdict != c.verdict || len(r.Proving.Pieces) != c.pieces {
				t.Fatalf("%s\n%s: %v, %s, %+v", c.first, c.second, err, r.Verdict, r.Proving)
			}
			for i, done := range steps {
				if done != i+1 {
					t.Errorf("steps %d", steps)
				}
			}
			if len(steps) != c.pieces {
				t.Errorf("%d steps for %d pieces", len(steps), c.pieces)
			}
		}
	}
}
