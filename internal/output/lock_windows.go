package output

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// locks reports whether files are locked here at all. Here an open file is: it cannot
// be opened by those who share it with nobody.
const locks = true

// foldersAreClosed before they are removed: one that is open unshared cannot be listed.
const foldersAreClosed = true

func lock(*os.File) error { return nil }

// mine is decided by the folder's permissions: what may not be removed is not.
func mine(fs.FileInfo) bool { return true }

// Hold opens a file and keeps others from owning it, as long as it is open.
func Hold(path string) (*os.File, error) {
	f, err := Open(path)
	if err != nil {
		return nil, unnamed(err)
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, fs.ErrInvalid
	}
	return f, nil
}

// Own opens a file that nobody holds, so that nobody can while it is open: nil if
// somebody does.
func Own(path string) *os.File {
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	return own(path, st)
}

// own takes a file or folder that nobody has open, by name; nil if somebody has. It
// may still be removed.
func own(path string, _ fs.FileInfo) *os.File {
	f, err := open(path, windows.GENERIC_READ|windows.DELETE, windows.FILE_SHARE_DELETE, windows.OPEN_EXISTING)
	if err != nil {
		return nil
	}
	return f
}
