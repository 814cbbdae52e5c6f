package ci

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// command builds the command and returns a folder for PATH.
func command(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the command")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../cmd/repmlp").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// The step of a pipeline converts what it can, fails where a model did, and leaves
// reports and a summary.
func TestConvertStep(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	path, dir := command(t), t.TempDir()
	model, err := os.ReadFile("../testdata/digits/digits_legacy.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"good one.onnx": model, "bad.onnx": []byte("junk")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs("convert.sh")
	if err != nil {
		t.Fatal(err)
	}
	step := func(env ...string) (string, error) {
		cmd := exec.Command("bash", script)
		cmd.Dir = dir
		cmd.Env = append(append(os.Environ(), "PATH="+path+string(os.PathListSeparator)+os.Getenv("PATH"), "GITHUB_STEP_SUMMARY=summary.md", "GITHUB_OUTPUT=output"), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := step("REPMLP_MODELS=good *.onnx\n", "REPMLP_STRICT=true", "REPMLP_ARGS=--no-metadata --seed 3"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, want := range map[string]string{"summary.md": "repmlp convert: fused", "output": "out-dir=repmlp-results", "repmlp-results/good one.xml": "<testsuite", "repmlp-results/good one.json": `"verdict": "fused"`, "repmlp-results/good one.inference.onnx": ""} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %v, without %q", name, err, want)
		}
	}
	if out, err := step("REPMLP_MODELS=good one.onnx\nbad.onnx\n"); err == nil || !strings.Contains(out, "1 of 2 models written") {
		t.Errorf("with a broken model: %v: %s", err, out)
	}
	if out, err := step(); err == nil {
		t.Errorf("without models: %s", out)
	}
}

// The job of the GitLab template converts what it can, and fails where a model did.
func TestGitLabJob(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	path, dir := command(t), t.TempDir()
	template, err := os.ReadFile("gitlab.yml")
	if err != nil {
		t.Fatal(err)
	}
	job := struct {
		Variables map[string]string
		Script    []string
	}{map[string]string{}, nil}
	part := ""
	for line := range strings.Lines(string(template)) {
		line = strings.TrimRight(line, "\n")
		if m := regexp.MustCompile(`^  ([a-z]+):$`).FindStringSubmatch(line); m != nil {
			part = m[1]
		} else if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && part == "variables" {
			job.Variables[name] = strings.Trim(value, "'")
		} else if step, ok := strings.CutPrefix(line, "    - "); ok && part == "script" {
			job.Script = append(job.Script, step)
		}
	}
	if len(job.Script) != 2 || !strings.HasPrefix(job.Script[0], "pip install ") || job.Variables["REPMLP_OUT_DIR"] == "" {
		t.Fatalf("the template has another form: %q", job)
	}
	model, err := os.ReadFile("../testdata/digits/digits_legacy.onnx")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "a.onnx"), model, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) (string, error) {
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", job.Script[1]) // as runners do
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+path+string(os.PathListSeparator)+os.Getenv("PATH"))
		for name, value := range job.Variables {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, strict := range []string{"", "true"} {
		if out, err := run("REPMLP_STRICT=" + strict); err != nil {
			t.Fatalf("strict %q: %v: %s", strict, err, out)
		}
	}
	for name, want := range map[string]string{"a.xml": "<testsuite", "a.json": `"verdict": "fused"`, "a.inference.onnx": ""} {
		if data, err := os.ReadFile(filepath.Join(dir, job.Variables["REPMLP_OUT_DIR"], name)); err != nil || !strings.Contains(string(data), want) {
			t.Errorf("%s: %v, without %q", name, err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "b.onnx"), []byte("junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := run(); err == nil || !strings.Contains(out, "1 of 2 models written") {
		t.Errorf("with a broken model: %v: %s", err, out)
	}
}

// What the action hands over is what the step reads.
func TestNamesOfTheEnvironment(t *testing.T) {
	script, err := os.ReadFile("convert.sh")
	if err != nil {
		t.Fatal(err)
	}
	action, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`REPMLP_[A-Z_]+`)
	for _, name := range names.FindAllString(string(script), -1) {
		if !strings.Contains(string(action), name+": ${{ inputs.") {
			t.Errorf("the action does not set %s", name)
		}
	}
	for _, input := range regexp.MustCompile(`inputs\.([a-z-]+)`).FindAllStringSubmatch(string(action), -1) {
		if !strings.Contains(string(action), "\n  "+input[1]+":\n") {
			t.Errorf("the action has no input %s", input[1])
		}
	}
}

// The hook names models in which something could be merged, and is silent for results.
func TestHook(t *testing.T) {
	if err := exec.Command("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 9))").Run(); err != nil {
		t.Skip("no Python 3.9: ", err)
	}
	path, dir := command(t), t.TempDir()
	result := filepath.Join(dir, "result.onnx")
	if out, err := exec.Command(filepath.Join(path, "repmlp"), "convert", "../testdata/digits/digits_legacy.onnx", "-o", result).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	hook := func(models ...string) (string, error) {
		cmd := exec.Command("python3", append([]string{"-B", "-m", "repmlp.hook"}, models...)...)
		cmd.Env = append(os.Environ(), "PYTHONPATH=../python", "REPMLP_BINARY="+filepath.Join(path, "repmlp"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := hook(result); err != nil || out != "" {
		t.Errorf("a result: %v: %s", err, out)
	}
	if out, err := hook(result, "../testdata/digits/digits_legacy.onnx"); err == nil || !strings.Contains(out, "digits_legacy.onnx: 5 merges can be made") {
		t.Errorf("a model in training form: %v: %s", err, out)
	}
}
