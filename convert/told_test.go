package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"repmlp/internal/sketch"
)

// A telling runs the front doors on small models and writes down all that they say.
type telling struct {
	t     *testing.T
	text  strings.Builder
	dir   string
	name  string
	known map[string]string // what was written down, by where
}

// model writes a model into the folder of the case.
func (x *telling) model(name, text string) string {
	path := filepath.Join(x.dir, name)
	if err := sketch.Model(x.t, text).Save(path); err != nil {
		x.t.Fatal(err)
	}
	return path
}

// begin starts a case: options that note which steps are heard of, and how far they went.
func (x *telling) begin(name string, o Options) (Options, *heard) {
	x.dir, x.name = x.t.TempDir(), name
	h := &heard{last: map[string][3]int{}}
	o.Version = "tested"
	o.Began = func(step string) { h.began = append(h.began, step) }
	o.Progress = func(step string, done, total int) {
		h.last[step] = [3]int{h.last[step][0] + 1, done, total}
	}
	return o, h
}

// A heard is what a caller hears of a run.
type heard struct {
	began []string
	last  map[string][3]int // calls, and the numbers of the last one
}

// end writes down what came out.
func (x *telling) end(h *heard, said any, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "began: %s\n", strings.Join(h.began, " "))
	for _, step := range slices.Sorted(maps.Keys(h.last)) {
		// Runs of models and of writers go on in pieces of many sizes.
		if n := h.last[step]; step == "proving" {
			fmt.Fprintf(&b, "%s: %d calls, the last is %d of %d\n", step, n[0], n[1], n[2])
		} else {
			fmt.Fprintf(&b, "%s: ends with %t\n", step, n[1] == n[2])
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %s\n", x.plain(err.Error()))
		for _, kind := range []error{ErrNotONNX, ErrUnsupported, ErrBudget, ErrNotEquivalent, ErrStrict} {
			if errors.Is(err, kind) {
				fmt.Fprintf(&b, "kind: %v\n", kind)
			}
		}
	}
	text, err := json.Marshal(said)
	if err != nil {
		x.t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		x.t.Fatal(err)
	}
	x.write(&b, "", "", v)
	all := b.String()
	if as := x.known[all]; as != "" {
		all = "as " + as + "\n"
	} else {
		x.known[all] = x.name
	}
	fmt.Fprintf(&x.text, "# %s\n%s\n", x.name, all)
}

// write is JSON in lines, without what a processor or a clock decides.
func (x *telling) write(b *strings.Builder, indent, key string, v any) {
	line := func(s string) { fmt.Fprintf(b, "%s%s: %s\n", indent, key, s) }
	switch v := v.(type) {
	case map[string]any:
		if key == "seconds" {
			line(strings.Join(slices.Sorted(maps.Keys(v)), " "))
			return
		}
		delete(v, "histogram") // of roundings
		if n, ok := v["max_abs"].(json.Number); ok && x.scalar("max_abs", n) == "little" {
			for _, k := range []string{"worst_index", "worst_values", "worst_run", "equal"} {
				delete(v, k)
			}
		}
		if key != "" {
			var flat []string
			for _, k := range slices.Sorted(maps.Keys(v)) {
				switch v[k].(type) {
				case map[string]any, []any:
				default:
					flat = append(flat, k+" "+x.scalar(k, v[k]))
					delete(v, k)
				}
			}
			fmt.Fprintf(b, "%s%s: %s\n", indent, key, strings.Join(flat, ", "))
			indent += "  "
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			x.write(b, indent, k, v[k])
		}
	case []any:
		if !slices.ContainsFunc(v, func(e any) bool { _, ok := e.(map[string]any); return ok }) {
			var list []string
			for _, e := range v {
				list = append(list, x.scalar(key, e))
			}
			line(strings.Join(list, ", "))
			return
		}
		for _, e := range v {
			x.write(b, indent, key, e)
		}
	default:
		line(x.scalar(key, v))
	}
}

func (x *telling) scalar(key string, v any) string {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		switch {
		case err != nil || f == math.Trunc(f):
			return v.String()
		case math.Abs(f) < 1e-3:
			return "little"
		case strings.HasSuffix(key, "_ratio") && f < 1:
			return "below 1"
		}
		return strconv.FormatFloat(f, 'g', 2, 64)
	case string:
		if strings.HasSuffix(key, "sha256") {
			return fmt.Sprintf("%d digits", len(v))
		}
		return x.plain(v)
	}
	return fmt.Sprint(v)
}

// little are numbers that only rounding makes.
var little = regexp.MustCompile(`[0-9.]+e-[0-9]+`)

func (x *telling) plain(s string) string {
	return little.ReplaceAllString(strings.ReplaceAll(s, x.dir+string(filepath.Separator), ""), "little")
}

const (
	toldBranches = "x : float32 N 4 8 8\na = Conv(x, =0.5:4x4x3x3, =1:4) pads=1,1,1,1\nb = Conv(x, =0.25:4x4x1x1)\nc = Add(a, b)\nr = Relu(c)\nd = Conv(r, =0.75:4x4x3x3)\ne = BatchNormalization(d, ?4, ?4, ?4, !4)\ny = Relu(e)"
	toldRows     = "x : float32 N 4\na = MatMul(x, ?4x6)\nb = MatMul(a, ?6x4)\ny = Relu(b)"
	toldDeclined = "x : float32 N 4 8 8\na = Conv(x, ?4x4x3x3) pads=1,1,1,1\nb = Relu(a)\nc = BatchNormalization(b, ?4, ?4, ?4, !4)\nd = Conv(c, ?4x4x3x3) pads=1,1,1,1\n> d b"
	toldTraining = "x : float32 N 4 6 6\na = Conv(x, ?4x4x1x1)\nb = BatchNormalization(a, ?4, ?4, ?4, !4) training_mode=1\nd = Dropout(b, =0.5, %1)\ny = Relu(d)"
	toldDropout  = "x : float32 N 4\na = Dropout(x, =0.5, %1)\ny = Relu(a)"
	toldNothing  = "x : float32 N H 4\ny = Relu(x)"
	toldPooled   = "x : float32 N 4 8 8\na = Conv(x, ?4x4x1x1)\nb = MaxPool(a) kernel_shape=2,2\nc = Mul(b, =-1:4x1x1)\ny = Relu(c)"
	toldUnknown  = "x : float32 N 4\na = MatMul(x, ?4x4)\nb = MatMul(a, ?4x4)\nc = Telescope(b)\ny = Relu(c)"
)

// What conversions and inspections report does not change unnoticed.
func TestWhatConversionsTell(t *testing.T) {
	x := &telling{t: t, known: map[string]string{}}
	for _, c := range []struct {
		name, model string
		o           Options
	}{
		{"branches", toldBranches, Options{Hashes: true, Arguments: []string{"convert", "it"}}},
		{"branches, not tidied, without metadata or proofs", toldBranches, Options{NoTidy: true, NoMetadata: true, Unproved: true}},
		{"branches, the first alone", toldBranches, Options{StopAfter: 1, NoCheck: true}},
		{"branches, as many as there are", toldBranches, Options{StopAfter: 2, NoCheck: true}},
		{"branches, the second alone", toldBranches, Options{Only: []string{"r2"}, NoCheck: true}},
		{"branches, strict", toldBranches, Options{Only: []string{"r2"}, Strict: true}},
		{"branches, nothing", toldBranches, Options{Skip: []string{"r1", "r2"}, Hashes: true}},
		{"branches, with sizes", toldBranches, Options{Dims: map[string]int64{"N": 3}, Seed: 5, Samples: 2}},
		{"branches, with shapes", toldBranches, Options{Shapes: map[string][]int64{"x": {12, 4, 8, 8}}, NoCheck: true}},
		{"branches, nothing may differ", toldBranches, Options{Tolerance: &Tolerance{Absolute: 1e3}, Tolerances: map[string]Tolerance{"y": {}}, Unproved: true}},
		{"rows", toldRows, Options{}},
		{"rows as convs", toldRows, Options{FC: FCConv, NoCheck: true}},
		{"declined", toldDeclined, Options{NoCheck: true}},
		{"declined, strict", toldDeclined, Options{NoCheck: true, Strict: true}},
		{"training", toldTraining, Options{NoCheck: true}},
		{"training switched off", toldTraining, Options{BatchStatistics: true}},
		{"dropout switched off", toldDropout, Options{BatchStatistics: true}},
		{"nothing", toldNothing, Options{}},
		{"nothing, strict", toldNothing, Options{Strict: true}},
		{"a foreign operator", toldUnknown, Options{}},
		{"a scale that cannot go back", toldPooled, Options{NoCheck: true}},
		{"a dimension that is none", toldNothing, Options{Dims: map[string]int64{"Q": 3}}},
		{"no options", toldNothing, Options{Samples: -1}},
	} {
		o, h := x.begin("convert: "+c.name, c.o)
		in := x.model("in.onnx", c.model)
		r, err := File(t.Context(), in, filepath.Join(x.dir, "out.onnx"), o)
		x.end(h, r, err)
		if c.o.NoCheck && !c.o.Strict {
			continue
		}
		o, h = x.begin("in memory: "+c.name, c.o)
		m, r, err := Model(t.Context(), sketch.Model(t, c.model), o)
		x.end(h, r, err)
		if (m == nil) != (err != nil) {
			t.Errorf("%s: %v, %v", c.name, m, err)
		}
		for _, values := range []bool{false, true} {
			o, h = x.begin(fmt.Sprintf("inspect, values %t: %s", values, c.name), c.o)
			o.Values = values
			r, err = InspectFile(t.Context(), x.model("in.onnx", c.model), o)
			x.end(h, r, err)
		}
	}
	sketch.Golden(t, "told_conversions.txt", x.text.String())
}

const (
	toldSums   = "x : float32 N 4 8 8\na = Mul(x, =2:4x1x1)\nb = Add(a, =1_1_1_1:4x1x1)\nr = Relu(b)\nm = GlobalAveragePool(b)\n> r m"
	toldOther  = "x : float32 N 4 8 8\na = Mul(x, =2:4x1x1)\nb = Add(a, =1_1_9_1:4x1x1)\nr = Relu(b)\nm = GlobalAveragePool(b)\n> r m"
	toldCalled = "u : float32 N 4 8 8\nv = Mul(u, =2:4x1x1)\nw = Add(v, =1_1_9_1:4x1x1)\ns = Relu(w)\np = GlobalAveragePool(w)\n> s p"
	toldDead   = "x : float32 N 4\na = Mul(x, =0:4)\nb = Mul(a, =3:4)\ny = Add(b, =1:4)"
	toldDead2  = "x : float32 N 4\na = Mul(x, =0:4)\nb = Mul(a, =5:4)\ny = Add(b, =1:4)"
)

// What comparisons and proofs of two files report does not change unnoticed.
func TestWhatPairsTell(t *testing.T) {
	x := &telling{t: t, known: map[string]string{}}
	merged := "x : float32 N 4 8 8\nm = Conv(x, =0.5:4x4x3x3, =1:4) pads=1,1,1,1\nr = Relu(m)\nd = Conv(r, =0.75:4x4x3x3)\ny = Relu(d)"
	parts := "x : float32 N 4 8 8\ns = Mul(x, =0.25)\nn = Conv(s, =2:4x4x3x3) pads=1,1,1,1\nm = Add(n, =1:4x1x1)\nr = Relu(m)\nd = Conv(r, =0.375:4x4x3x3)\ne = Mul(d, =2)\ny = Relu(e)"
	wrong := strings.Replace(merged, "=0.75", "=0.7500001", 1)
	for _, c := range []struct {
		name, a, b string
		o          Options
	}{
		{"the same", toldSums, toldSums, Options{Hashes: true, Seed: 9, Samples: 3}},
		{"stressed", toldSums, toldSums, Options{Stress: true}},
		{"another constant", toldSums, toldOther, Options{Locate: true}},
		{"other names", toldSums, toldCalled, Options{ByPosition: true, Locate: true}},
		{"other names, not by place", toldSums, toldCalled, Options{}},
		{"allowed", toldSums, toldOther, Options{Tolerance: &Tolerance{Absolute: 8.5}}},
		{"allowed for one", toldSums, toldOther, Options{Tolerances: map[string]Tolerance{"r": {Absolute: 8.5, Relative: 0.5}}}},
		{"unseen", toldDead, toldDead2, Options{}},
		{"linear pieces", parts, merged, Options{}},
		{"a wrong piece", parts, wrong, Options{}},
		{"what is not linear", "x : float32 N 4\na = Relu(x)\ny = Relu(a)", "x : float32 N 4\ny = Relu(x)", Options{Samples: 3}},
		{"what is not linear, strict", "x : float32 N 4\na = Relu(x)\nb = Mul(a, =2)\nc = Mul(b, =2)\nd = Sigmoid(c)\ny = Tanh(d)", "x : float32 N 4\ns = Relu(x)\na = Relu(s)\nc = Mul(a, =4)\nd = Sigmoid(c)\ny = Tanh(d)", Options{Strict: true}},
		{"sizes that one declares", "x : float32 N 4\na = MatMul(x, =2:4x4)\ny = Mul(a, =2)", "x : float32 3 M\ny = MatMul(x, =4:4x4)", Options{}},
		{"training", toldTraining, toldTraining, Options{BatchStatistics: true}},
		{"a foreign operator", toldUnknown, toldUnknown, Options{}},
		{"a dimension that is none", toldSums, toldSums, Options{Dims: map[string]int64{"Q": 1}}},
		{"no options", toldSums, toldSums, Options{StopAfter: -1}},
	} {
		for _, door := range []struct {
			name string
			do   func(context.Context, string, string, Options) (*Report, error)
		}{{"verify", CompareFiles}, {"prove", ProveFiles}, {"inspect", DifferFiles}} {
			o, h := x.begin(door.name+": "+c.name, c.o)
			r, err := door.do(t.Context(), x.model("a.onnx", c.a), x.model("b.onnx", c.b), o)
			x.end(h, r, err)
		}
	}
	sketch.Golden(t, "told_pairs.txt", x.text.String())
}

// What each stage of a conversion shows does not change unnoticed.
func TestWhatStagesTell(t *testing.T) {
	x := &telling{t: t, known: map[string]string{}}
	for _, text := range []string{
		"x : float32 N 4 8 8\na = Conv(x, ?4x4x3x3, ?4) pads=1,1,1,1\nb = BatchNormalization(a, ?4, ?4, ?4, !4)\nr = Relu(b)\nf = Reshape(r, #0_-1)\ny = Gemm(f, ?256x8, ?8) alpha=0.5",
		"x : float32 4 ?\na = Sub(x, =1)\nb = MatMul(a, ?8x8)\nr = Identity(b)\ny = Clip(r, -, =6)\n> y b",
	} {
		for _, tidy := range []bool{false, true} {
			o, _ := x.begin("", Options{NoCheck: true, NoTidy: !tidy, NoMetadata: tidy, Dump: func(stage, text string) error {
				fmt.Fprintf(&x.text, "%s:\n%s\n", stage, text)
				return nil
			}})
			fmt.Fprintf(&x.text, "# tidied %t: %s\n\n", tidy, strings.ReplaceAll(text, "\n", "; "))
			if _, _, err := Model(t.Context(), sketch.Model(t, text), o); err != nil {
				t.Error(err)
			}
		}
	}
	sketch.Golden(t, "told_stages.txt", x.text.String())
}

// What searches for merges that fail a check report does not change unnoticed.
func TestWhatBisectionsTell(t *testing.T) {
	x := &telling{t: t, known: map[string]string{}}
	four := "x : float32 N 4"
	for i, v := range []string{"x", "a", "b", "c"} {
		four += fmt.Sprintf("\nm%d = MatMul(%s, ?4x4)\nn%d = MatMul(m%d, ?4x4)\n%c = Relu(n%d)", i, v, i, i, 'a'+i, i)
	}
	has := func(r *BisectionRun, ids ...string) bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(r.Merges, id) })
	}
	for _, c := range []struct {
		name  string
		check func(r *BisectionRun) (Outcome, error)
	}{
		{"never", func(*BisectionRun) (Outcome, error) { return CheckGood, nil }},
		{"always", func(*BisectionRun) (Outcome, error) { return CheckBad, nil }},
		{"not told", func(*BisectionRun) (Outcome, error) { return CheckSkip, nil }},
		{"one", func(r *BisectionRun) (Outcome, error) {
			return [...]Outcome{CheckGood, CheckBad}[count(has(r, "r3"))], nil
		}},
		{"two", func(r *BisectionRun) (Outcome, error) {
			return [...]Outcome{CheckGood, CheckBad}[count(has(r, "r1", "r4"))], nil
		}},
		{"two, and some are skipped", func(r *BisectionRun) (Outcome, error) {
			if n := len(r.Merges); n == 1 || n == 3 {
				return CheckSkip, nil
			}
			return [...]Outcome{CheckGood, CheckBad}[count(has(r, "r2", "r4"))], nil
		}},
		{"a check that fails", func(r *BisectionRun) (Outcome, error) {
			if len(r.Merges) > 0 {
				return CheckGood, errors.New("no more")
			}
			return CheckGood, nil
		}},
	} {
		o, h := x.begin(c.name, Options{})
		o.Began, o.Progress = nil, nil
		b, err := Bisect(t.Context(), x.model("in.onnx", four), x.dir, o, func(_ context.Context, file string, r *BisectionRun) (Outcome, error) {
			r.Code, r.Late = len(r.Merges), len(r.Merges) == 2
			m := loadedModel(t, file)
			defer m.Close()
			if made := 12 - len(m.Graph().Nodes()); made != len(r.Merges) {
				t.Errorf("%s: a model with %d merges, and they are %v", c.name, made, r.Merges)
			}
			return c.check(r)
		})
		for i := range b.Runs {
			if b.Runs[i].Seconds != 0 { // it is the caller's to tell
				t.Errorf("%s: %+v", c.name, b.Runs[i])
			}
		}
		x.end(h, b, err)
		if left, err := filepath.Glob(filepath.Join(x.dir, "*")); err != nil || len(left) != 1 {
			t.Errorf("%s: it leaves %v, %v", c.name, left, err)
		}
	}
	sketch.Golden(t, "told_bisections.txt", x.text.String())
}

// count is how many: 1 or 0.
func count(is bool) int {
	if is {
		return 1
	}
	return 0
}
