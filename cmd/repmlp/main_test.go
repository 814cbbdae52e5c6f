package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"repmlp/convert"
	"repmlp/onnxio"
	"repmlp/verify"
	"repmlp/verify/ort"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench-memory" { // as bench starts it
		main()
	}
	if len(os.Args) > 1 && os.Args[1] == "bisect-check" { // as tests of bisect ask for
		os.Exit(bisectCheck(os.Args[2:]))
	}
	testscript.Main(m, map[string]func(){"repmlp": main})
}

// sample is a small trained model, wherever a test goes.
var sample = func() string {
	path, err := filepath.Abs("../../testdata/digits/digits_dynamo.onnx")
	if err != nil {
		panic(err)
	}
	return path
}()

// linked reports whether a link can be made in a folder that is seen to be one; under wine
// it is not.
func linked(dir string) bool {
	link := filepath.Join(dir, "link")
	if os.WriteFile(filepath.Join(dir, "file"), nil, 0o644) != nil || os.Symlink("file", link) != nil {
		return false
	}
	st, err := os.Lstat(link)
	return err == nil && st.Mode()&os.ModeSymlink != 0
}

// TestScripts runs the command line's specification.
func TestScripts(t *testing.T) {
	data, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	library := ""
	if lib, err := ort.Open(ort.Find("", os.Getenv)); err == nil {
		library = lib.Path
	} else if os.Getenv("REPMLP_REQUIRE_ORT") != "" {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("DATA", data)
			e.Setenv(ort.EnvLibrary, library)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "ort":
				return library != "", nil
			case "links": // which can be told from what they lead to
				return linked(t.TempDir()), nil
			}
			return false, fmt.Errorf("there is no condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// hardlink NEW OLD gives a file a second name.
			"hardlink": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(os.Link(ts.MkAbs(args[1]), ts.MkAbs(args[0])))
			},
			// clones N FILE DIR makes copies of a model, DIR/m00.onnx and so on.
			"clones": func(ts *testscript.TestScript, neg bool, args []string) {
				n, err := strconv.Atoi(args[0])
				ts.Check(err)
				for i := range n {
					ts.Check(os.WriteFile(ts.MkAbs(fmt.Sprintf("%s/m%02d.onnx", args[2], i)), []byte(ts.ReadFile(args[1])), 0o644))
				}
			},
			// sha256 FILE sets SHA256.
			"sha256": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Setenv("SHA256", hashBytes([]byte(ts.ReadFile(args[0]))))
			},
			// unread COMMAND ARGS runs a command whose standard output and error nobody
			// reads; it must end well.
			"unread": func(ts *testscript.TestScript, neg bool, args []string) {
				r, w, err := os.Pipe()
				ts.Check(err)
				defer w.Close()
				r.Close()
				cmd := exec.Command(args[0], args[1:]...)
				cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), w, w
				ts.Check(cmd.Run())
			},
			// code N COMMAND ARGS runs a command and wants exit code N.
			"code": func(ts *testscript.TestScript, neg bool, args []string) {
				err := ts.Exec(args[1], args[2:]...)
				got := 0
				if err != nil {
					got = -1
					if x, ok := err.(*exec.ExitError); ok {
						got = x.ExitCode()
					}
				}
				if fmt.Sprint(got) != args[0] {
					ts.Fatalf("exit code %d, want %s", got, args[0])
				}
			},
		},
	})
}

// repmlp runs the command line in this process.
func repmlp(args ...string) (code int, out, errw string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

// A nudged weight is exit 3, without an output file, with the report that was
// asked for.
func TestNudgedWeightIsExit3(t *testing.T) {
	dir := t.TempDir()
	out, report := filepath.Join(dir, "o.onnx"), filepath.Join(dir, "r.json")
	var o, e bytes.Buffer
	a := &app{out: &stdout{to: &o}, err: &e, prover: func(uint64, map[string]int64) convert.Prover { return &nudger{} }}
	if code := a.run(context.Background(), []string{"convert", "../../testdata/digits/digits_legacy.onnx", "-o", out, "--report", report}); code != exitNotEquivalent {
		t.Fatalf("exit code %d, want %d: %s", code, exitNotEquivalent, e.String())
	}
	files, _ := os.ReadDir(dir)
	if len(files) != 1 || files[0].Name() != "r.json" {
		t.Errorf("files left: %v", files)
	}
	var r convert.Report
	b, _ := os.ReadFile(report)
	if err := json.Unmarshal(b, &r); err != nil || len(r.Regions) == 0 {
		t.Errorf("the report is no report: %v", err)
	}
}

// A nudger moves one merged weight by 1e-3 of its layer's largest before the
// proof sees it.
type nudger struct{ verify.Prover }

func (n *nudger) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	for _, t := range c.After.Graph().Inits() {
		if t.Name() != c.Output+".weight" {
			continue
		}
		v, err := t.Float64s()
		if err != nil {
			return verify.Proof{}, err
		}
		top := 0.0
		for _, x := range v {
			top = max(top, x, -x)
		}
		v[len(v)/3] += 1e-3 * top
		b, err := onnxio.EncodeFloat64(v, t.DType())
		if err != nil {
			return verify.Proof{}, err
		}
		moved, err := onnxio.NewTensor(t.Name(), t.DType(), t.Dims(), b)
		if err != nil {
			return verify.Proof{}, err
		}
		if c.After, err = c.After.Apply(onnxio.Edit{DropInits: []*onnxio.Tensor{t}, AddInits: []*onnxio.Tensor{moved}}); err != nil {
			return verify.Proof{}, err
		}
		break
	}
	return n.Prover.Prove(ctx, c)
}

// Randomly damaged copies of real files end with a code of the contract,
// without a panic and without an output after an error.
func TestDamagedFiles(t *testing.T) {
	files, err := filepath.Glob("../../testdata/cases/*/model.onnx")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	copies := 1000
	if testing.Short() {
		copies = 100
	}
	dir := t.TempDir()
	codes := map[int]int{}
	for i := range copies {
		rng := rand.New(rand.NewPCG(uint64(i), 99))
		b, err := os.ReadFile(files[rng.IntN(len(files))])
		if err != nil {
			t.Fatal(err)
		}
		b = damage(rng, b)
		in, out := filepath.Join(dir, "m.onnx"), filepath.Join(dir, "o.onnx")
		if err := os.WriteFile(in, b, 0o644); err != nil {
			t.Fatal(err)
		}
		code, _, errw := repmlp("convert", in, "-o", out, "-q")
		codes[code]++
		_, missing := os.Stat(out)
		switch {
		case !slices.Contains([]int{exitDone, exitFailed, exitNotEquivalent}, code):
			t.Fatalf("copy %d: exit code %d", i, code)
		case code == exitDone && missing != nil:
			t.Fatalf("copy %d: exit 0 without an output", i)
		case code != exitDone && missing == nil:
			t.Fatalf("copy %d: exit %d with an output", i, code)
		case code != exitDone && !strings.HasPrefix(errw, "repmlp: error: "):
			t.Fatalf("copy %d: exit %d says %q", i, code, errw)
		}
		os.Remove(out)
		os.Remove(out + ".data")
	}
	left, _ := os.ReadDir(dir)
	if len(left) > 1 {
		t.Errorf("%d files left over, as %q", len(left)-1, left[0].Name())
	}
	t.Logf("exit codes: %v", codes)
	if codes[exitFailed] < copies/10 {
		t.Errorf("only %d of %d damaged files were refused: the damage does not reach the structure", codes[exitFailed], copies)
	}
}

// damage truncates, overwrites, removes or repeats bytes, mostly near the start
// where the structure is.
func damage(rng *rand.Rand, b []byte) []byte {
	b = slices.Clone(b)
	at := func() int {
		if rng.IntN(2) == 0 {
			return rng.IntN(min(len(b), 4000))
		}
		return rng.IntN(len(b))
	}
	for range 1 + rng.IntN(4) {
		switch rng.IntN(5) {
		case 0:
			b = b[:max(1, at())]
		case 1, 2:
			b[at()] ^= byte(1 << rng.IntN(8))
		case 3:
			i := at()
			b = slices.Delete(b, i, min(len(b), i+1+rng.IntN(8)))
		case 4:
			i := at()
			b = slices.Insert(b, i, b[i:min(len(b), i+1+rng.IntN(16))]...)
		}
		if len(b) == 0 {
			return []byte{0}
		}
	}
	return b
}

// Names from a file reach the terminal with control characters escaped.
func TestControlCharactersAreEscaped(t *testing.T) {
	m, err := onnxio.NewModel(onnxio.Parts{
		Inputs:  []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Known(2))},
		Outputs: []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Known(2))},
		Nodes:   []*onnxio.Node{onnxio.NewNode("evil\x1b[2J\u202ename", "NoSuch\x07Op", []string{"x"}, []string{"y"})},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "m.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	code, out, errw := repmlp("verify", file, file)
	if code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if s := out + errw; strings.ContainsAny(s, "\x1b\x07\u202e") || !strings.Contains(s, `evil\x1b[2J\u202ename`) {
		t.Errorf("the message is %q", s)
	}
}

func hashBytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
