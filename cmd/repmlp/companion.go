package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"repmlp/verify/ort"
)

// A static build of the command cannot load ONNX Runtime. Where the same command built
// with cgo lies beside it, as in the wheels, it does the run from the start.

// companionName is the command built with cgo, without the ending that the system asks for.
const companionName = "repmlp-ort"

// exitHandedOver is never the code of a process: the companion gives its own.
const exitHandedOver = -1

// A handOver ends a run that the companion can do, before anything was printed or written.
type handOver struct{ path string }

func (h *handOver) Error() string { return "running " + h.path + ", which has ONNX Runtime" }

// handedOver reports whether an error is one that ends a run so.
func handedOver(err error) (*handOver, bool) { return errors.AsType[*handOver](err) }

// companion is the command that lies beside the one at the given path, "" for none.
func companion(self string) string {
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	path := filepath.Join(filepath.Dir(self), companionName)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return ""
	}
	return path
}

// hasCompanion is the error that hands a run with ONNX Runtime over; nil where this build
// can do it, or nobody is there to take it.
func hasCompanion() error {
	self, err := os.Executable()
	if err != nil || ort.Available {
		return nil
	}
	if path := companion(self); path != "" {
		return coded(exitHandedOver, &handOver{path})
	}
	return nil
}
