package convert_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// movedGraphs are graphs in which scales and shifts move, so that layers are proved together.
var movedGraphs = map[string]struct {
	text      string
	roundings int
	piece     bool // a piece of the map shows all
}{
	"two layers beside each other": {"x : float32 2 3 9 8\na = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\nb = Conv(x, ?2x3x1x1)\nc = Concat(a, b) axis=1\nd = BatchNormalization(c, ?6, ?6, ?6, !6)\ny = Sigmoid(d)", 1, true},
	"through a leaky activation":   {"x : float32 2 3 9 8\na = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\nb = LeakyRelu(a) alpha=0.25\nc = Mul(b, !4x1x1)\ny = Sigmoid(c)", 1, true},
	"layers at a stride":           {"x : float32 2 3 9 8\na = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1 strides=2,2\nb = LeakyRelu(a) alpha=0.25\nc = Mul(b, !4x1x1)\ny = Sigmoid(c)", 1, false},
	"maps of several sizes":        {"x : float32 2 3 9 8\nw : float32 2 3 1 1\na = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\nb = Conv(w, ?4x3x1x1)\nc = Add(a, b)\nd = Mul(c, ?4x1x1)\ny = Sigmoid(d)", 1, true},
	"an activation that may hide":  {"x : float32 2 3 9 8\na = Conv(x, ?4x3x3x3, ?4) pads=1,1,1,1\nb = Relu(a)\nc = Mul(b, !4x1x1)\ny = Sigmoid(c)", 1, false},
	"the lower of two":             {"x : float32 2 3 4 4\na = Conv(x, ?4x3x1x1, ?4)\nb = Conv(x, ?4x3x1x1, ?4)\nc = Min(a, b)\nd = Mul(c, !4x1x1)\ny = Sigmoid(d)", 1, false},
	"a norm":                       {"x : float32 2 4 8 8\na = InstanceNormalization(x, ?4, ?4)\nb = Identity(a)\nc = Transpose(b) perm=0,2,3,1\nd = Mul(c, ?4)\ny = Sigmoid(d)", 1, true},
	// The shift stays before a conv that pads with zeros, rounded too: 16-bit types were refused,
	// whose exact weights are told apart.
	"a shift that stays": {"x : float16 2 2 4\na = Conv(x, ?1x2x1, ?1)\nb = Sub(?4x4, a)\nc = Mul(b, ?4x1)\nd = Sub(c, ?1x4x1)\ny = Conv(d, ?2x4x3) pads=1,1", 2, true},
}

// A recorder keeps the claims that it proves.
type recorder struct {
	verify.Prover
	mu     sync.Mutex
	claims []verify.Claim
	change func(c *verify.Claim) error
}

func (r *recorder) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	r.mu.Lock()
	r.claims = append(r.claims, c)
	r.mu.Unlock()
	if r.change != nil {
		if err := r.change(&c); err != nil {
			return verify.Proof{}, err
		}
	}
	return r.Prover.Prove(ctx, c)
}

// What is claimed of layers that are proved together: how many roundings meet, and whether
// a piece of the map shows all.
func TestMovedClaims(t *testing.T) {
	for name, c := range movedGraphs {
		m := sketch.Model(t, c.text)
		r := &recorder{}
		res, err := convert.Convert(context.Background(), m, convert.Options{Prover: r})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		most, piece := 0, false
		for _, claim := range r.claims {
			most = max(most, claim.Roundings)
		}
		for _, p := range res.Proofs {
			piece = piece || p.Rows == 1
		}
		if most != c.roundings || piece != c.piece {
			t.Errorf("%s: %d roundings, want %d; proved on a piece: %v, want %v", name, most, c.roundings, piece, c.piece)
		}
		sameModel(t, name, 1, m, res.Model)
	}
}

// Every number that only the merged model has counts in the proof of layers together.
func TestNudgedMovedWeightFails(t *testing.T) {
	for name, c := range movedGraphs {
		m := sketch.Model(t, c.text)
		r := &recorder{}
		if _, err := convert.Convert(context.Background(), m, convert.Options{Prover: r}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		old := map[string]bool{}
		for _, x := range r.claims[0].Before.Graph().Inits() {
			old[x.Name()] = true
		}
		for _, x := range r.claims[0].After.Graph().Inits() {
			if old[x.Name()] || !x.DType().IsFloat() {
				continue
			}
			for k := range int(x.Len()) {
				off := &recorder{change: func(c *verify.Claim) (err error) {
					c.After, err = moveElement(c.After, x.Name(), k)
					return err
				}}
				if _, err := convert.Convert(context.Background(), m, convert.Options{Prover: off}); !errors.Is(err, convert.ErrNotEquivalent) {
					t.Fatalf("%s: element %d of %s is off and nobody notices: %v", name, k, x.Name(), err)
				}
			}
		}
	}
}

// moveElement adds a tenth to an element of an initializer.
func moveElement(m *onnxio.Model, name string, k int) (*onnxio.Model, error) {
	for _, x := range m.Graph().Inits() {
		if x.Name() != name {
			continue
		}
		v, err := x.Float64s()
		if err != nil {
			return nil, err
		}
		v = slices.Clone(v)
		v[k] += 0.1 * (1 + v[k]*v[k])
		b, err := onnxio.EncodeFloat64(v, x.DType())
		if err != nil {
			return nil, err
		}
		moved, err := onnxio.NewTensor(name, x.DType(), x.Dims(), b)
		if err != nil {
			return nil, err
		}
		return m.Apply(onnxio.Edit{DropInits: []*onnxio.Tensor{x}, AddInits: []*onnxio.Tensor{moved}})
	}
	return nil, fmt.Errorf("no weight %q", name)
}
