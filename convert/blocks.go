package convert

// A Block is a group of layers that people know by a name: a RepMLP block, a
// RepVGG block.
type Block struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Detail  string `json:"detail,omitempty"`
	Becomes string `json:"becomes,omitempty"`
	Region  string `json:"region,omitempty"`
}
