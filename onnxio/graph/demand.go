package graph

import "fmt"

// A Relation is what a node asks of two sizes.
type Relation uint8

// The relations. Even is a wish: models may round on purpose.
const (
	Equals     Relation = iota // Have = Want
	Broadcasts                 // equal, or one of them is 1
	Multiple                   // Have is a multiple of Want
	AtLeast                    // Have ≥ Want
	Even                       // Have is a multiple of Want, or is rounded
)

// A Demand is a relation that a node asks for and that depends on sizes without a
// number, or, as a contradiction, one that numbers violate.
type Demand struct {
	Node       *Node
	Value      *Value // whose sizes Have is made of
	Have, Want Dim
	Relation   Relation
	place      string // what of the value Have is
}

// Holds reports whether the relation holds between two numbers.
func (r Relation) Holds(have, want int64) bool {
	switch r {
	case Equals:
		return have == want
	case Broadcasts:
		return have == want || have == 1 || want == 1
	case AtLeast:
		return have >= want
	}
	return want != 0 && have%want == 0
}

func (d Demand) String() string {
	ask := map[Relation]string{Equals: "to be", Broadcasts: "to be 1 or", Multiple: "to be a multiple of", Even: "to be a multiple of", AtLeast: "to be at least"}[d.Relation]
	return fmt.Sprintf("node %q (%s) asks for %s of %q, which has %s, %s %s", d.Node.Title(), d.Node.OpType(), d.place, d.Value.Name, short(d.Have), ask, short(d.Want))
}

// short is a size as text that people can read.
func short(d Dim) string {
	const most = 60
	s := []rune(d.String())
	if len(s) > most {
		s = append(append(s[:most/2:most/2], '…'), s[len(s)-most/2:]...)
	}
	return string(s)
}

// find notes what of the value the size is.
func (d *Demand) find() {
	dims, _ := d.Value.Shape()
	for i, x := range dims {
		if x.Equal(d.Have) {
			d.place = fmt.Sprintf("axis %d", i)
			return
		}
	}
	if product(dims).Equal(d.Have) {
		d.place = "the number of elements"
	}
}

// maxDemands bounds the list: what many nodes ask for, the first of them do.
const maxDemands = 1 << 12

// AllDemands reports whether Demands has all of them.
func (g *Graph) AllDemands() bool { return len(g.Demands) < maxDemands }

// demand notes what the node asks of a size of input i.
func (s *shaper) demand(r Relation, i int, have, want Dim) {
	if !have.Known() || !want.Known() || have.Equal(want) || i >= len(s.n.In) || s.n.In[i] == nil {
		return
	}
	h, ok := have.Int()
	w, ok2 := want.Int()
	d := Demand{s.n, s.n.In[i], have, want, r, "a size"}
	switch numbers := ok && ok2; {
	case r == Broadcasts && (have.Is(1) || want.Is(1)):
	case numbers && r.Holds(h, w):
	case numbers && r == Even:
		s.g.Uneven++
	case numbers:
		s.g.Unfit++
		if len(s.g.Contradictions) < maxDemands {
			d.find()
			s.g.Contradictions = append(s.g.Contradictions, d)
		}
	case len(s.g.Demands) < maxDemands:
		d.find()
		s.g.Demands = append(s.g.Demands, d)
	}
}
