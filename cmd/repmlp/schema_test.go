package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	generate "github.com/invopop/jsonschema"
	validate "github.com/santhosh-tekuri/jsonschema/v6"

	"repmlp/convert"
	"repmlp/onnxio"
)

// A schemaPage is a JSON Schema in docs, made from the type whose JSON form it
// describes.
type schemaPage struct {
	file, title string
	of          any
	enums       map[string][]string // values of properties of the type itself
}

var (
	reportSchema = schemaPage{"report.schema.json", "Report of repmlp convert, inspect, verify and prove", convert.Report{}, map[string][]string{
		"schema": {convert.Schema}, "command": {"convert", "inspect", "verify", "prove"},
		"verdict": {convert.Fused, convert.Partial, convert.Declined, convert.Unchanged, convert.Failed, convert.NotEquivalent, convert.Equivalent, convert.Proved, convert.Compared, convert.WouldFuse, convert.WouldBePartial, convert.Same, convert.Different},
	}}
	bisectionSchema = schemaPage{"bisect.schema.json", "Report of repmlp bisect", convert.Bisection{}, map[string][]string{
		"schema": {convert.BisectSchema}, "verdict": {convert.CulpritFound, convert.NothingFails, convert.AlwaysFails, convert.NotTestable},
	}}
	certificateSchema = schemaPage{"certificate.schema.json", "Certificate of repmlp prove", convert.Certificate{}, map[string][]string{
		"schema": {convert.CertificateSchema}, "verdict": {convert.Proved, convert.Compared},
	}}
	benchReportSchema = schemaPage{"bench.schema.json", "Report of repmlp bench", benchReport{}, map[string][]string{"schema": {benchSchema}}}
)

// number is convert.Number: NaN and infinity are strings.
var number = &generate.Schema{OneOf: []*generate.Schema{{Type: "number"}, {Type: "string", Enum: []any{"NaN", "Infinity", "-Infinity"}}},
	Description: "A number, which may be NaN or infinite."}

// size is convert.Size: a number, a name, or neither.
var size = &generate.Schema{OneOf: []*generate.Schema{{Type: "integer"}, {Type: "string"}, {Type: "null"}},
	Description: "A declared dimension: a number, a name, or neither."}

// text is the schema as JSON. Comments of the types describe it.
func (p schemaPage) text(t *testing.T) []byte {
	t.Helper()
	r := &generate.Reflector{AllowAdditionalProperties: true, Mapper: func(v reflect.Type) *generate.Schema {
		switch v {
		case reflect.TypeFor[convert.Number]():
			return &generate.Schema{Ref: "#/$defs/Number"}
		case reflect.TypeFor[convert.Size]():
			return &generate.Schema{Ref: "#/$defs/Size"}
		}
		return nil
	}}
	t.Chdir("../..")
	for _, dir := range []string{"convert", "cmd/repmlp"} {
		if err := r.AddGoComments("repmlp", "./"+dir, generate.WithFullComment()); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir("cmd/repmlp")
	s := r.Reflect(p.of)
	s.ID, s.Title = "", p.title
	name := strings.TrimPrefix(s.Ref, "#/$defs/")
	for key, values := range p.enums {
		property, _ := s.Definitions[name].Properties.Get(key)
		for _, v := range values {
			property.Enum = append(property.Enum, v)
		}
	}
	if facts := s.Definitions["FileFacts"]; facts != nil {
		facts.Required = []string{"path"} // of a file that could not be read
		s.Definitions["Size"] = size
	}
	if facts := s.Definitions["FileFacts"]; facts != nil || p.file == certificateSchema.file {
		s.Definitions["Number"] = number
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// The schemas in docs are those of the types.
func TestSchemas(t *testing.T) {
	for _, p := range []schemaPage{reportSchema, bisectionSchema, certificateSchema, benchReportSchema} {
		text, path := p.text(t), "../../docs/"+p.file
		if *update {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if readDoc(t, path) != string(text) {
			t.Errorf("%s is not what the types say; go test ./cmd/repmlp -run TestSchemas -update", path)
		}
	}
}

// compiled is a schema in docs, ready to validate.
func (p schemaPage) compiled() (*validate.Schema, error) {
	b, err := os.ReadFile("../../docs/" + p.file)
	if err != nil {
		return nil, err
	}
	doc, err := validate.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	c := validate.NewCompiler()
	if err := c.AddResource(p.file, doc); err != nil {
		return nil, err
	}
	return c.Compile(p.file)
}

var (
	compiledReport    = sync.OnceValues(reportSchema.compiled)
	compiledBisection = sync.OnceValues(bisectionSchema.compiled)
)

// valid fails the test where text is no report as the schema has it.
func valid(t *testing.T, what, text string) {
	t.Helper()
	s, err := compiledReport()
	if err != nil {
		t.Fatal(err)
	}
	if err := conforms(s, text); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

func conforms(s *validate.Schema, text string) error {
	doc, err := validate.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

// Reports with every verdict conform to the schema, and so do those of bench.
func TestReportsConform(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return abs(t, "../../testdata/cases/"+name+"/model.onnx") }
	out, done, broken := filepath.Join(dir, "o.onnx"), filepath.Join(dir, "done.onnx"), filepath.Join(dir, "broken.onnx")
	if code, _, errw := repmlp("convert", sample, "-o", done); code != exitDone {
		t.Fatal(errw)
	}
	if err := os.WriteFile(broken, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	bent, straight := bend(t, dir)
	seen := map[string]bool{}
	for _, args := range [][]string{
		{"convert", sample, "-o", out}, {"convert", done, "-o", out}, {"convert", file("kin_bn_before_conv_13"), "-o", out},
		{"convert", file("kin_bn_before_conv_13"), "-o", out, "--strict"}, {"convert", file("t_init_overridable"), "-o", out}, {"convert", broken, "-o", out},
		{"inspect", sample}, {"inspect", file("kin_bn_before_conv_13")}, {"inspect", done}, {"inspect", sample, done}, {"inspect", done, done}, {"inspect", filepath.Join(dir, "none.onnx")},
		{"verify", sample, done}, {"verify", sample, done, "--rtol", "0"}, {"verify", sample, file("dyn_v1_op18")},
		{"prove", sample, done}, {"prove", bent, straight}, {"prove", done, file("dyn_v1_op18")},
	} {
		_, text, _ := repmlp(append(args, "--json")...)
		valid(t, strings.Join(args, " "), text)
		var r convert.Report
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		seen[r.Verdict] = true
	}
	for _, v := range reportSchema.enums["verdict"] {
		if !seen[v] {
			t.Errorf("no report has the verdict %q", v)
		}
	}
	s, err := benchReportSchema.compiled()
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := repmlp("bench", "--engine", "go", "--runs", "1", "--warmup", "0", "--per-op", "--json", sample, done)
	if err := conforms(s, text); err != nil {
		t.Error(err)
	}
}

// What is no report does not conform.
func TestSchemaRefuses(t *testing.T) {
	s, err := compiledReport()
	if err != nil {
		t.Fatal(err)
	}
	const start = `{"schema": "repmlp.report/1", "tool": {"name": "repmlp", "version": "1"}, "command": "convert"`
	for text, want := range map[string]bool{
		start + `}`:                                       true,
		start + `, "later": 1}`:                           true,
		start + `, "seconds": {"load": 0.5}}`:             true,
		start + `, "input": {"path": "m.onnx"}}`:          true,
		`{"schema": "repmlp.report/1"}`:                   false,
		start + `, "verdict": "fine"}`:                    false,
		start + `, "seconds": {"load": "0.5"}}`:           false,
		start + `, "input": {}}`:                          false,
		start + `, "declined": [{"code": "x"}]}`:          false,
		start + `, "regions": [{"proof": {}}]}`:           false,
		strings.Replace(start, "convert", "con", 1) + `}`: false,
	} {
		if err := conforms(s, text); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]bool{"0.25": true, `"NaN"`: true, `"0.25"`: false, "null": false} {
		if err := conforms(s, start+`, "regions": [{"id": "r1", "kind": "fc", "value": "y", "merged": ["a"], "inputs": 1, "outputs": 1, "groups": 1, "parameters_before": 1, "parameters_after": 1, "derivation": "a", "proof": {"rows": 1, "max_abs": 0, "bound_ratio": `+text+`}}]}`); (err == nil) != want {
			t.Errorf("a bound of %s: %v", text, err)
		}
	}
}

// bend writes a model with a scale behind a Relu, and the same with the scale before it.
func bend(t *testing.T, dir string) (bent, straight string) {
	t.Helper()
	two, err := onnxio.EncodeFloat64([]float64{2}, onnxio.Float32)
	if err != nil {
		t.Fatal(err)
	}
	scale, err := onnxio.NewTensor("s", onnxio.Float32, []int64{1}, two)
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{filepath.Join(dir, "bent.onnx"), filepath.Join(dir, "straight.onnx")}
	for i, ops := range [][]string{{"Relu", "Mul"}, {"Mul", "Relu"}} {
		p := onnxio.Parts{Inits: []*onnxio.Tensor{scale}}
		for k, op := range ops {
			in, out := []string{[]string{"x", "r"}[k]}, []string{[]string{"r", "y"}[k]}
			if op == "Mul" {
				in = append(in, "s")
			}
			p.Nodes = append(p.Nodes, onnxio.NewNode(op, op, in, out))
		}
		p.Inputs, p.Outputs = []*onnxio.ValueInfo{onnxio.NewValue("x", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4))}, []*onnxio.ValueInfo{onnxio.NewValue("y", onnxio.Float32, onnxio.Named("N"), onnxio.Known(4))}
		m, err := onnxio.NewModel(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Save(paths[i]); err != nil {
			t.Fatal(err)
		}
	}
	return paths[0], paths[1]
}
