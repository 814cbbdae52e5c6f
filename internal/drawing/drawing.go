// Package drawing holds what a report draws, as values: pieces of a graph as boxes and
// arrows, and how far a layer reaches over its input tile. It does not draw.
package drawing

import (
	"fmt"
	"strings"
)

// A Kind says what a box stands for.
type Kind string

// The kinds.
const (
	Input  Kind = "input"  // what the piece reads
	Output Kind = "output" // what it makes
	Layer  Kind = "layer"  // a conv or an FC
	Norm   Kind = "norm"   // a normalization, a scale, a shift
	View   Kind = "view"   // nodes that move data and calculate nothing
	Sum    Kind = "sum"
	Other  Kind = "other"
)

// A Box is a node, or several views in a row. Title says what it does in few words,
// Detail with which sizes.
type Box struct {
	Kind   Kind
	Title  string
	Detail string
	Nodes  []string // names
}

// A Graph is a piece of a model.
type Graph struct {
	Boxes  []Box
	Arrows [][2]int // from box to box
}

// A Region is regions that look alike, sizes aside; the first of them is drawn.
type Region struct {
	IDs           []string
	Before, After Graph
	Reach         []Reach // of the first; where an FC was merged with convs
}

// A Reach is the mean of |W| over channels, between one position of the output tile and
// all positions of the input tile: row by row, Height×Width numbers each.
type Reach struct {
	Height, Width int
	Y, X          int // the position of the output, in the output tile
	Of            []ReachOf
}

// ReachOf is one picture of a Reach.
type ReachOf struct {
	Title string
	Mean  []float64
}

// Shape is what two regions that look alike have in common.
func (r Region) Shape() string { return r.Before.shape() + "\n=>\n" + r.After.shape() }

func (g Graph) shape() string {
	var b strings.Builder
	for _, x := range g.Boxes {
		fmt.Fprintf(&b, "%s %s\n", x.Kind, x.Title)
	}
	fmt.Fprint(&b, g.Arrows)
	return b.String()
}

// Joined merges boxes of views that follow each other, each read by the next alone.
func (g Graph) Joined() Graph {
	in, out := make([]int, len(g.Boxes)), make([]int, len(g.Boxes))
	for _, a := range g.Arrows {
		out[a[0]]++
		in[a[1]]++
	}
	into := make([]int, len(g.Boxes)) // the box that each becomes part of
	for i := range into {
		into[i] = i
	}
	root := func(i int) int {
		for into[i] != i {
			i = into[i]
		}
		return i
	}
	boxes := append([]Box(nil), g.Boxes...)
	for _, a := range g.Arrows { // arrows are in the order of the boxes that they lead to
		from, to := root(a[0]), a[1]
		if boxes[from].Kind != View || boxes[to].Kind != View || out[a[0]] != 1 || in[to] != 1 {
			continue
		}
		b := &boxes[from]
		b.Title += " · " + boxes[to].Title
		b.Detail = boxes[to].Detail
		b.Nodes = append(append([]string(nil), b.Nodes...), boxes[to].Nodes...)
		into[to] = from
	}
	var joined Graph
	place := make([]int, len(boxes))
	for i, b := range boxes {
		if into[i] == i {
			place[i] = len(joined.Boxes)
			joined.Boxes = append(joined.Boxes, b)
		}
	}
	for _, a := range g.Arrows {
		if from, to := root(a[0]), root(a[1]); from != to {
			joined.Arrows = append(joined.Arrows, [2]int{place[from], place[to]})
		}
	}
	return joined
}
