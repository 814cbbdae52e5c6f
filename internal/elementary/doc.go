// Package elementary computes exponentials, logarithms, powers, trigonometric and
// error functions to the same bits on every processor.
//
// Those of package math differ in the last bit: some processors have assembly for
// them, and on some the compiler fuses a product and a sum into one instruction that
// rounds once. Here everything is made of sums, products, quotients and square roots
// that are each rounded once, whatever the processor. Arguments are reduced and series
// summed in pairs of float64, so that results are off by little more than half a unit
// in the last place. Special values are those of package math.
//
// What reaches the bytes of a written model uses these functions.
package elementary
