package output

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// anonymous makes a file without a name in a folder; nil where the file system
// has no such files or nothing could give it a name later.
func anonymous(dir string, mode fs.FileMode) *os.File {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), dir)
	if _, err := os.Stat(descriptor(f)); err != nil {
		f.Close()
		return nil
	}
	return f
}

func descriptor(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// descriptor is a name for an open file that has none.
func (f *File) descriptor() string { return descriptor(f.File) }

// link gives a file without a name its first one.
func (f *File) link(path string) error {
	err := unix.Linkat(unix.AT_FDCWD, f.descriptor(), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "link", Old: f.path, New: path, Err: err}
	}
	return nil
}
