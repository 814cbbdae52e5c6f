// Package ort runs models with ONNX Runtime, whose shared library is found when
// the program runs. A build without cgo finds it but cannot use it.
package ort

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"repmlp/onnxio"
)

// EnvLibrary names the variable that users of onnxruntime_go know.
const EnvLibrary = "ONNXRUNTIME_SHARED_LIBRARY_PATH"

// A Place is where the library may be.
type Place struct {
	Path string
	From string // why it is looked for there
}

// Find lists the libraries on this machine, best first: the environment's, the
// system's folders, installed Python packages. A path that is given by hand is
// the only one, whether it exists or not; a bare name is a file of the current
// folder, or where there is none what the system's loader finds.
func Find(given string, env func(string) string) []Place {
	if given != "" {
		if filepath.Base(given) == given { // the loader would look for it in its own folders alone
			if here, err := filepath.Abs(given); err == nil && isFile(here) {
				given = here
			}
		}
		return []Place{{given, "--ort-lib"}}
	}
	var out []Place
	add := func(path, from string) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return
		}
		for _, p := range out {
			if other, err := filepath.EvalSymlinks(p.Path); err == nil && other == real {
				return
			}
		}
		out = append(out, Place{path, from})
	}
	if p := env(EnvLibrary); p != "" {
		out = append(out, Place{p, EnvLibrary})
	}
	for _, dir := range systemFolders(env) {
		for _, path := range matches(dir) {
			add(path, "system folder")
		}
	}
	self, _ := os.Executable()
	for _, dir := range pythonFolders(env, self) {
		for _, path := range matches(filepath.Join(dir, "onnxruntime", "capi")) {
			add(path, "Python package")
		}
	}
	return out
}

func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

// matches lists the libraries in a folder, newest version first.
func matches(dir string) []string {
	pattern := "libonnxruntime.so*"
	switch runtime.GOOS {
	case "darwin":
		pattern = "libonnxruntime*.dylib"
	case "windows":
		pattern = "onnxruntime.dll"
	}
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil
	}
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(b, a) })
	return paths
}

func systemFolders(env func(string) string) []string {
	var dirs []string
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		dirs = append(dirs, filepath.SplitList(env(name))...)
	}
	dirs = append(dirs, "/usr/local/lib", "/usr/lib", "/usr/lib64", "/usr/local/lib64", "/opt/onnxruntime/lib", "/opt/homebrew/lib")
	for _, pattern := range []string{"/usr/lib/*-linux-gnu", "/usr/local/lib/onnxruntime*/lib", "/opt/onnxruntime-*/lib"} {
		more, _ := filepath.Glob(pattern) // the pattern is right
		dirs = append(dirs, more...)
	}
	return dirs
}

// pythonFolders lists folders of installed packages: of the environment that the program
// at self is installed in, of the active one, the user's, the system's, and those of the
// Python on PATH.
func pythonFolders(env func(string) string, self string) []string {
	var patterns, roots []string
	if self != "" {
		roots = append(roots, filepath.Dir(filepath.Dir(self)))
	}
	roots = append(roots, env("VIRTUAL_ENV"), env("CONDA_PREFIX"), "/usr", "/usr/local")
	if home := env("HOME"); home != "" {
		roots = append(roots, filepath.Join(home, ".local"))
	}
	for _, dir := range filepath.SplitList(env("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "python3")); err == nil {
			roots = append(roots, filepath.Dir(dir))
			if real, err := filepath.EvalSymlinks(filepath.Join(dir, "python3")); err == nil {
				roots = append(roots, filepath.Dir(filepath.Dir(real)))
			}
		}
	}
	for _, root := range roots {
		if root != "" {
			patterns = append(patterns, filepath.Join(root, "lib", "python3*", "site-packages"), filepath.Join(root, "lib", "python3*", "dist-packages"), filepath.Join(root, "lib", "python3", "dist-packages"), filepath.Join(root, "Lib", "site-packages"))
		}
	}
	var dirs []string
	for _, p := range patterns {
		more, _ := filepath.Glob(p)
		for _, d := range more {
			if !slices.Contains(dirs, d) {
				dirs = append(dirs, d)
			}
		}
	}
	return dirs
}

// advice says how to get what is missing.
const advice = "install it with: pip install onnxruntime; or name the library with --ort-lib FILE or " + EnvLibrary

var errNotFound = &onnxio.Hint{Err: errors.New("ONNX Runtime was not found on this machine"), Advice: advice}

// Options of a session. The zero value takes ONNX Runtime's defaults.
type Options struct {
	Threads int    // within an operator; 0: as many as there are cores
	Plain   bool   // run the graph as it stands, without optimisation
	Calm    bool   // threads stop spinning when a run ends, so that sessions side by side do not disturb each other
	Profile string // prefix of a profile that is written when the session is closed
}
