package convert

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
)

// CertificateSchema names the JSON form of a Certificate.
const CertificateSchema = "repmlp.certificate/1"

// A Certificate says what was proved of two files. Whoever has them can prove it again, see
// CheckCertificate.
type Certificate struct {
	Schema    string           `json:"schema"`
	Tool      Tool             `json:"tool"`
	Original  CertifiedFile    `json:"original"`
	Converted CertifiedFile    `json:"converted"`
	Seed      uint64           `json:"seed"`
	Samples   int              `json:"samples,omitempty"` // of what is not linear
	Dims      map[string]int64 `json:"dims,omitempty"`    // sizes of named dimensions
	Verdict   string           `json:"verdict"`
	Proving   *Proving         `json:"proving"`
}

// A CertifiedFile is a model by the hashes of its files.
type CertifiedFile struct {
	Path     string          `json:"path"` // where it was
	SHA256   string          `json:"sha256"`
	External []CertifiedData `json:"external,omitempty"`
}

// A CertifiedData is a file of external data.
type CertifiedData struct {
	Location string `json:"location"` // as the model names it
	SHA256   string `json:"sha256"`
}

// Certify is the certificate of a report of ProveFiles with Options.Hashes, whose files are
// still where they were.
func Certify(ctx context.Context, r *Report, opts Options) (*Certificate, error) {
	if r.Command != "prove" || r.Proving == nil || r.Verdict != Proved && r.Verdict != Compared || r.Input.SHA256 == "" {
		return nil, fmt.Errorf("certifying a report: it is none of a proof with hashes")
	}
	c := &Certificate{Schema: CertificateSchema, Tool: r.Tool, Seed: opts.Seed, Samples: opts.Samples, Dims: opts.Dims, Verdict: r.Verdict, Proving: r.Proving}
	for to, f := range map[*CertifiedFile]*FileFacts{&c.Original: r.Input, &c.Converted: r.Output} {
		to.Path, to.SHA256 = f.Path, f.SHA256
		for _, location := range f.External {
			sum, err := hashOf(ctx, filepath.Join(filepath.Dir(f.Path), filepath.FromSlash(location)))
			if err != nil {
				return nil, fmt.Errorf("certifying %q: %w", f.Path, err)
			}
			to.External = append(to.External, CertifiedData{location, sum})
		}
	}
	return c, nil
}

// ReadCertificate reads the JSON form.
func ReadCertificate(b []byte) (*Certificate, error) {
	c := &Certificate{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("reading a certificate: %w", err)
	}
	if c.Schema != CertificateSchema {
		return nil, fmt.Errorf("reading a certificate: its schema is %q, not %q", c.Schema, CertificateSchema)
	}
	if c.Proving == nil {
		return nil, fmt.Errorf("reading a certificate: it says of nothing that it is proved")
	}
	return c, nil
}

// CheckCertificate proves again what a certificate says: of the same files, with the same
// flags, and with what is said of each piece. Empty paths are those of the certificate. With an
// error that is ErrNotEquivalent it does not hold.
func CheckCertificate(ctx context.Context, c *Certificate, original, converted string, opts Options) (*Report, error) {
	if original == "" {
		original, converted = c.Original.Path, c.Converted.Path
	}
	opts.Seed, opts.Samples, opts.Dims, opts.Hashes = c.Seed, c.Samples, c.Dims, true
	for _, f := range c.Proving.Flags {
		switch f {
		case "--batch-stats-as-inference":
			opts.BatchStatistics = true
		case "--freeze-inputs":
			opts.FreezeInputs = true
		case "--fold-dequantize":
			opts.FoldDequantize = true
		}
	}
	r, err := ProveFiles(ctx, original, converted, opts)
	if err != nil {
		return r, err
	}
	again, err := Certify(ctx, r, opts)
	if err == nil {
		err = c.differs(again)
	}
	if err != nil {
		r.Verdict = NotEquivalent
		r.Error = &Failure{Message: err.Error()}
	}
	return r, err
}

// differs says in what a proof that was made again is another.
func (c *Certificate) differs(again *Certificate) error {
	not := func(format string, args ...any) error {
		return fmt.Errorf("checking the certificate: %s: %w", fmt.Sprintf(format, args...), ErrNotEquivalent)
	}
	for _, f := range [][2]CertifiedFile{{c.Original, again.Original}, {c.Converted, again.Converted}} {
		if f[0].SHA256 != f[1].SHA256 || !reflect.DeepEqual(f[0].External, f[1].External) {
			return not("%q is another file than was certified", f[1].Path)
		}
	}
	switch a, b := c.Proving, again.Proving; {
	case c.Verdict != again.Verdict:
		return not("the verdict is %q and was %q", again.Verdict, c.Verdict)
	case a.Identical != b.Identical:
		return not("%d nodes and %d tensors are identical, and were %d and %d", b.Identical.Nodes, b.Identical.Tensors, a.Identical.Nodes, a.Identical.Tensors)
	case len(a.Pieces) != len(b.Pieces):
		return not("%d pieces differ, and were %d", len(b.Pieces), len(a.Pieces))
	default:
		for i, p := range a.Pieces {
			q := b.Pieces[i]
			if p.Value != q.Value || p.New != q.New || !reflect.DeepEqual(p.From, q.From) || !reflect.DeepEqual(p.Original, q.Original) || !reflect.DeepEqual(p.Converted, q.Converted) ||
				p.Linear != q.Linear || p.Method != q.Method || p.Roundings < q.Roundings {
				return not("what it says of %q is not so", p.Value)
			}
		}
	}
	return nil
}
