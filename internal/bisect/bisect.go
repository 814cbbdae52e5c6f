// Package bisect finds the smallest set of things that fails a test. It knows nothing of
// what they are.
package bisect

import (
	"fmt"
	"math/bits"
	"slices"
)

// An Outcome is what a test says of a set.
type Outcome int

// The outcomes. A set that is skipped says nothing.
const (
	Good Outcome = iota
	Bad
	Skip
)

// A Verdict is what a search came to.
type Verdict int

// The verdicts.
const (
	Found        Verdict = iota
	NothingFails         // all together are good
	AlwaysFails          // none of them is bad already
	Untestable           // the test says nothing of none, or of all
)

// A Result is the end of a search.
type Result struct {
	Verdict Verdict
	Set     []int // of Found: the test fails for it, and passes without any one of it
	Runs    int
	Open    bool // the test said nothing of some sets, so that a smaller one may fail
}

// Find looks for the smallest set of the numbers below n that fails a test, which is asked
// once for a set. None have to be good. A single number that fails alone is found in
// log2(n) + 3 tests at most; of several that fail only together a set is found of which
// none can go.
func Find(n int, test func(set []int) (Outcome, error)) (*Result, error) {
	s := &search{test: test, seen: map[string]Outcome{}}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	err := s.find(all)
	s.result.Runs = len(s.seen)
	return &s.result, err
}

type search struct {
	test    func(set []int) (Outcome, error)
	seen    map[string]Outcome
	result  Result
	skipped bool
}

// run asks for a set, once.
func (s *search) run(set []int) (Outcome, error) {
	set = slices.Sorted(slices.Values(set))
	key := fmt.Sprint(set)
	if o, known := s.seen[key]; known {
		return o, nil
	}
	o, err := s.test(set)
	if err != nil {
		return o, err
	}
	s.seen[key] = o
	s.skipped = s.skipped || o == Skip
	return o, nil
}

func (s *search) find(all []int) error {
	switch o, err := s.run(nil); {
	case err != nil:
		return err
	case o == Bad:
		s.result.Verdict = AlwaysFails
		return nil
	case o == Skip:
		s.result.Verdict = Untestable
		return nil
	case len(all) == 0:
		s.result.Verdict = NothingFails
		return nil
	}
	bad, err := s.single(all)
	if err != nil || bad == nil {
		return err
	}
	if len(bad) > 1 {
		if bad, err = s.several(bad); err != nil {
			return err
		}
	}
	slices.Sort(bad)
	s.result.Set = bad
	return nil
}

// single looks for one number that fails alone, by halves. With t tests left 2^(t-1)
// numbers can be told apart, since the last one has to fail alone. All together are tried
// as soon as that leaves enough tests, at first where n is a power of two. It returns
// the smallest set that is known to fail; nil where there is none.
func (s *search) single(all []int) (bad []int, err error) {
	left := bits.Len(uint(len(all))) - 1 + 2 // log2(n) + 3 without the one for none
	set := all
	tried := false
	whole := func() (fine bool, err error) {
		o, err := s.run(all)
		switch {
		case err != nil:
			return false, err
		case o == Bad:
			bad = all
			return true, nil
		case o == Good:
			s.result.Verdict = NothingFails
		default:
			s.result.Verdict = Untestable
		}
		return false, nil
	}
	for {
		if bad == nil && !tried && (left < 3 || len(set) <= 1<<(left-2)) {
			tried = true
			left--
			if fine, err := whole(); !fine {
				return nil, err
			}
			continue
		}
		if len(set) == 1 {
			o, err := s.run(set)
			if err != nil {
				return nil, err
			}
			if o == Bad {
				return set, nil
			}
			break
		}
		k := (len(set) + 1) / 2
		if bad == nil && left >= 2 {
			k = min(len(set)-1, 1<<(left-2))
		}
		left--
		o, err := s.run(set[:k])
		if err != nil {
			return nil, err
		}
		if o == Skip {
			break
		}
		if o == Bad {
			bad, set = set[:k], set[:k]
		} else {
			set = set[k:]
		}
	}
	if bad == nil {
		if fine, err := whole(); !fine {
			return nil, err
		}
	}
	return bad, nil
}

// several makes a set that fails smaller. What has to be in it is found from the end: the
// shortest beginning that fails with what was found before ends with the next one.
func (s *search) several(bad []int) ([]int, error) {
	var keep []int
	rest := bad
	for {
		if len(keep) > 0 {
			if o, err := s.run(keep); err != nil || o == Bad {
				return s.least(keep, err)
			}
		}
		good, fails := 0, len(rest)
		for fails-good > 1 {
			middle := (good + fails) / 2
			o, err := s.run(slices.Concat(keep, rest[:middle]))
			if err != nil {
				return nil, err
			}
			if o == Bad {
				fails = middle
			} else {
				good = middle
			}
		}
		keep, rest = append(keep, rest[fails-1]), rest[:fails-1]
	}
}

// least leaves out what can go, by pieces that get smaller (Zeller's ddmin), down to single
// ones.
func (s *search) least(set []int, err error) ([]int, error) {
	if err != nil {
		return nil, err
	}
	pieces := len(set)
	if s.skipped { // what was not said may hide larger pieces
		pieces = 2
	}
	for len(set) > 1 {
		size := (len(set) + pieces - 1) / pieces
		smaller := false
		for from := 0; from < len(set); from += size {
			without := slices.Delete(slices.Clone(set), from, min(from+size, len(set)))
			o, err := s.run(without)
			if err != nil {
				return nil, err
			}
			if o == Bad && len(without) > 0 {
				set, smaller = without, true
				pieces = max(2, min(pieces-1, len(set)))
				break
			}
			if o == Skip && size == 1 {
				s.result.Open = true
			}
		}
		if smaller {
			s.result.Open = false
			continue
		}
		if size == 1 {
			break
		}
		pieces = min(2*pieces, len(set))
	}
	return set, nil
}
