//go:build unix

package output

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// locks reports whether files are locked here at all. A lock ends with the
// process that holds it, whatever ends that.
const locks = true

// foldersAreClosed before they are removed; here nobody else may come in between.
const foldersAreClosed = false

// lock takes an open file for this process, or fails if another one has it. Some
// file systems know no locks: then nothing is ever taken for left behind.
func lock(f *os.File) error {
	for {
		switch err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err {
		case unix.EINTR:
		case unix.EWOULDBLOCK, nil:
			return err
		default:
			return nil
		}
	}
}

// share waits until nobody has an open file for itself, and keeps it so.
func share(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != unix.EINTR {
			return err
		}
	}
}

// mine reports whether a file belongs to the user who runs this.
func mine(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

// Hold opens a file and keeps others from owning it, as long as it is open.
func Hold(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return nil, unnamed(err)
		}
		st, err := f.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = fs.ErrInvalid
		}
		if err != nil {
			f.Close()
			return nil, unnamed(err)
		}
		_ = share(f) // some file systems know no locks
		if names(path, f) {
			return f, nil
		}
		f.Close() // another file has its name by now
	}
}

// Own opens a file that nobody holds, so that nobody can while it is open: nil if
// somebody does, or the file system knows no locks.
func Own(path string) *os.File {
	st, err := os.Lstat(path)
	if err != nil || !st.Mode().IsRegular() {
		return nil
	}
	return own(path, st)
}

// own takes a file or folder that nobody has, by name; nil if somebody has it, or
// the file system knows no locks.
func own(path string, st fs.FileInfo) *os.File {
	flags := unix.O_RDWR
	if st.IsDir() {
		flags = unix.O_RDONLY
	}
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil || !names(path, f) {
		f.Close()
		return nil
	}
	return f
}
