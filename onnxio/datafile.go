package onnxio

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"repmlp/internal/output"
)

const (
	dataSuffix  = ".data"
	longestName = 255 // bytes, of most file systems
)

// dataName is the name of the external data that goes with the model at path: the
// model's own, the hash of the content, ".data". Nothing else ever has this name, so
// a model and its data never are of two kinds.
func dataName(path, hash string) string { return dataStem(path) + hash + dataSuffix }

// dataStem is what the names of all data files for the model at path begin with.
// Locations are text, and no name is longer than file systems take.
func dataStem(path string) string {
	stem := strings.ToValidUTF8(filepath.Base(path), "_")
	for len(stem) > longestName-contentLetters-len(dataSuffix)-1 {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + "."
}

// dataHash is the hash in the name of a data file for the model at path, "" if it
// is no such name.
func dataHash(path, name string) string {
	if !strings.HasPrefix(name, dataStem(path)) {
		return ""
	}
	return hashOf(name)
}

// hashOf is the hash in the name of a data file of any model, "" if it is no such
// name.
func hashOf(name string) string {
	stem, ok := strings.CutSuffix(name, dataSuffix)
	hash := stem[strings.LastIndexByte(stem, '.')+1:]
	if !ok || !isContent(hash) {
		return ""
	}
	return hash
}

// dataNamed lists the data files for the model at path that lie beside it and that
// the file there now names.
func dataNamed(path string) map[string]bool {
	names := map[string]bool{}
	for _, name := range dataFiles(path) {
		if mentions(path, name) {
			names[name] = true
		}
	}
	return names
}

// dataFiles lists what lies beside the model at path and is called like its data.
func dataFiles(path string) (names []string) {
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range entries {
		if e.Type().IsRegular() && dataHash(path, e.Name()) != "" {
			names = append(names, e.Name())
		}
	}
	return names
}

// sweepData removes data files that were written for this model once and that no
// model in the folder names: those that the replaced model named, and those that
// hold what their name says, which a run that was killed left. Files that another
// run is about to name are held by it.
func (p *Pending) sweepData(old map[string]bool) {
	dir := filepath.Dir(p.path)
	for _, name := range dataFiles(p.path) {
		path := filepath.Join(dir, name)
		if name == p.location || p.readsFrom(path) {
			continue
		}
		f := output.Own(path)
		if f == nil {
			continue
		}
		if !mentionedIn(dir, name) && (old[name] || hashesTo(f, dataHash(p.path, name))) {
			os.Remove(path)
		}
		f.Close()
	}
}

// readsFrom reports whether the model was made from the file.
func (p *Pending) readsFrom(path string) bool {
	for _, f := range p.reads {
		if st, err := os.Stat(path); err == nil && os.SameFile(st, f.info) {
			return true
		}
	}
	return false
}

// smallFile is the size up to which any file in a folder may be a model that names
// data; of longer ones only those that are called so.
const smallFile = 64 << 20

// mentionedIn reports whether a file in dir names a data file.
func mentionedIn(dir, name string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return true // nobody knows
	}
	for _, e := range entries {
		st, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil || !st.Mode().IsRegular() || e.Name() == name {
			continue
		}
		isModel := strings.EqualFold(filepath.Ext(e.Name()), ".onnx")
		if (isModel || st.Size() <= smallFile) && mentions(filepath.Join(dir, e.Name()), name) {
			return true
		}
	}
	return false
}

// mentions reports whether name occurs in the bytes of a file, as the location of
// external data does. A file that cannot be read may hold anything.
func mentions(path, name string) bool {
	f, err := output.Open(path)
	if err != nil {
		return !os.IsNotExist(err)
	}
	defer f.Close()
	space := make([]byte, hashPiece)
	kept := 0 // bytes of the last piece in front of the next one
	for {
		n, err := io.ReadFull(f, space[kept:])
		if bytes.Contains(space[:kept+n], []byte(name)) {
			return true
		}
		if err != nil {
			return err != io.EOF && err != io.ErrUnexpectedEOF
		}
		kept = copy(space, space[len(space)-len(name):])
	}
}

// hashesTo reports whether a file holds what its name says.
func hashesTo(f *os.File, hash string) bool {
	st, err := f.Stat()
	if err != nil {
		return false
	}
	got, err := hashed(context.Background(), newContent(), f, st.Size())
	return err == nil && got == hash
}

// sameContent reports whether two files hold the same.
func sameContent(a, b *os.File) (bool, error) {
	sa, err := a.Stat()
	if err != nil {
		return false, err
	}
	sb, err := b.Stat()
	if err != nil || sa.Size() != sb.Size() {
		return false, err
	}
	pa, pb := make([]byte, hashPiece), make([]byte, hashPiece)
	for at := int64(0); at < sa.Size(); at += hashPiece {
		n := min(hashPiece, sa.Size()-at)
		if _, err := a.ReadAt(pa[:n], at); err != nil {
			return false, err
		}
		if _, err := b.ReadAt(pb[:n], at); err != nil {
			return false, err
		}
		if !bytes.Equal(pa[:n], pb[:n]) {
			return false, nil
		}
	}
	return true, nil
}
