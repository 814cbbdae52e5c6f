package convert

import (
	"testing"

	"repmlp/convert/internal/layer"
)

// The spellings that importers choose are those of the layers.
func TestSpellingsAreChoices(t *testing.T) {
	for have, want := range map[FC]layer.Choice{FCAuto: layer.Auto, FCGemm: layer.Gemm, FCConv: layer.Grouped} {
		if have.choice() != want {
			t.Errorf("spelling %d is choice %d, want %d", have, have.choice(), want)
		}
	}
}
