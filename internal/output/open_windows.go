package output

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"
)

// An open file keeps others from renaming and removing it here, unless it was opened
// so that they may.
const shared = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// Open opens a file or folder for reading. Others may rename, replace and remove it
// meanwhile.
func Open(path string) (*os.File, error) {
	return open(path, windows.GENERIC_READ, shared, windows.OPEN_EXISTING)
}

// openNew makes a file that may be renamed while it is open.
func openNew(path string, _ fs.FileMode) (*os.File, error) {
	return open(path, windows.GENERIC_READ|windows.GENERIC_WRITE, shared, windows.CREATE_NEW)
}

func open(path string, access, share, create uint32) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fail(err)
	}
	h, err := windows.CreateFile(name, access, share, nil, create, windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return fail(err)
	}
	return os.NewFile(uintptr(h), path), nil
}

// rename gives a file another name, in place of the file that has it. Where that one
// is open this takes the semantics of POSIX, which Windows 10 and later have. Virus
// scanners and indexers open new files for a moment; their time is waited for.
func rename(from, to string) error {
	const tries, pause = 8, 25 * time.Millisecond
	var err error
	for i := range tries {
		if err = os.Rename(from, to); err == nil {
			return nil
		}
		if renameInFolder(from, to) == nil {
			return nil
		}
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(pause << i)
	}
	return err
}

func renameInFolder(from, to string) error {
	if filepath.Dir(from) != filepath.Dir(to) {
		return errors.ErrUnsupported
	}
	dir, err := os.OpenRoot(filepath.Dir(from))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Rename(filepath.Base(from), filepath.Base(to))
}
