package random

import (
	"hash/fnv"
	"math/rand/v2"
)

// Stream is a random stream that depends on the seed and a name alone.
func Stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
