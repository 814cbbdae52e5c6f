package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"repmlp/onnxio"
)

// The version that hints name is the one that the binding asks for: API n came with 1.n.
func TestOldestORT(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Skip("no Go at hand: ", err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "onnxruntime_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`#define ORT_API_VERSION (\d+)`).FindSubmatch(header); m == nil || "1."+string(m[1]) != oldestORT {
		t.Errorf("the binding asks for API %q, hints say %s", m, oldestORT)
	}
	err = withOldest(&onnxio.Hint{Err: errors.New("not found"), Advice: "get it"})
	if advice := onnxio.Advice(err); advice != "it has to be 1.24 or newer; get it" || err.Error() != "not found" {
		t.Errorf("%v: %s", err, advice)
	}
	if plain := errors.New("plain"); withOldest(plain) != plain || withOldest(nil) != nil {
		t.Error("an error without advice has some")
	}
}
