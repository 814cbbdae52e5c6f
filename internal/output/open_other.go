//go:build !windows

package output

import (
	"io/fs"
	"os"
)

// Open opens a file or folder for reading. Others may rename, replace and remove it
// meanwhile.
func Open(path string) (*os.File, error) { return os.Open(path) }

// openNew makes a file that may be renamed while it is open.
func openNew(path string, mode fs.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
}

// rename gives a file another name, in place of the file that has it.
func rename(from, to string) error { return os.Rename(from, to) }
