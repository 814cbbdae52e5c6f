//go:build !linux

package output

import (
	"errors"
	"io/fs"
	"os"
)

// anonymous makes a file without a name, where there is a way.
func anonymous(string, fs.FileMode) *os.File { return nil }

// descriptor is a name for an open file that has none; all files have one here.
func (f *File) descriptor() string { return f.Name() }

// link gives a file without a name its first one.
func (f *File) link(string) error { return errors.ErrUnsupported }
