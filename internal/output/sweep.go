package output

import (
	"os"
	"path/filepath"
	"strings"
)

// sweep removes what runs that were killed left in a folder: files and folders
// with a name of exactly our kind, of this user, that no living process holds.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !temporaryName(e.Name()) || !e.Type().IsRegular() && !e.IsDir() {
			continue
		}
		st, err := e.Info()
		if err != nil || !mine(st) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if f := own(path, st); f != nil {
			if e.IsDir() && foldersAreClosed {
				f.Close()
			}
			os.RemoveAll(path)
			f.Close()
		}
	}
}

// temporaryName reports whether a file may be one of ours that got no other name.
func temporaryName(name string) bool {
	middle, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false
	}
	middle, ok = strings.CutSuffix(middle, suffix)
	return ok && len(middle) == random && strings.Trim(middle, letters) == ""
}
