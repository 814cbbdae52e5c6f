package verify

import (
	"hash/fnv"
	"math/rand/v2"
)

// stream is a random stream that depends on the seed and a name alone.
func stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
