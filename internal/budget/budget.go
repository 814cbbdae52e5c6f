// Package budget says how much a conversion or a run of a model may use. Work
// whose size a file decides is asked for here before it starts, so that a small
// file that would grow without end is an error that names the place.
package budget

import (
	"cmp"
	"fmt"
	"sync/atomic"
)

// A Kind is one thing that is limited.
type Kind uint8

// The kinds, with what they count.
const (
	Memory    Kind = iota // bytes of the tensors that the runs of a model hold at the same time
	Constants             // bytes of the constants that are computed from others
	Nodes                 // nodes that functions expand to
	Copies                // bytes of the nodes that functions expand to
	Depth                 // subgraphs inside subgraphs, and functions that call functions
)

// Defaults of the kinds whose limit does not depend on the machine.
const (
	// DefaultConstants is far above what exporters leave to be computed: the
	// weights of the largest training-form layers are a few hundred megabytes.
	DefaultConstants = 1 << 30
	// DefaultNodes is five times what exporters that write a function for every
	// module make of the largest networks.
	DefaultNodes = 1 << 18
	// DefaultCopies is more than that many nodes of a usual size.
	DefaultCopies = 256 << 20
	// DefaultDepth is six times the deepest real files, which stay below 10.
	DefaultDepth = 64
)

var kinds = [...]struct {
	what, unit, name, advice string
	limit                    int64
}{
	Memory:    {"the tensors of the run need", "bytes", "memory budget", "raise the budget with --max-memory, or bind free sizes to smaller ones with --dim; convert --no-check needs no run of the whole model", 0},
	Constants: {"the constants computed from others need", "bytes", "budget", "raise budget.Limits.Constants; or export the model with its constants folded", DefaultConstants},
	Nodes:     {"the functions expand to", "nodes", "budget", "raise budget.Limits.Nodes; or export the model without functions", DefaultNodes},
	Copies:    {"the functions expand to", "bytes", "budget", "raise budget.Limits.Copies; or export the model without functions", DefaultCopies},
	Depth:     {"subgraphs or functions are nested", "deep", "budget", "raise budget.Limits.Depth; real models stay below 10", DefaultDepth},
}

// Limits are the most of each kind. The zero value of a field is its default:
// the constants of this package, and for Memory no limit (Machine tells what
// there is).
type Limits struct {
	Memory    int64
	Constants int64
	Nodes     int64
	Copies    int64
	Depth     int64
}

// Of returns the limit of a kind, 0 where there is none.
func (l Limits) Of(k Kind) int64 {
	set := [...]int64{Memory: l.Memory, Constants: l.Constants, Nodes: l.Nodes, Copies: l.Copies, Depth: l.Depth}
	return cmp.Or(set[k], kinds[k].limit)
}

// Ask returns an *Exceeded where need is beyond the limit of k or no number of
// things at all. where names the node or tensor that asks.
func (l Limits) Ask(k Kind, need int64, where string) error {
	limit := l.Of(k)
	if need >= 0 && (limit == 0 || need <= limit) {
		return nil
	}
	return &Exceeded{Kind: k, Where: where, Need: need, Limit: limit}
}

// Bytes is the size of so many elements in bytes, -1 where it does not fit an
// int64 or a size is negative; Ask refuses that.
func Bytes[N int | int64](width int64, shape ...N) int64 {
	total := width
	for _, d := range shape {
		if d == 0 {
			return 0
		}
	}
	for _, d := range shape {
		if d < 0 || total > (1<<62)/int64(d) {
			return -1
		}
		total *= int64(d)
	}
	return total
}

// An Exceeded says what needs more than there is.
type Exceeded struct {
	Kind  Kind
	Where string // the node or tensor
	Need  int64  // negative: more than can be counted
	Limit int64
}

func (e *Exceeded) Error() string {
	k := kinds[e.Kind]
	need := fmt.Sprintf("more than %d", e.Limit)
	if e.Need >= 0 {
		need = fmt.Sprint(e.Need)
	}
	at := ""
	if e.Where != "" {
		at = fmt.Sprintf("at %q ", e.Where)
	}
	if e.Limit == 0 {
		return fmt.Sprintf("%s%s more %s than can be counted", at, k.what, k.unit)
	}
	return fmt.Sprintf("%s%s %s %s, the %s is %d", at, k.what, need, k.unit, k.name, e.Limit)
}

// Advice says what the error's reader can do about it.
func (e *Exceeded) Advice() string { return kinds[e.Kind].advice }

// A Meter counts what several takers use of one kind together. It is safe for
// concurrent use; nil counts nothing and refuses nothing.
type Meter struct {
	limits Limits
	kind   Kind
	used   atomic.Int64
}

// Meter starts counting.
func (l Limits) Meter(k Kind) *Meter { return &Meter{limits: l, kind: k} }

// Take counts n more, or returns an *Exceeded and counts nothing.
func (m *Meter) Take(n int64, where string) error {
	if m == nil {
		return nil
	}
	used := m.used.Add(max(n, 0))
	if n < 0 {
		used = -1
	}
	err := m.limits.Ask(m.kind, used, where)
	if err != nil {
		m.used.Add(-max(n, 0))
	}
	return err
}

// Give counts n less.
func (m *Meter) Give(n int64) {
	if m != nil {
		m.used.Add(-n)
	}
}

// Used is what is taken and not given back.
func (m *Meter) Used() int64 {
	if m == nil {
		return 0
	}
	return m.used.Load()
}
