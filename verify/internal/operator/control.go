package operator

import (
	"errors"
	"fmt"
	"slices"

	"repmlp/onnxio"
)

func ifOp(c *Call) ([]*Value, error) {
	name := "else_branch"
	if c.In[0].I[0] != 0 {
		name = "then_branch"
	}
	a := c.Node.Attr(name)
	if a == nil || a.G() == nil {
		return nil, fmt.Errorf("it has no %s", name)
	}
	return c.Body(a.G(), nil)
}

// maxTrips bounds a loop; real ones stay far below.
const maxTrips = 1 << 20

func loopOp(c *Call) ([]*Value, error) {
	a := c.Node.Attr("body")
	if a == nil || a.G() == nil {
		return nil, errors.New("it has no body")
	}
	trips := int64(maxTrips)
	if c.has(0) {
		trips = c.In[0].I[0]
	}
	if trips > maxTrips {
		return nil, fmt.Errorf("it runs %d times", trips)
	}
	cond := scalar(onnxio.Bool, 1)
	if c.has(1) {
		cond = c.In[1]
	}
	state := slices.Clone(c.In[min(2, len(c.In)):])
	n := len(state)
	scans := make([][]*Value, len(a.G().Outputs())-1-n)
	for i := int64(0); i < trips && cond.I[0] != 0; i++ {
		iter := scalar(onnxio.Int64, i)
		out, err := c.Body(a.G(), append([]*Value{iter, cond}, state...))
		if err != nil {
			return nil, err
		}
		cond = out[0]
		copy(state, out[1:1+n])
		for k := range scans {
			scans[k] = append(scans[k], out[1+n+k])
		}
	}
	outs := state
	for _, list := range scans {
		if len(list) == 0 {
			return nil, Unsupportedf("the Go engine lacks scan outputs of a loop that does not run")
		}
		shape := append([]int{len(list)}, list[0].Shape...)
		all := Like(list[0], list[0].DType, shape)
		for i, t := range list {
			for j := range t.Len() {
				copyElement(all, i*t.Len()+j, t, j)
			}
		}
		outs = append(outs, all)
	}
	return outs, nil
}
