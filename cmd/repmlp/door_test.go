package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"repmlp/convert"
	"repmlp/verify/secondreader"
)

// Options without values do what the command does without flags: the same bytes,
// the same report.
func TestZeroOptionsAreTheCommandWithoutFlags(t *testing.T) {
	for _, in := range []string{sample, abs(t, "../../testdata/cases/leg_v1_training_13/model.onnx"), abs(t, "../../testdata/cases/dyn_v1_dynN_ext/model.onnx"), abs(t, "../../testdata/cases/kin_bn_before_conv_13/model.onnx")} {
		t.Chdir(t.TempDir())
		code, text, errw := repmlp("convert", in, "-o", "o.onnx", "--json")
		if code != exitDone {
			t.Fatalf("exit %d: %s", code, errw)
		}
		var said convert.Report
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("o.onnx")
		if err != nil {
			t.Fatal(err)
		}
		r, err := convert.File(t.Context(), in, "o.onnx", convert.Options{})
		if err != nil {
			t.Fatal(err)
		}
		have, err := os.ReadFile("o.onnx")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: other bytes", in)
		}
		if a, b := comparable(t, &said), comparable(t, r); a != b {
			t.Errorf("%s: the command reports\n%s\nand File\n%s", in, a, b)
		}
	}
}

// comparable is a report without what two runs differ in, or is asked for by --json,
// or the second reader adds.
func comparable(t *testing.T, r *convert.Report) string {
	t.Helper()
	for stage := range r.Seconds {
		r.Seconds[stage] = 0
	}
	r.Input.SHA256, r.Output.SHA256 = "", ""
	r.Arguments = nil
	r.Warnings = slices.DeleteFunc(r.Warnings, func(w convert.Warning) bool { return w.Code == "second_reader" })
	for i := range r.Regions {
		r.Regions[i].Proof.MaxAbs, r.Regions[i].Proof.Bound = 0, 0 // depend on the order in which regions are proved
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func abs(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Without flags, every option has its zero value but those that the command passes
// in: the second reader, the engine, what hears of steps.
func TestFlagsLeaveOptionsAlone(t *testing.T) {
	a := &app{out: &stdout{to: &strings.Builder{}}, err: &strings.Builder{}}
	for _, cmd := range a.root().Commands() {
		if !slices.Contains([]string{"convert", "inspect", "verify"}, cmd.Name()) {
			continue
		}
		fresh := &cobra.Command{Use: cmd.Use}
		o, err := a.options(fresh, flagged(fresh))
		if err != nil {
			t.Fatal(err)
		}
		if o.Engine == nil || o.SecondReader != (secondreader.Reader{}) || o.Began == nil || o.Version != version {
			t.Errorf("%s: %+v", cmd.Name(), o)
		}
		o.Engine, o.SecondReader, o.Began, o.Version, o.Arguments = nil, nil, nil, "", nil
		v := reflect.ValueOf(o)
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() && !(f.Kind() == reflect.Map && f.Len() == 0) {
				t.Errorf("%s: %s is %v", cmd.Name(), v.Type().Field(i).Name, f)
			}
		}
	}
}

// Every flag of a command comes from the table, and every line of the table is a
// flag of each command that it names.
func TestTableOfFlags(t *testing.T) {
	a := &app{out: &stdout{to: &strings.Builder{}}}
	lines := map[string]bool{}
	for _, f := range (&settings{}).flags() {
		name, _, _ := strings.Cut(f.name, ",")
		for _, cmd := range strings.Fields(f.on) {
			key := cmd + " --" + name
			if lines[key] {
				t.Errorf("%s has two lines", key)
			}
			lines[key] = true
		}
		if f.usage == "" {
			t.Errorf("--%s has no usage", name)
		}
	}
	for _, cmd := range a.root().Commands() {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if key := cmd.Name() + " --" + f.Name; !lines[key] && f.Name != "help" && cmd.Name() != "completion" && f.Name != "no-descriptions" {
				t.Errorf("%s is not in the table", key)
			}
			delete(lines, cmd.Name()+" --"+f.Name)
		})
	}
	if len(lines) > 0 {
		t.Errorf("flags of commands that there are not: %v", lines)
	}
}

// Every format has a line of its own, writes the reports of all commands, and is
// named to whoever asks for another.
func TestTableOfFormats(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range formats() {
		if seen[f.extension] || seen[f.media] || f.extension == "" || f.media == "" {
			t.Errorf("extension %q, media type %q", f.extension, f.media)
		}
		seen[f.extension], seen[f.media] = true, true
		var report, bench strings.Builder
		err := f.report(&report, failed(failing("convert", "in.onnx")))
		if err == nil {
			err = f.bench(&bench, &benchReport{Timings: convert.Timings{Models: []benchModel{{Path: "in.onnx"}}}})
		}
		if err != nil || !strings.Contains(report.String(), "no room") || !strings.Contains(bench.String(), "in.onnx") {
			t.Errorf("%s: %v\n%s\n%s", f.extension, err, report.String(), bench.String())
		}
		if found, err := formatOf("x." + strings.ToUpper(f.extension)); err != nil || found.extension != f.extension {
			t.Errorf("%s: found %q, %v", f.extension, found.extension, err)
		}
		if !strings.Contains(reportExtensions(), "."+f.extension) {
			t.Errorf("%q does not name %s", reportExtensions(), f.extension)
		}
	}
	if _, err := formatOf("x.pdf"); err == nil || exitCode(context.Background(), err) != exitUsage {
		t.Errorf("an unknown format: %v", err)
	}
}

func failed(r *convert.Report) *convert.Report {
	r.Verdict, r.Error = convert.Failed, &convert.Failure{Message: "no room"}
	return r
}
