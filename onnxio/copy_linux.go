package onnxio

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// copySpan copies n bytes between files inside the kernel; it reports false
// where the file systems cannot do that.
func copySpan(to *os.File, at int64, from *os.File, skip, n int64) (bool, error) {
	for n > 0 {
		k, err := unix.CopyFileRange(int(from.Fd()), &skip, int(to.Fd()), &at, int(n), 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EXDEV), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EPERM):
			return false, nil
		case err != nil:
			return false, os.NewSyscallError("copy_file_range", err)
		case k == 0:
			return false, nil // the file is shorter than its mapping
		default:
			n -= int64(k)
		}
	}
	return true, nil
}

// allocate has the file system set space aside for n bytes, where it can: a full
// disk is an error before any work is done, and writing costs less.
func allocate(f *os.File, n int64) error {
	for {
		switch err := unix.Fallocate(int(f.Fd()), 0, 0, n); {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EFBIG):
			return fmt.Errorf("setting %d bytes aside: %w", n, err)
		default:
			return nil
		}
	}
}

// startWriteback asks the kernel to start writing a file to disk.
func startWriteback(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE) // advice
}
