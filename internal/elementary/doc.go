// Package elementary computes exponentials, logarithms, powers, trigonometric and
// error functions to the same bits on every processor.
//
// Those of package math differ in the last bit: some processors have assembly for
// them, and on some the compiler fuses a product and a sum into one instruction that
// rounds once. These are the functions of package math in Go (go1.26), under the
// licence beside them, with every such product rounded by an explicit conversion.
// What reaches the bytes of a written model uses them.
package elementary
