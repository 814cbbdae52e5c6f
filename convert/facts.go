package convert

import (
	"encoding/json"

	"repmlp/onnxio"
)

// FileFacts describes a model file. Without Opset the file could not be read:
// only its path is known.
type FileFacts struct {
	Path       string           `json:"path"`
	SHA256     string           `json:"sha256,omitempty"`
	Bytes      int64            `json:"bytes"`
	IRVersion  int64            `json:"ir_version,omitempty"`
	Opset      map[string]int64 `json:"opset,omitempty"`
	Producer   string           `json:"producer,omitempty"`
	Nodes      int              `json:"nodes"`
	Parameters int64            `json:"parameters"`
	External   []string         `json:"external,omitempty"`
	Identical  bool             `json:"identical,omitempty"` // the output has the input's bytes
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

// OpCounts counts the main graph's operators before and after.
type OpCounts struct {
	Before map[string]int `json:"before"`
	After  map[string]int `json:"after"`
}

// factsOf describes a model; path, hash and size are the caller's to fill in.
func factsOf(m *onnxio.Model) *FileFacts {
	f := &FileFacts{IRVersion: m.IRVersion(), Opset: map[string]int64{}, Nodes: len(m.Graph().Nodes()), External: m.ExternalFiles()}
	for _, o := range m.Opsets() {
		f.Opset[o.Domain] = o.Version
	}
	f.Producer = m.ProducerName()
	if m.ProducerVersion() != "" {
		f.Producer += " " + m.ProducerVersion()
	}
	for _, t := range m.Graph().Inits() {
		f.Parameters += t.Len()
	}
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
		op := n.OpType()
		if n.Domain() != "" {
			op = n.Domain() + "." + op
		}
		c[op]++
	}
	return c
}
