package affine

import (
	"fmt"
	"strings"
)

// Cross writes sizes as people do: 3×3.
func Cross[T int | int64](v []T) string {
	parts := make([]string, len(v))
	for i, d := range v {
		parts[i] = fmt.Sprint(d)
	}
	return strings.Join(parts, "×")
}
