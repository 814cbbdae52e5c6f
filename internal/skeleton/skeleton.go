// Package skeleton completes network skeletons: ONNX files whose large float
// tensors carry name, type and dims but no data. A table says from which
// distribution each of them is drawn. Tensors are written one at a time, so
// memory stays near the size of the largest one, and the generator of a tensor
// depends on the seed and the tensor's name alone.
package skeleton

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Net describes one network of a folder's nets.json.
type Net struct {
	What     string           `json:"what"`
	Input    []any            `json:"input"` // a string is a free dimension
	Blocks   int              `json:"blocks"`
	Family   string           `json:"family"`
	MaxAfter map[string]int   `json:"max_ops_after"`
	Tensors  map[string]Draws `json:"tensors"`
}

// Draws is the distribution of one tensor: "normal" with mean A and deviation
// B, or "uniform" from A to B. Rows of length Row are brought to mean zero,
// which keeps deep networks sensitive.
type Draws struct {
	Dist string  `json:"dist"`
	A    float32 `json:"a"`
	B    float32 `json:"b"`
	Row  int     `json:"row"`
}

// Nets reads the table of a folder of skeletons.
func Nets(dir string) (map[string]Net, error) {
	b, err := os.ReadFile(filepath.Join(dir, "nets.json"))
	if err != nil {
		return nil, fmt.Errorf("reading the table of networks: %w", err)
	}
	var nets map[string]Net
	if err := json.Unmarshal(b, &nets); err != nil {
		return nil, fmt.Errorf("reading the table of networks: %w", err)
	}
	return nets, nil
}

// Options of Fill. The zero value fills inline with seed 0.
type Options struct {
	Seed     uint64
	External bool // large tensors go to OUT.data
}

// Fill completes the skeleton NAME.onnx of dir and writes it to out. The same
// arguments give the same bytes.
func Fill(dir, name, out string, o Options) error {
	nets, err := Nets(dir)
	if err != nil {
		return err
	}
	net, ok := nets[name]
	if !ok {
		return fmt.Errorf("filling a skeleton: %q holds no network %q", dir, name)
	}
	model, err := os.ReadFile(filepath.Join(dir, name+".onnx"))
	if err != nil {
		return fmt.Errorf("filling a skeleton: %w", err)
	}
	if err := fill(model, net, out, o); err != nil {
		return fmt.Errorf("filling skeleton %q: %w", name, err)
	}
	return nil
}

// A piece is a part of the output: bytes, and numbers to draw after them.
type piece struct {
	head  []byte
	name  string
	draws *Draws
	count int
}

func (p piece) size() int {
	n := len(p.head)
	if p.draws != nil {
		n += 4 * p.count
	}
	return n
}

func fill(model []byte, net Net, out string, o Options) (err error) {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	var data *bufio.Writer
	if o.External {
		d, err := os.Create(out + ".data")
		if err != nil {
			return err
		}
		defer func() {
			if e := d.Close(); err == nil {
				err = e
			}
		}()
		data = bufio.NewWriterSize(d, 1<<20)
	}
	offset := int64(0)
	err = eachField(model, func(num protowire.Number, raw, body []byte) error {
		if num != 7 {
			_, err := w.Write(raw)
			return err
		}
		var pieces []piece
		err := eachField(body, func(num protowire.Number, raw, body []byte) error {
			if num != 5 {
				pieces = append(pieces, piece{head: raw})
				return nil
			}
			p, err := tensorPiece(raw, body, net, out, o, &offset)
			pieces = append(pieces, p)
			return err
		})
		if err != nil {
			return err
		}
		total := 0
		for _, p := range pieces {
			total += len(p.head)
			if !o.External {
				total = total - len(p.head) + p.size()
			}
		}
		head := protowire.AppendTag(nil, 7, protowire.BytesType)
		if _, err := w.Write(protowire.AppendVarint(head, uint64(total))); err != nil {
			return err
		}
		for _, p := range pieces {
			if _, err := w.Write(p.head); err != nil {
				return err
			}
			if p.draws == nil {
				continue
			}
			to := w
			if o.External {
				to = data
			}
			if err := p.draw(to, o.Seed); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if data != nil {
		if err := data.Flush(); err != nil {
			return err
		}
	}
	return w.Flush()
}

// tensorPiece rewrites an initializer so that its numbers may follow.
func tensorPiece(raw, body []byte, net Net, out string, o Options, offset *int64) (piece, error) {
	name, count := "", 1
	err := eachField(body, func(num protowire.Number, raw, body []byte) error {
		switch num {
		case 1:
			for b := body; len(b) > 0; {
				v, n := protowire.ConsumeVarint(b)
				if n < 0 {
					return protowire.ParseError(n)
				}
				count *= int(v)
				b = b[n:]
			}
			if body == nil {
				_, _, n := protowire.ConsumeTag(raw)
				v, _ := protowire.ConsumeVarint(raw[n:])
				count *= int(v)
			}
		case 8:
			name = string(body)
		}
		return nil
	})
	d, ok := net.Tensors[name]
	if err != nil || !ok {
		return piece{head: raw}, err
	}
	inner := slices.Clone(body)
	if o.External {
		entry := func(k, v string) {
			e := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), k)
			e = protowire.AppendString(protowire.AppendTag(e, 2, protowire.BytesType), v)
			inner = protowire.AppendBytes(protowire.AppendTag(inner, 13, protowire.BytesType), e)
		}
		entry("location", filepath.Base(out)+".data")
		entry("offset", strconv.FormatInt(*offset, 10))
		entry("length", strconv.Itoa(4*count))
		inner = protowire.AppendVarint(protowire.AppendTag(inner, 14, protowire.VarintType), 1)
		*offset += int64(4 * count)
		head := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), inner)
		return piece{head, name, &d, count}, nil
	}
	inner = protowire.AppendVarint(protowire.AppendTag(inner, 9, protowire.BytesType), uint64(4*count))
	head := protowire.AppendVarint(protowire.AppendTag(nil, 5, protowire.BytesType), uint64(len(inner)+4*count))
	return piece{append(head, inner...), name, &d, count}, nil
}

func (p piece) draw(w io.Writer, seed uint64) error {
	h := fnv.New64a()
	h.Write([]byte(p.name))
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	v := make([]float32, p.count)
	for i := range v {
		if p.draws.Dist == "normal" {
			v[i] = float32(rng.NormFloat64())*p.draws.B + p.draws.A
		} else {
			v[i] = rng.Float32()*(p.draws.B-p.draws.A) + p.draws.A
		}
	}
	if row := p.draws.Row; row > 0 && p.count%row == 0 {
		for r := range p.count / row {
			sum := float32(0)
			for _, x := range v[r*row : (r+1)*row] {
				sum += x
			}
			for i := range row {
				v[r*row+i] -= sum / float32(row)
			}
		}
	}
	b := make([]byte, 4*p.count)
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	_, err := w.Write(b)
	return err
}

func eachField(b []byte, f func(num protowire.Number, raw, body []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return protowire.ParseError(m)
		}
		var body []byte
		if typ == protowire.BytesType {
			body, _ = protowire.ConsumeBytes(b[n:])
		}
		if err := f(num, b[:n+m], body); err != nil {
			return err
		}
		b = b[n+m:]
	}
	return nil
}
