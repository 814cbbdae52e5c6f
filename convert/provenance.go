package convert

import (
	"slices"
	"strings"

	"repmlp/onnxio"
)

// What a written model says of where it comes from, in metadata_props.
const (
	versionKey = "repmlp.version"       // of whoever converted
	sourceKey  = "repmlp.source_sha256" // of the file that was converted
)

// Provenance is what a model says of the conversion that it came from.
type Provenance struct {
	Version string `json:"version"`
	Source  string `json:"source_sha256,omitempty"` // of the file that was converted, where it was a file
}

// provenance reads what a model says of itself, nil where it says nothing.
func provenance(m *onnxio.Model) *Provenance {
	var p Provenance
	for _, e := range m.Metadata() {
		switch e.Key {
		case versionKey:
			p.Version = e.Value
		case sourceKey:
			p.Source = e.Value
		}
	}
	if p == (Provenance{}) {
		return nil
	}
	return &p
}

// noHash stands for a hash that nobody worked out, in models that are not written.
var noHash = strings.Repeat("0", 64)

// signed is a model that says where it comes from.
func (o Options) signed(m *onnxio.Model) (*onnxio.Model, error) {
	if o.NoMetadata || len(o.reserved) > 0 { // the body of a node has no place for it
		return m, nil
	}
	props := []onnxio.Property{{Key: versionKey, Value: o.Version}}
	if o.source != nil {
		hash, err := o.source()
		if err != nil {
			return nil, err
		}
		props = append(props, onnxio.Property{Key: sourceKey, Value: hash})
	} else if slices.ContainsFunc(m.Metadata(), func(p onnxio.Property) bool { return p.Key == sourceKey }) {
		props = append(props, onnxio.Property{Key: sourceKey, Value: ""}) // of an earlier source
	}
	return m.WithMetadata(props), nil
}

// sign has the result say where it comes from.
func (c *conversion) sign() error {
	m, err := c.opts.signed(c.res.Model)
	if err != nil {
		return err
	}
	if c.merged == c.res.Model {
		c.merged = m
	}
	c.res.Model = m
	return nil
}
