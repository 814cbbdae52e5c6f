package output

import (
	"errors"
	"io/fs"
	"os"
)

// A Folder is a temporary folder; a later run removes one that was left behind.
type Folder struct {
	Path string
	held *os.File // nil where folders cannot be opened
}

// CreateFolder makes a folder in dir. Remove it at the end.
func CreateFolder(dir string) (*Folder, error) {
	sweep(dir)
	for {
		path := temporary(dir)
		err := os.Mkdir(path, 0o700)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, unnamed(err)
		}
		held, err := Open(path)
		if !locks {
			return &Folder{path, held}, nil
		}
		if err != nil || lock(held) != nil || !names(path, held) {
			os.Remove(path) // or a sweep has
			if held != nil {
				held.Close()
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, unnamed(err)
			}
			continue
		}
		return &Folder{path, held}, nil
	}
}

// Remove removes the folder and what it holds, unless it got its name.
func (f *Folder) Remove() error {
	if f == nil {
		return nil
	}
	var err error
	if f.Path != "" { // else it has another name now
		err = os.RemoveAll(f.Path)
	}
	if f.held != nil {
		f.held.Close()
	}
	return err
}
