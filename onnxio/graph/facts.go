package graph

import (
	"fmt"

	"repmlp/onnxio"
)

// propagate works out shapes, element types and small integer values, node by
// node. Declared shapes are used only where nothing else is known.
func (g *Graph) propagate() error {
	info := g.told()
	for _, t := range g.Model.Graph().Inits() {
		if v := g.values[t.Name()]; v.Init != nil && g.fixed(v) && g.stored(v) && (v.Init.DType().IsInt() || v.Init.Len() <= 16) {
			g.initInts(v)
		}
	}
	for _, n := range g.Nodes {
		if err := g.check(n); err != nil {
			return err
		}
		g.admit(n)
		if !n.misfit {
			n.typeOutputs()
			if rule := shapeRules[n.OpType()]; rule != nil && n.op != nil {
				rule(&shaper{g: g, n: n})
			}
		}
		for _, v := range n.Out {
			if v != nil {
				g.declare(v, info[v.Name])
				g.nameUnknown(v)
			}
		}
		if !n.misfit {
			n.guessOutput()
			g.evalInts(n)
		}
		if err := g.bounded(n); err != nil {
			return err
		}
	}
	return nil
}

// told is what the file declares of values that nodes make, by name.
func (g *Graph) told() map[string]*onnxio.ValueInfo {
	info := map[string]*onnxio.ValueInfo{}
	if g.opts.Sure {
		return info
	}
	for _, list := range [][]*onnxio.ValueInfo{g.Model.Graph().ValueInfo(), g.Model.Graph().Outputs()} {
		for _, v := range list {
			info[v.Name()] = v
		}
	}
	return info
}

// declare compares what is known about v with what the file declares.
func (g *Graph) declare(v *Value, d *onnxio.ValueInfo) {
	if d == nil {
		return
	}
	if v.Elem == onnxio.Undefined {
		v.Elem = d.Elem()
	}
	if !d.Shape() {
		return
	}
	if !v.shapeKnown {
		v.setShape(declared(d))
		return
	}
	bad := len(v.shape) != len(d.Dims())
	for i := 0; !bad && i < len(d.Dims()); i++ {
		have, known := v.shape[i].Int()
		switch {
		case !v.shape[i].Known() && d.Dims()[i].Known:
			v.shape[i] = Size(d.Dims()[i].Value)
		case known && d.Dims()[i].Known && have != d.Dims()[i].Value:
			bad = true
		}
	}
	if bad {
		v.contradicted = true
		g.Notes = append(g.Notes, Note{"invalid_value_info", fmt.Sprintf("the shape that the file declares for %q contradicts the one that follows from its nodes; the declared one is dropped", v.Name)})
	}
}

// nameUnknown gives unknown dimensions a symbol of their own, so that later
// nodes can tell that it is the same unknown.
func (g *Graph) nameUnknown(v *Value) {
	for i, d := range v.shape {
		if !d.Known() {
			v.shape[i] = Symbol(fmt.Sprintf("%s.%d", v.Name, i))
		}
	}
}

// MaxElements bounds a tensor that a node without data inputs would make:
// 8 G elements fit no machine that deploys a model.
const MaxElements = 1 << 33

// bounded refuses constants that would expand beyond all measure.
func (g *Graph) bounded(n *Node) error {
	switch n.OpType() {
	case "ConstantOfShape", "Expand", "Tile", "Pad", "EyeLike", "Range", "Resize", "Upsample", "OneHot":
	default:
		return nil
	}
	for _, v := range n.Out {
		if v == nil || !v.shapeKnown {
			continue
		}
		total := 1.0
		for _, d := range v.shape {
			if k, ok := d.Int(); ok {
				total *= float64(k)
			}
		}
		if total > MaxElements {
			return fmt.Errorf("node %q (%s) would make %.3g elements of %q: the shape %v cannot be meant", n.Title(), n.OpType(), total, v.Name, v.shape)
		}
	}
	return nil
}
