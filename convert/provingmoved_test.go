package convert_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"repmlp/convert"
	"repmlp/internal/sketch"
	"repmlp/onnxio"
	"repmlp/verify"
)

// The steps in which layers are proved to which scales moved.
const (
	allTogether = iota // the original and what was written
	inSteps            // the original and the model in which scales moved
	byLayer            // that model and what was written, a layer at a time
)

// A stepper proves, and says otherwise where change does.
type stepper struct {
	verify.Prover
	mu     sync.Mutex    // of what follows, and for change
	after  *onnxio.Model // what was written
	asked  [3][]string   // outputs of claims
	change func(step int, c verify.Claim, p *verify.Proof) error
}

func (s *stepper) Prove(ctx context.Context, c verify.Claim) (verify.Proof, error) {
	s.mu.Lock()
	if s.after == nil {
		s.after = c.After
	}
	step := allTogether
	switch {
	case c.ExactBefore != nil:
		step = byLayer
	case c.After != s.after:
		step = inSteps
	}
	s.asked[step] = append(s.asked[step], c.Output)
	s.mu.Unlock()
	p, err := s.Prover.Prove(ctx, c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.change != nil {
		err = s.change(step, c, &p)
	}
	return p, err
}

// shared has one layer that two values depend on, each proved by itself.
const shared = "x : float32 2 6 4\na = Conv(x, ?6x6x1)\nc, d, e = Split(a, #1_2_3) axis=1\nf = Relu(c)\ng = Relu(d)\ny = Mul(e, !3x1)\nz = Softmax(y)\n> f g z"

func provedMoved(t *testing.T, text string, change func(step int, c verify.Claim, p *verify.Proof) error) (map[string]verify.Proof, *stepper) {
	t.Helper()
	s := &stepper{change: change}
	res, err := convert.Convert(t.Context(), sketch.Model(t, text), convert.Options{Prover: s})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return res.Proofs, s
}

// Where scales moved, layers are proved once more off the model in which they did: where all
// coefficients are shown, that is what is told, else what was proved before.
func TestProofsOfMovedScales(t *testing.T) {
	texts := []string{shared}
	for _, c := range movedGraphs {
		texts = append(texts, c.text)
	}
	for _, text := range texts {
		before, _ := provedMoved(t, text, func(step int, _ verify.Claim, _ *verify.Proof) error {
			if step == inSteps {
				return errors.New("not shown")
			}
			return nil
		})
		after, _ := provedMoved(t, text, func(step int, _ verify.Claim, p *verify.Proof) error {
			if step == byLayer {
				p.Evaluation = 0.25
			}
			return nil
		})
		if len(before) != len(after) {
			t.Fatalf("%s: %d and %d proofs", text, len(before), len(after))
		}
		for id, p := range after {
			old := before[id]
			if !p.Complete || !p.Moved || p.Read == 0 || p.Evaluation != 0.25 || p.Sampled != "" || p.Rows != old.Rows || p.MaxAbs != old.MaxAbs || !(p.Bound >= old.Bound) || !(p.Bound < 1) {
				t.Errorf("%s: %s: %+v, before %+v", text, id, p, old)
			}
			if old.Complete || old.Moved || old.Read != 0 || old.Sampled == "" {
				t.Errorf("%s: %s before: %+v", text, id, old)
			}
		}
	}
}

// The larger of both bounds is told.
func TestBoundOfMovedScales(t *testing.T) {
	for _, bound := range []float64{0, 0.999} {
		old := map[string]float64{}
		proofs, _ := provedMoved(t, shared, func(step int, c verify.Claim, p *verify.Proof) error {
			switch step {
			case allTogether:
				old[c.Output] = p.Bound
			case byLayer:
				p.Bound = bound
			}
			return nil
		})
		want := bound
		for _, b := range old {
			want = max(want, b)
		}
		if len(proofs) != 1 || proofs["r1"].Bound != want || !proofs["r1"].Moved {
			t.Errorf("%g: %+v, want %g", bound, proofs, want)
		}
	}
}

// What one of the steps does not show stays as it was proved before: all values that depend on
// a layer have to be shown first, then every coefficient.
func TestStepsThatShowNothing(t *testing.T) {
	unproved := errors.New("not proved")
	fails := map[string]func(p *verify.Proof) error{
		"an error":     func(*verify.Proof) error { return unproved },
		"too far":      func(p *verify.Proof) error { p.Bound = 1; return nil },
		"no number":    func(p *verify.Proof) error { p.Bound = math.NaN(); return nil },
		"not complete": func(p *verify.Proof) error { p.Complete = false; return nil },
	}
	for what, fail := range fails {
		for _, output := range []string{"y", "c", "d"} {
			proofs, s := provedMoved(t, shared, func(step int, c verify.Claim, p *verify.Proof) error {
				if step == inSteps && c.Output == output {
					return fail(p)
				}
				return nil
			})
			slices.Sort(s.asked[inSteps])
			if !slices.Equal(s.asked[inSteps], []string{"c", "d", "y"}) {
				t.Fatalf("%q were asked", s.asked)
			}
			shown := what == "not complete" // the scales that moved are sampled
			if asked := len(s.asked[byLayer]); proofs["r1"].Moved != shown || proofs["r1"].Complete != shown || (asked > 0) != shown {
				t.Errorf("%q, %s: %+v, %d layers asked", output, what, proofs, asked)
			}
		}
		proofs, s := provedMoved(t, shared, func(step int, _ verify.Claim, p *verify.Proof) error {
			if step == byLayer {
				return fail(p)
			}
			return nil
		})
		if p := proofs["r1"]; p.Moved || p.Complete || !(p.Bound < 1) || p.Sampled == "" || len(s.asked[byLayer]) != 1 {
			t.Errorf("the layer, %s: %+v", what, p)
		}
	}
}

// The end of a context ends a conversion in every step.
func TestStepsEnd(t *testing.T) {
	for _, at := range []int{allTogether, inSteps, byLayer} {
		ctx, cancel := context.WithCancel(t.Context())
		s := &stepper{change: func(step int, _ verify.Claim, _ *verify.Proof) error {
			if step == at {
				cancel()
				return ctx.Err()
			}
			return nil
		}}
		if _, err := convert.Convert(ctx, sketch.Model(t, shared), convert.Options{Prover: s}); !errors.Is(err, context.Canceled) || len(s.asked[at]) == 0 {
			t.Errorf("step %d: %v", at, err)
		}
		cancel()
	}
}
