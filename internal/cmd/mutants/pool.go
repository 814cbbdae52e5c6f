package main

import (
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"repmlp/internal/mutant"
	"repmlp/onnxio"
)

// seedFiles lists the models under the folders, small ones first.
func seedFiles(folders []string, most int64) ([]string, error) {
	sizes := map[string]int64{}
	var files []string
	for _, dir := range folders {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".onnx") {
				return err
			}
			st, err := os.Stat(path)
			if err == nil && st.Mode().IsRegular() && st.Size() <= most {
				files = append(files, path)
				sizes[path] = st.Size()
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%q holds no models of at most %d bytes", folders, most)
	}
	slices.SortStableFunc(files, func(a, b string) int {
		if sizes[a] != sizes[b] {
			return int(sizes[a] - sizes[b])
		}
		return strings.Compare(a, b)
	})
	return files, nil
}

// towardsSmall is the power that makes small seeds, which are converted faster,
// more frequent: with 1 all are alike.
const towardsSmall = 1.4

// A pool makes mutants by number.
type pool struct {
	seed  uint64
	files []string
	seeds map[string]*mutant.Seed
	bad   map[string]error
}

func newPool(seed uint64, files []string) *pool {
	return &pool{seed, files, map[string]*mutant.Seed{}, map[string]error{}}
}

// An origin says where a mutant comes from.
type origin struct {
	File  string
	Kinds []string
}

// make returns mutant number i.
func (p *pool) make(i int) ([]byte, origin, error) {
	r := rand.New(rand.NewPCG(p.seed, uint64(i)))
	file := p.files[int(math.Pow(r.Float64(), towardsSmall)*float64(len(p.files)))]
	o := origin{File: file}
	if p.seeds[file] == nil && p.bad[file] == nil {
		p.seeds[file], p.bad[file] = readSeed(file)
	}
	if err := p.bad[file]; err != nil {
		return nil, o, err
	}
	var b []byte
	b, o.Kinds = p.seeds[file].Make(r)
	return b, o, nil
}

func readSeed(file string) (s *mutant.Seed, err error) {
	defer func() {
		if r := recover(); r != nil { // its mutants would not get further
			s, err = nil, fmt.Errorf("looking into %q: %v", file, r)
		}
	}()
	m, err := onnxio.Load(file)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return mutant.NewSeed(m)
}
