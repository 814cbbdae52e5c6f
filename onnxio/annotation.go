package onnxio

import "slices"

// quantizationField is quantization_annotation in GraphProto.
const quantizationField = 14

// Annotated gives for each tensor that has a quantization annotation the tensors
// that hold its scale and zero point.
func (g *Graph) Annotated() map[string][]string {
	out := map[string][]string{}
	for _, f := range g.fields {
		if name, params := annotation(f); f.num == quantizationField {
			out[name] = append(out[name], params...)
		}
	}
	return out
}

// annotation reads a TensorAnnotation; what cannot be read annotates nothing.
func annotation(f field) (tensor string, params []string) {
	fields, err := splitFields(f.body())
	if f.num != quantizationField || err != nil {
		return "", nil
	}
	for _, part := range fields {
		switch part.num {
		case 1:
			tensor = string(part.body())
		case 2:
			entry, err := splitFields(part.body())
			if err != nil {
				return "", nil
			}
			for _, e := range entry {
				if e.num == 2 {
					params = append(params, string(e.body()))
				}
			}
		}
	}
	return tensor, params
}

// dropAnnotations drops annotations of, or with, tensors that the graph no longer has.
func (g *Graph) dropAnnotations() {
	if !slices.ContainsFunc(g.fields, func(f field) bool { return f.num == quantizationField }) {
		return
	}
	names := g.names()
	g.fields = slices.DeleteFunc(slices.Clone(g.fields), func(f field) bool {
		tensor, params := annotation(f)
		return f.num == quantizationField && slices.ContainsFunc(append(params, tensor), func(name string) bool { return !names[name] })
	})
}
