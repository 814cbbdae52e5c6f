package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"io"
	"time"
)

// A member is a file of an archive.
type member struct {
	name       string
	data       []byte
	executable bool
}

// packed is the time of every member: archives say nothing of when they were made. It is
// the first that a zip can hold.
var packed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func (m member) mode() int64 {
	if m.executable {
		return 0o755
	}
	return 0o644
}

// zipped is a zip of members, in their order.
func zipped(members []member) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, CreatorVersion: 3 << 8, ExternalAttrs: uint32(0o100000|m.mode()) << 16, Modified: packed}
		f, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(m.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// tarred is a compressed tar of members, in their order.
func tarred(members []member) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Mode: m.mode(), Size: int64(len(m.data)), ModTime: packed, Format: tar.FormatPAX}); err != nil {
			return nil, err
		}
		if _, err := w.Write(m.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
