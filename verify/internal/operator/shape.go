package operator

import (
	"errors"
	"fmt"

	"repmlp/onnxio"
	"repmlp/verify/internal/tensor"
)

func reshape(c *Call) ([]*Value, error) {
	x := c.In[0]
	target, ok := c.list("shape", 1)
	if !ok {
		return nil, errors.New("it has no target shape")
	}
	shape := tensor.ToInts(target)
	infer, rest := -1, 1
	for i, d := range shape {
		switch {
		case d == 0 && c.Node.AttrInt("allowzero") == 0:
			if i >= len(x.Shape) {
				return nil, fmt.Errorf("it copies axis %d of a tensor of rank %d", i, len(x.Shape))
			}
			shape[i] = x.Shape[i]
		case d == -1:
			if infer >= 0 {
				return nil, errors.New("it infers two sizes")
			}
			infer = i
			continue
		case d < 0:
			return nil, fmt.Errorf("its target %v has a negative size", target)
		}
		rest *= shape[i]
	}
	if infer >= 0 {
		shape[infer] = 0
		if rest > 0 {
			shape[infer] = x.Len() / rest
		}
	}
	return reshaped(x, shape)
}

func flatten(c *Call) ([]*Value, error) {
	x := c.In[0]
	a := int(c.Node.AttrInt("axis"))
	if a < 0 {
		a += len(x.Shape)
	}
	if a < 0 || a > len(x.Shape) {
		return nil, fmt.Errorf("axis %d is out of range", a)
	}
	return reshaped(x, []int{tensor.Count(x.Shape[:a]), tensor.Count(x.Shape[a:])})
}

func squeeze(c *Call) ([]*Value, error) {
	x := c.In[0]
	axes, given := c.list("axes", 1)
	drop := make([]bool, len(x.Shape))
	for _, a := range axes {
		k, err := tensor.AxisOf(a, len(x.Shape))
		if err != nil {
			return nil, err
		}
		if x.Shape[k] != 1 {
			return nil, fmt.Errorf("it drops axis %d of size %d", k, x.Shape[k])
		}
		drop[k] = true
	}
	shape := []int{}
	for i, d := range x.Shape {
		if !drop[i] && (given || d != 1) {
			shape = append(shape, d)
		}
	}
	return reshaped(x, shape)
}

func unsqueeze(c *Call) ([]*Value, error) {
	x := c.In[0]
	axes, _ := c.list("axes", 1)
	rank := len(x.Shape) + len(axes)
	isNew := make([]bool, rank)
	for _, a := range axes {
		k, err := tensor.AxisOf(a, rank)
		if err != nil || isNew[k] {
			return nil, fmt.Errorf("its axes %v do not fit rank %d", axes, rank)
		}
		isNew[k] = true
	}
	shape := make([]int, 0, rank)
	next := 0
	for i := range rank {
		if isNew[i] {
			shape = append(shape, 1)
		} else {
			shape = append(shape, x.Shape[next])
			next++
		}
	}
	return reshaped(x, shape)
}

func shapeOf(c *Call) ([]*Value, error) {
	r := int64(len(c.In[0].Shape))
	clamp := func(v int64) int64 {
		if v < 0 {
			v += r
		}
		return min(max(v, 0), r)
	}
	from, to := clamp(c.Node.AttrInt("start")), clamp(c.Node.Int("end", r))
	return []*Value{list(onnxio.Int64, tensor.Ints64(c.In[0].Shape[from:max(from, to)]))}, nil
}

func sizeOf(c *Call) ([]*Value, error) {
	return []*Value{scalar(onnxio.Int64, int64(c.In[0].Len()))}, nil
}
