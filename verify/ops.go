package verify

import "maps"

// operators is the table of everything that the Go engine runs.
func operators() map[string]operator {
	m := map[string]operator{}
	for _, part := range []map[string]operator{
		pointwise(), binaries(), shapes(), matrices(), convolutions(), pools(), norms(), reductions(), quantizers(), resizers(), controls(), indexers(),
	} {
		maps.Copy(m, part)
	}
	return m
}
