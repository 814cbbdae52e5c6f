package onnxio

import (
	"cmp"
	"slices"
)

// dataAlign is the alignment of tensors in a new external file.
const dataAlign = 64

// A span is where the values of an external tensor lie. Tensors may share one.
type span struct {
	location       string
	offset, length int64
}

func spanOf(t *Tensor) span { return span{t.external.location, t.external.offset, t.stored()} }

// layOut decides which tensors are external, notes their places in enc and lists
// the pieces of the file that holds them, nil if there is none.
func (m *Model) layOut(enc *encoder, limit int64) (*stream, error) {
	var spans []span
	var tensors []*Tensor // by span
	known := map[span]bool{}
	inline := int64(0)
	m.eachTensor(func(t *Tensor) {
		switch {
		case t.external == nil:
			inline += t.stored()
		case !known[spanOf(t)]:
			known[spanOf(t)] = true
			spans, tensors = append(spans, spanOf(t)), append(tensors, t)
		}
	})
	var fresh []*Tensor
	if m.edited() && (len(spans) > 0 || inline > limit) {
		m.eachTensor(func(t *Tensor) {
			if t.external == nil && (t.raw == nil || inline > limit) && t.stored() > smallTensor {
				fresh = append(fresh, t)
			}
		})
	}
	if len(spans)+len(fresh) == 0 {
		return nil, nil
	}
	enc.spans, enc.move = map[span]int64{}, map[*Tensor]externalData{}
	if len(fresh) == 0 && keepsOffsets(spans) {
		return m.sameLayout(enc, spans, tensors)
	}
	s := &stream{}
	for i, t := range append(tensors, fresh...) {
		s.zeros(-s.size & (dataAlign - 1))
		if i < len(spans) {
			enc.spans[spans[i]] = s.size
		} else {
			enc.move[t] = externalData{offset: s.size, length: t.stored(), hasLen: true}
		}
		if err := s.tensor(t); err != nil {
			return nil, err
		}
	}
	s.flush()
	return s, nil
}

// wasted is how much of a file may belong to no tensor before it is laid out anew.
const wasted = 1 << 20

// keepsOffsets reports whether tensors may stay where they are: they lie in one
// file, and closely.
func keepsOffsets(spans []span) bool {
	end, sum := int64(0), int64(0)
	for _, p := range spans {
		if p.location != spans[0].location {
			return false
		}
		end = max(end, p.offset+p.length)
		sum += p.length
	}
	return end-sum <= sum+wasted
}

// sameLayout keeps every tensor at its offset. What belongs to none becomes zeros.
func (m *Model) sameLayout(enc *encoder, spans []span, tensors []*Tensor) (*stream, error) {
	order := slices.Clone(tensors)
	slices.SortStableFunc(order, func(a, b *Tensor) int { return cmp.Compare(a.external.offset, b.external.offset) })
	s := &stream{}
	for _, t := range order {
		b, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		from := t.external.offset
		s.zeros(max(0, from-s.size))
		if covered := s.size - from; covered < int64(len(b)) { // tensors may overlap
			s.bytes(b[covered:], t.files)
		}
	}
	s.flush()
	for _, p := range spans {
		enc.spans[p] = p.offset
	}
	return s, nil
}
