package convert

import (
	"encoding/json"
	"slices"
	"strconv"

	"repmlp/onnxio"
)

// FileFacts describes a model file. Without Opset the file could not be read:
// only its path is known.
type FileFacts struct {
	Path          string           `json:"path"`
	SHA256        string           `json:"sha256,omitempty"`
	Bytes         int64            `json:"bytes"`
	IRVersion     int64            `json:"ir_version,omitempty"`
	Opset         map[string]int64 `json:"opset,omitempty"`
	Producer      string           `json:"producer,omitempty"`
	Nodes         int              `json:"nodes"`
	Parameters    int64            `json:"parameters"`
	Inputs        []ValueFacts     `json:"inputs,omitempty"` // that a caller feeds
	Outputs       []ValueFacts     `json:"outputs,omitempty"`
	External      []string         `json:"external,omitempty"`
	ExternalBytes int64            `json:"external_bytes,omitempty"`
	Identical     bool             `json:"identical,omitempty"`  // the output has the input's bytes
	Provenance    *Provenance      `json:"provenance,omitempty"` // what the model says of an earlier conversion
}

// MarshalJSON leaves out what is not known.
func (f *FileFacts) MarshalJSON() ([]byte, error) {
	if f.Opset == nil {
		return json.Marshal(struct {
			Path string `json:"path"`
		}{f.Path})
	}
	type plain FileFacts
	return json.Marshal((*plain)(f))
}

// ValueFacts describe an input or output of a model.
type ValueFacts struct {
	Name  string `json:"name"`
	Type  string `json:"type"`           // of the elements, as "float32", or what it is if no tensor, as "sequence"
	Shape []Size `json:"shape,omitzero"` // absent where the rank is not declared
}

// A Size is a declared dimension: a number, a name, or neither; its JSON form is a number,
// a string or null.
type Size struct {
	Value int64 // valid where Known
	Name  string
	Known bool
}

// String is the number, the name, or "?".
func (s Size) String() string {
	switch {
	case s.Known:
		return strconv.FormatInt(s.Value, 10)
	case s.Name != "":
		return s.Name
	}
	return "?"
}

// MarshalJSON writes a number, a string or null.
func (s Size) MarshalJSON() ([]byte, error) {
	switch {
	case s.Known:
		return json.Marshal(s.Value)
	case s.Name != "":
		return json.Marshal(s.Name)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Size) UnmarshalJSON(b []byte) error {
	*s = Size{}
	if err := json.Unmarshal(b, &s.Value); err == nil {
		s.Known = string(b) != "null"
		return nil
	}
	return json.Unmarshal(b, &s.Name)
}

// describe describes declared values.
func describe(list []*onnxio.ValueInfo) (facts []ValueFacts) {
	for _, v := range list {
		f := ValueFacts{Name: v.Name(), Type: v.Elem().String()}
		if v.Elem() == onnxio.Undefined && v.Kind() != "" {
			f.Type = v.Kind()
		}
		if v.Shape() {
			f.Shape = []Size{}
		}
		for _, d := range v.Dims() {
			f.Shape = append(f.Shape, Size{d.Value, d.Param, d.Known})
		}
		facts = append(facts, f)
	}
	return facts
}

// OpCounts counts the main graph's operators before and after.
type OpCounts struct {
	Before map[string]int `json:"before"`
	After  map[string]int `json:"after"`
}

// factsOf describes a model; path, hash and size are the caller's to fill in.
func factsOf(m *onnxio.Model) *FileFacts {
	f := &FileFacts{IRVersion: m.IRVersion(), Opset: map[string]int64{}, Nodes: len(m.Graph().Nodes()), External: m.ExternalFiles(), Provenance: provenance(m)}
	for _, o := range m.Opsets() {
		f.Opset[o.Domain] = o.Version
	}
	f.Producer = m.ProducerName()
	if m.ProducerVersion() != "" {
		f.Producer += " " + m.ProducerVersion()
	}
	inits := map[string]bool{}
	for _, t := range m.Graph().Inits() {
		f.Parameters += t.Len()
		inits[t.Name()] = true
	}
	f.Inputs = describe(slices.DeleteFunc(slices.Clone(m.Graph().Inputs()), func(v *onnxio.ValueInfo) bool { return inits[v.Name()] }))
	f.Outputs = describe(m.Graph().Outputs())
	for _, n := range m.Graph().Nodes() {
		for _, a := range n.Attrs() {
			if a.T() != nil && n.OpType() == "Constant" {
				f.Parameters += a.T().Len()
			}
		}
	}
	return f
}

// countOps counts the operators of the main graph.
func countOps(m *onnxio.Model) map[string]int {
	c := map[string]int{}
	for _, n := range m.Graph().Nodes() {
		c[operator(n)]++
	}
	return c
}

// operator is the operator of a node, with its domain where that is not ai.onnx.
func operator(n *onnxio.Node) string {
	if n.Domain() == "" {
		return n.OpType()
	}
	return n.Domain() + "." + n.OpType()
}
